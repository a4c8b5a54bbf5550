"""Whose whereabouts a caller may know: those of others' vehicles are for the site's testers, as what was stored of them is."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.roles import Caller, Role

# Of `device`, with `vehicle` as what it is on.
MOVES = "(device.kind IN ('obu', 'vehicle') OR device.on_vehicle_key IS NOT NULL)"
JOINED = "register.device LEFT JOIN register.device AS vehicle ON vehicle.device_key = device.on_vehicle_key"
IS_OWN = "coalesce(coalesce(device.team, vehicle.team) = %(team)s::text, false)"
OWN_IDS = f"SELECT device.vehicle_id FROM {JOINED} WHERE device.vehicle_id IS NOT NULL AND {IS_OWN}"  # noqa: S608 - constants only


def may_know(device_key: str) -> str:
    """A condition on rows: of no device, of one that stays where it is, or of one's own team's; of one that is gone: not."""
    known = f"SELECT device.device_key FROM {JOINED} WHERE NOT {MOVES} OR {IS_OWN}"  # noqa: S608 - constants only
    return f"(%(is_tester)s OR {device_key} < 0 OR {device_key} IN ({known}))"


def asking(who: Caller, site_id: str) -> dict[str, Any]:
    """What `may_know` asks of the caller."""
    return {"is_tester": who.has(Role.TESTER, site_id), "team": who.team}


def own_ids(connection: Connection[DictRow], who: Caller, site_id: str) -> set[int] | None:
    """The ids by which the caller's own vehicles call themselves, signed as rows have them; None: every vehicle's may be told."""
    if who.has(Role.TESTER, site_id):
        return None
    return {row["vehicle_id"] for row in connection.execute(OWN_IDS.encode(), {"team": who.team})}
