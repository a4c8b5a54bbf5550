"""Which devices a selection names, and whether the caller may give them orders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from chelu.topics import Kind
from services.registry.access import require
from services.registry.device_search import FILTERS
from services.registry.lifecycle import SPEAKING
from services.registry.orders.models import MOST_DEVICES, Selection
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.roles import Caller, Role

SELECT = """SELECT device_key, device_id, kind, site_id, serial FROM register.device WHERE {where}
    ORDER BY device_id LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class Target:
    """A device that is to be told something."""

    device_key: int
    device_id: str
    kind: Kind
    site_id: str
    serial: str | None = None


def select(connection: Connection[DictRow], who: Caller, selection: Selection) -> list[Target]:
    """The devices of a selection, those left out that may not speak; ProblemError for none, too many, or a site not the caller's.

    Filters find devices of the caller's sites only; a device that is named must be one of theirs.
    """
    given = selection.model_dump(exclude_none=True, mode="json")
    sites = None if selection.devices is not None else who.sites(Role.OPERATOR)
    found = [_target(row) for row in connection.execute(*_query(given, sites)).fetchall()]
    if selection.devices is not None and not _is_filtered(given):
        known = {target.device_id for target in found}
        if missing := [name for name in selection.devices if name not in known]:
            raise _untold(connection, missing[0])
    require(who, Role.OPERATOR, {target.site_id for target in found})
    if not found:
        raise _refused(json.dumps(given, ensure_ascii=False), "what names at least one device that may be told something")
    if len(found) > MOST_DEVICES:
        raise _refused(f"over {MOST_DEVICES} devices", f"at most {MOST_DEVICES} at once: select fewer")
    return found


def _untold(connection: Connection[DictRow], device_id: str) -> ProblemError:
    """Why a device that was named is not among those that may be told something."""
    row = connection.execute("SELECT lifecycle FROM register.device WHERE device_id = %s", (device_id,)).fetchone()
    if row is None:
        return not_found("device", device_id)
    fault = Fault("selection.devices", device_id, f"one that is {' or '.join(sorted(SPEAKING))}")
    return ProblemError(HTTPStatus.CONFLICT, f"device {device_id!r} is {row['lifecycle']}: it is told nothing", [fault])


def _is_filtered(given: Mapping[str, Any]) -> bool:
    return len(given) > 1


def _query(given: Mapping[str, Any], sites: list[str] | None) -> tuple[bytes, dict[str, Any]]:
    where = ["device.lifecycle = ANY(%(speaking)s)", *(FILTERS[name] for name in given if name != "devices")]
    if "devices" in given:
        where.append("device.device_id = ANY(%(devices)s)")
    if sites is not None:
        where.append(FILTERS["sites"])
    values = {name: Jsonb(value) if name == "labels" else value for name, value in given.items()}
    more = {"speaking": sorted(SPEAKING), "sites": sites, "limit": MOST_DEVICES + 1}
    return SELECT.format(where=" AND ".join(where)).encode(), {**values, **more}


def _target(row: Mapping[str, Any]) -> Target:
    return Target(row["device_key"], row["device_id"], Kind(row["kind"]), row["site_id"], row["serial"])


def _refused(value: str, allowed: str) -> ProblemError:
    fault = Fault("selection", value, allowed)
    return ProblemError(HTTPStatus.CONFLICT, f"selection = {value} is not allowed: {allowed}", [fault])
