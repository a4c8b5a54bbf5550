"""Roadside units and a site's map: what each is sent, and what it is heard to send."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chelu.errors import CheluError
from chelu.geo import LocalFrame
from chelu.roads.network import RoadNetwork
from chelu.topics import OPENV2X_PROFILE, Kind
from services.registry.maps import rows
from services.registry.maps.again import LASTING_S, SLOT
from services.registry.maps.models import Pushed, Pushing, UnitMap, UnitPart
from services.registry.maps.parts import Part, Parts, coverage_m, newest_nodes, told_otherwise
from services.registry.orders import frames, issuing
from services.registry.orders.machine import Moment
from services.registry.orders.rows import Task
from services.registry.problems import Fault, not_found
from services.registry.road_events import rows as event_rows

BACK = datetime.timedelta(minutes=10)  # a unit repeats its MAP: what it has not sent for so long it does not send
MOST_MESSAGES = 64
Unit = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version's network, in which metres it is, to whom it is to go, who wants it."""

    version: int
    network: RoadNetwork
    frame: LocalFrame
    pushing: Pushing
    actor: str


def push(connection: rows.Execute, site_id: str, wanted: Wanted, now: Moment) -> Pushed:
    """Queue an order for each unit that lacks its part; ProblemError 404 for a unit that is none of the site's."""
    found = _units(connection, site_id, wanted.pushing.units)
    known = _known(connection, found, now)
    map_slice, shown, bodies = f"{site_id} {wanted.version}", list[UnitPart](), dict[int, Mapping[str, Any]]()
    for unit, part in zip(found, _parts(found, wanted.version, wanted.network, wanted.frame), strict=True):
        why = _why(unit, part, known[unit["device_key"]])
        is_sent = part is not None and (not why or wanted.pushing.is_forced) and unit["profile"] != OPENV2X_PROFILE
        shown.append(_shown(unit, part, map_slice, why="" if is_sent else why))
        if part is not None and is_sent:
            about = {"mapSlice": map_slice, "eTag": part.e_tag, "version": wanted.version}
            bodies[unit["device_key"]] = frames.body_of(part.frame, **about)
    if not bodies:
        return Pushed(version=wanted.version, dispatch=None, units=shown)
    task = Task(
        actor=wanted.actor,
        topic="map",
        slot=SLOT,
        body={"version": wanted.version, "site": site_id},
        bodies=bodies,
        lasting_s=wanted.pushing.lasting_s or LASTING_S,
        selection={"devices": [one.device_id for one in shown if one.is_sent]},
    )
    return Pushed(version=wanted.version, dispatch=issuing.issue(connection, task, now), units=shown)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a unit's map: what it reports, what it was heard to send lately, when last."""

    reported: Mapping[str, Any]
    nodes: Mapping[Any, Any]
    heard: Moment | None

    @property
    def e_tag(self) -> str | None:
        tag = self.reported.get("eTag")
        return str(tag)[:200] if tag else None


def _known(connection: rows.Execute, found: Sequence[Unit], now: Moment) -> dict[int, _Known]:
    keys = [unit["device_key"] for unit in found]
    reported = rows.reported_tags(connection, keys)
    heard = rows.heard(connection, keys, now - BACK, MOST_MESSAGES)
    return {
        key: _Known(
            reported.get(key, {}),
            newest_nodes(value for _, value in heard.get(key, ())),
            heard[key][0][0] if key in heard else None,
        )
        for key in keys
    }


def _parts(found: Sequence[Unit], version: int, network: RoadNetwork, frame: LocalFrame) -> list[Part | None]:
    """Each unit's part; ProblemError 422 for a map that MAP messages cannot hold, which no later try would mend."""
    try:
        parts = Parts(network, frame)
        return [parts.of(unit) for unit in found]
    except CheluError as error:
        issuing.refuse([Fault("version", str(version), f"a map that MAP messages can hold ({error})")])
        raise


def _why(unit: Unit, part: Part | None, known: _Known) -> str:
    """Why a unit is not sent its part; nothing when it must be."""
    if part is None:
        if unit["latitude_deg"] is None or unit["longitude_deg"] is None:
            return "nobody has said where it stands"
        return f"no node that a road leads to, and that fits into a frame, is within its {coverage_m(unit):g} m"
    if unit["profile"] == OPENV2X_PROFILE:
        return f"it takes no frames, being of profile {OPENV2X_PROFILE}"
    if known.e_tag == part.e_tag:
        return "it says that it has it"
    return "it is heard to send it" if known.nodes and not told_otherwise(part, known.nodes) else ""


def _shown(unit: Unit, part: Part | None, map_slice: str, why: str) -> UnitPart:
    return UnitPart(
        device_id=unit["device_id"],
        map_slice=map_slice,
        e_tag=part.e_tag if part is not None else None,
        nodes=[node["id"]["id"] for node in part.nodes] if part is not None else [],
        beyond=part.beyond if part is not None else 0,
        bytes=len(part.frame) if part is not None else 0,
        is_sent=not why,
        why=why,
    )


def compared(
    connection: rows.Execute, site_id: str, valid: tuple[int | None, RoadNetwork | None, LocalFrame], now: Moment
) -> list[UnitMap]:
    """Of each unit of the site what it should send, has and sends; valid: the valid version, its network, the site's frame."""
    version, network, frame = valid
    found = _units(connection, site_id, None)
    known = _known(connection, found, now)
    parts = [None] * len(found) if network is None or version is None else _parts(found, version, network, frame)
    pairs = [(unit, part) for unit, part in zip(found, parts, strict=True) if unit["profile"] != OPENV2X_PROFILE]
    return [_compared(unit, known[unit["device_key"]], version, part) for unit, part in pairs]


def _compared(unit: Unit, known: _Known, version: int | None, part: Part | None) -> UnitMap:
    differences = told_otherwise(part, known.nodes)
    if part is not None and not known.nodes:
        differences = ["it has not been heard to send a MAP lately"]
    if part is not None and known.e_tag is not None and known.e_tag != part.e_tag:
        differences.append(f"it says that it has the map {known.e_tag[:12]}, and should have {part.e_tag[:12]}")
    return UnitMap(
        device_id=unit["device_id"],
        version=version,
        e_tag=part.e_tag if part is not None else None,
        reported_e_tag=known.e_tag,
        heard=known.heard,
        nodes=sorted(number for _, number in known.nodes),
        differences=differences,
    )


def _units(connection: rows.Execute, site_id: str, ids: Sequence[str] | None) -> list[Unit]:
    found = event_rows.units(connection, site_id, ids)
    lacking = sorted(set(ids or ()) - {unit["device_id"] for unit in found})
    if lacking:
        raise not_found("roadside unit of the site that may be told something", lacking[0])
    issuing.refuse([Fault("units", unit["device_id"], "roadside units only") for unit in found if unit["kind"] != Kind.RSU])
    return list(found)
