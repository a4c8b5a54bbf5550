"""What the API takes and gives of people and keys."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from services.registry.models import Identifier, Model, Name
from services.registry.roles import Role, Scope

RESERVED = frozenset(
    {"administrator", "registry"}
)  # names that the audit log has for the installation's own key and the registry


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"a name other than {', '.join(sorted(RESERVED))}")
    return name


UserName = Annotated[Identifier, AfterValidator(_not_reserved)]
Password = Annotated[str, StringConstraints(min_length=12, max_length=128)]


class SiteRole(Model):
    """A role on a site, or on all."""

    site: Identifier | None = Field(None, description="null: every site")
    role: Role


Roles = Annotated[list[SiteRole], Field(max_length=1000)]


class UserChange(Model):
    """What of a user may change; `roles` are replaced as a whole."""

    full_name: Name = ""
    is_active: bool = True
    team: Identifier | None = Field(None, description="the vehicle team they belong to, whose devices' data they may see")
    roles: Roles = Field(default_factory=list)
    password: Password | None = Field(
        None, repr=False, description="null: leave it as it is; for a new user, make one and show it once"
    )


class NewUser(UserChange):
    """A person who may log in."""

    user_name: UserName


class User(Model):
    """A registered person; `version` is the ETag."""

    user_name: str
    full_name: str
    is_active: bool
    team: str | None
    roles: list[SiteRole]
    version: int
    created: datetime.datetime


class AddedUser(User):
    """A new person, with the password if one was made: it is shown only once."""

    password: str | None = None


class Login(Model):
    """A name and a password."""

    user_name: Identifier
    password: Annotated[str, StringConstraints(max_length=128)] = Field(repr=False)


class Session(Model):
    """A session: the token is sent as an API key is."""

    token: str
    expires: datetime.datetime


class PasswordChange(Model):
    """One's own new password."""

    old: Annotated[str, StringConstraints(max_length=128)] = Field(repr=False)
    new: Password = Field(repr=False)


class Me(Model):
    """Who is asking, and what the key may be used for."""

    name: str
    user: str | None
    roles: list[SiteRole]
    scopes: list[Scope] | None = Field(description="null: all that the roles allow")


class NewKey(Model):
    """A key that acts for a person."""

    name: Identifier
    owner: Identifier | None = Field(None, description="null: oneself; others need an administrator of all sites")
    scopes: Annotated[list[Scope], Field(min_length=1)] | None = Field(None, description="null: all that the owner may")
    expires: AwareDatetime | None = Field(None, description="null: never")


class Key(Model):
    """A key; its value is shown only when it is made."""

    name: str = Field(description="owner/name")
    owner: str | None
    scopes: list[Scope] | None
    expires: datetime.datetime | None
    is_session: bool
    created: datetime.datetime


class AddedKey(Key):
    """A new key with its value."""

    key: str
