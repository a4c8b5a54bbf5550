"""The passwords and keys of a site on this machine: made once, kept in files that only its owner may read."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass

from chelu.errors import CannotStartError
from chelu.local import files
from chelu.local.files import Layout

BITS = 256


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Random and independent of each other; `accounts` are the services' own at the broker."""

    database_password: str
    api_key: str
    accounts: dict[str, str]


def load(layout: Layout, *, accounts: tuple[str, ...]) -> Secrets:
    """The site's secrets, made where missing; CannotStartError when a database is there whose password is lost."""
    _check_owner(layout)
    known = files.read_json(layout.secrets)
    if "database_password" not in known and (layout.postgres / "PG_VERSION").exists():
        raise CannotStartError(
            f"{layout.secrets} is missing, which holds the password of the database in {layout.postgres}",
            "restore it, or start with another --data",
        )
    old = known.get("accounts", {})
    found = Secrets(
        known.get("database_password") or _random(),
        known.get("api_key") or _random(),
        {name: old.get(name) or _random() for name in accounts},
    )
    files.write_json(layout.secrets, asdict(found))
    files.write_text(layout.api_key, found.api_key + "\n")
    files.write_text(layout.accounts, json.dumps(found.accounts) + "\n")
    return found


def forget(layout: Layout, account: str) -> None:
    """Take away an account at the broker that nobody uses any more."""
    known = files.read_json(layout.secrets)
    known["accounts"] = {name: password for name, password in known.get("accounts", {}).items() if name != account}
    files.write_json(layout.secrets, known)
    files.write_text(layout.accounts, json.dumps(known["accounts"]) + "\n")


def _check_owner(layout: Layout) -> None:
    """Somebody else's site is not ours to start: root, too, would leave files that its owner cannot read."""
    try:
        owner = layout.secrets.stat().st_uid
    except FileNotFoundError:
        return
    if owner != os.geteuid():
        raise CannotStartError(
            f"the site in {layout.data} belongs to another user (id {owner})", "start it as that user, or with another --data"
        )


def _random() -> str:
    return secrets.token_hex(BITS // 8)
