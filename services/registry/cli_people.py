"""`chelu user …`, `chelu login` and what one does for oneself: who may do what."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.cli import extra
from services.registry.cli_shared import EXTRA, AsJson, open_client, present, print_one, print_rows

if TYPE_CHECKING:
    from chelu.api import Client

USER = typer.Typer(help="People and their roles.", no_args_is_help=True)
USER_COLUMNS = ("user_name", "full_name", "team", "roles", "is_active")

RoleOption = Annotated[
    list[str] | None,
    typer.Option("--role", help="ROLE for all sites or ROLE@SITE: viewer, tester, operator, administrator; several times."),
]

Team = Annotated[str | None, typer.Option(help="The vehicle team they belong to, whose devices' data they may see.")]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(USER, name="user")
    app.command("login")(login)
    app.command("logout")(logout)
    app.command("whoami")(whoami)
    app.command("password")(change_own_password)


def login(user_name: str, password: Annotated[str, typer.Option(prompt=True, hide_input=True)]) -> None:
    """Begin a session and print its token, which is good as CHELU_API_KEY until it expires."""
    with _client_without_key() as client:
        print_one(client.login(user_name, password), as_json=False)


def logout() -> None:
    """End the session whose token is CHELU_API_KEY; a key that is no session's goes on."""
    with open_client() as client:
        client.people("POST", "logout")


def whoami(*, as_json: AsJson = False) -> None:
    """Show whose key this is: roles, and the scopes it has."""
    with open_client() as client:
        me = client.me()
    _print_user(me if as_json else {**me, "scopes": "all" if me["scopes"] is None else ", ".join(me["scopes"])}, as_json=as_json)


def change_own_password(
    old: Annotated[str, typer.Option(prompt="Present password", hide_input=True)],
    new: Annotated[str, typer.Option(prompt="New password", hide_input=True, confirmation_prompt=True)],
) -> None:
    """Change one's own password; one's other sessions end."""
    with open_client() as client:
        client.people("PUT", "me", "password", json={"old": old, "new": new})


@USER.command("add")
def add_user(user_name: str, name: str = "", role: RoleOption = None, team: Team = None, *, as_json: AsJson = False) -> None:
    """Register a person, and print the password that was made: it is shown only once."""
    user = {"user_name": user_name, "full_name": name, "team": team, "roles": roles(role or [])}
    with open_client() as client:
        _print_user(client.people("POST", "users", json=user), as_json=as_json)


@USER.command("list")
def list_users(*, as_json: AsJson = False) -> None:
    """List people by name."""
    with open_client() as client:
        users = [{**user, "roles": _roles_text(user["roles"])} for user in client.people("GET", "users")]
    print_rows(users, USER_COLUMNS, as_json=as_json)


@USER.command("show")
def show_user(user_name: str, *, as_json: AsJson = False) -> None:
    """Show one person."""
    with open_client() as client:
        _print_user(client.people("GET", "users", user_name), as_json=as_json)


@USER.command("change")
def change_user(
    user_name: str,
    name: str | None = None,
    role: RoleOption = None,
    team: Team = None,
    active: Annotated[bool | None, typer.Option(help="Whether the person may log in.")] = None,
    *,
    password: Annotated[bool, typer.Option("--password", help="Ask for a new password.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change a person; roles are replaced as a whole. --role '' leaves none, --team '' takes the team away."""
    given: dict[str, Any] = present(full_name=name, is_active=active)
    given |= {} if role is None else {"roles": roles(text for text in role if text)}
    given |= {} if team is None else {"team": team or None}
    if password:
        given["password"] = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    with open_client() as client:
        changed = client.change_user(user_name, given)
    _print_user(changed, as_json=as_json)


@USER.command("delete")
def delete_user(user_name: str) -> None:
    """Delete a person with all keys."""
    with open_client() as client:
        client.people("DELETE", "users", user_name)


def roles(texts: Iterable[str]) -> list[dict[str, str | None]]:
    """``ROLE`` and ``ROLE@SITE`` texts as the API takes them."""
    return [{"role": text.partition("@")[0], "site": text.partition("@")[2] or None} for text in texts]


def _client_without_key() -> Client:
    """As `open_client`, but CHELU_API_URL alone is enough: whoever logs in need not have a key yet."""
    url = os.environ.get("CHELU_API_URL")
    if not url or os.environ.get("CHELU_API_KEY"):
        return open_client()
    with extra(EXTRA):
        from chelu.api import Client
        from chelu.tls import authority

        return Client(url, "none", ca_file=authority(os.environ))


def _print_user(user: dict[str, Any], *, as_json: bool) -> None:
    print_one(user if as_json else {**user, "roles": _roles_text(user["roles"])}, as_json=as_json)


def _roles_text(found: Sequence[dict[str, str | None]]) -> str:
    return ", ".join(f"{each['role']}@{each['site']}" if each["site"] else str(each["role"]) for each in found)
