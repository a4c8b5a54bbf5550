"""What the register knows of those who ask, and of the devices they ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chelu.clock import Clock
from services.registry.database import Register
from services.registry.roles import Caller, Role, Scope

KEYS = """SELECT api_key.hash, api_key.name, api_key.owner, api_key.scopes, api_key.is_session, api_key.expires, person.team,
        site_role.site_id, site_role.role
    FROM register.api_key LEFT JOIN register.person ON person.user_name = api_key.owner
        LEFT JOIN register.site_role ON site_role.user_name = api_key.owner
    WHERE api_key.hash = ANY(%(hashes)s) AND (api_key.expires IS NULL OR api_key.expires > now())
        AND (api_key.owner IS NULL OR person.is_active)"""
DEVICES = """SELECT device.device_id, device.device_key, device.kind, device.site_id, device.envelope, device.standard,
        coalesce(device.team, vehicle.team) AS team
    FROM register.device LEFT JOIN register.device AS vehicle ON vehicle.device_key = device.on_vehicle_key
    WHERE device.device_id = ANY(%(device_ids)s)"""
REMEMBERED_S = 1.0
MOST_REMEMBERED = 1000
EVERYTHING: dict[str | None, Role] = {None: Role.ADMINISTRATOR}


def callers(register: Register, hashes: Collection[bytes]) -> dict[bytes, Caller]:
    """Whose these keys are, by the keys' hashes; those that count no more are missing."""
    rows: dict[bytes, list[dict[str, Any]]] = {}
    for row in register.rows(KEYS, {"hashes": list(hashes)}):
        rows.setdefault(bytes(row["hash"]), []).append(row)
    return {key: _caller(found) for key, found in rows.items()}


class Callers:
    """Whose key this is, remembered until something in the register changes, and a second at most: keys also expire.

    Any thread may ask.
    """

    def __init__(self, register: Register, clock: Clock) -> None:
        self._register, self._clock = register, clock
        self._known: dict[bytes, _Known] = {}

    def remembered(self, key: bytes) -> Caller | None:
        """By the key's hash, without asking the register; None when it has to be asked."""
        known = self._known.get(key)
        is_fresh = known and known.changes == self._register.changes and self._clock.monotonic_s() < known.until_s
        return known.caller if known and is_fresh else None

    def find(self, key: bytes) -> Caller | None:
        """By the key's hash, as the register has it now; None when it is nobody's."""
        changes, until_s = self._register.changes, self._clock.monotonic_s() + REMEMBERED_S
        found = callers(self._register, [key]).get(key)
        if found is not None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known = {}
            self._known[key] = _Known(found, changes, until_s)
        return found


@dataclass(frozen=True, slots=True)
class _Known:
    """A caller as known after so many changes of the register."""

    caller: Caller
    changes: int
    until_s: float


def _caller(rows: Sequence[Mapping[str, Any]]) -> Caller:
    first = rows[0]
    if first["owner"] is None:
        return Caller(first["name"], None, EVERYTHING)
    scopes = None if first["scopes"] is None else frozenset(Scope(scope) for scope in first["scopes"])
    roles = {row["site_id"]: Role(row["role"]) for row in rows if row["role"]}
    if first["is_session"]:
        return Caller(first["owner"], first["owner"], roles, scopes, first["team"])
    return Caller(first["name"], first["owner"], roles, scopes, first["team"], first["expires"])


def devices(register: Register, device_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What there is to know of registered devices before their data is handed out, by id."""
    return {row["device_id"]: row for row in register.rows(DEVICES, {"device_ids": list(device_ids)})}


def sites_of(known: Mapping[str, Mapping[str, Any]], device_ids: Iterable[str], team: str | None) -> list[str | None]:
    """The sites of devices, those of this team left out; one that is not registered counts for all sites."""
    found = [known.get(device_id, {"site_id": None, "team": None}) for device_id in device_ids]
    return list(dict.fromkeys(row["site_id"] for row in found if team is None or row["team"] != team))
