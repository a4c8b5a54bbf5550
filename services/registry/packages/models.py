"""What the API takes and gives of packages, makers' keys and upgrade rules."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from chelu.signing import KEY, OWN, SHA256, SIGNATURE, VERSION, is_free
from services.registry.models import Identifier, Model, Word

Component = Literal["firmware", "model"]


def _no_dots_alone(text: str) -> str:
    if text in {".", "..", "current"}:
        raise ValueError("no '.', '..' or 'current', which mean something else beside a package's files")
    return text


def _free(text: str) -> str:
    if not is_free(text):
        raise ValueError(f"none of {', '.join(sorted(OWN))} and nothing that begins with '.': files of a device's own")
    return text


Version = Annotated[
    str, StringConstraints(pattern=f"^{VERSION.pattern}$"), AfterValidator(_no_dots_alone), Field(examples=["1.2.0"])
]
PackageName = Annotated[Identifier, AfterValidator(_free)]
PackageVersion = Annotated[Version, AfterValidator(_free)]
PublicKey = Annotated[
    str, StringConstraints(pattern=f"^{KEY.pattern}$"), Field(description="Ed25519, hexadecimal", examples=["ab" * 32])
]
Signature = Annotated[
    str, StringConstraints(pattern=f"^{SIGNATURE.pattern}$"), Field(description="Ed25519, hexadecimal", examples=["cd" * 64])
]
Digest = Annotated[
    str, StringConstraints(pattern=f"^{SHA256.pattern}$"), Field(description="SHA-256, hexadecimal", examples=["ef" * 32])
]


class NewSigningKey(Model):
    """A maker's public key: packages that it signed are taken."""

    name: Identifier
    public_key: PublicKey


class SigningKey(NewSigningKey):
    """A maker's key; one that is revoked signs nothing more."""

    revoked: datetime.datetime | None
    created: datetime.datetime


class Package(BaseModel):
    """A package: what its maker signed."""

    package_id: int
    component: Component
    name: str
    version: str
    bytes: int
    sha256: Digest
    signature: Signature
    key: str = Field(description="the maker's")
    created: datetime.datetime
    is_there: bool = Field(description="whether its file is; a restored backup has none")


class NewRule(Model):
    """Which devices may have a package: of this vendor and model, from this version; null for any."""

    vendor: Identifier | None = None
    model: Word | None = None
    from_version: Version | None = Field(None, description="null: from any, also from one that is not known")


class Rule(NewRule):
    """A rule of a package."""

    rule_id: int
    package_id: int
