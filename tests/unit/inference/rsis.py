"""RSI messages for tests, as JSON in absolute places, told in a site's local metres."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from chelu.applications.common import EventParameters
from chelu.codec.cv2x_time import minute_of_year
from chelu.geo import LocalFrame
from services.inference.events.nearing import Movers, nearing
from services.inference.events.table import EventTable
from services.inference.events.told import Heard, Told, of_rsi
from tests.unit.inference.scenes import EPOCH_US

FRAME = LocalFrame(29.55, 106.57, 250.0)
P = EventParameters()


def spot(east: float, north: float, up: float | None = None) -> dict[str, Any]:
    """A place in local metres as a position of a message."""
    latitude, longitude, elevation = FRAME.to_geodetic(np.array([[east, north, up or 0.0]]))
    found: dict[str, Any] = {
        "offset_ll": {"position-LatLon": {"longitude_deg": float(longitude[0]), "latitude_deg": float(latitude[0])}}
    }
    return found if up is None else found | {"offset_v": {"elevation": float(elevation[0])}}


def path(*points: tuple[float, ...], radius_m: float = 5.0) -> dict[str, Any]:
    """A reference path in local metres."""
    return {"active_path": [spot(*point) for point in points], "path_radius_m": radius_m}


def event(code: int, number: int = 1, **more: Any) -> dict[str, Any]:
    """An event of an RSI; `more`: any field of it."""
    return {"rte_id": number, "event_type": code, "event_source": "detection", **more}


def sign(code: int, number: int = 1, *, text: str = "", **more: Any) -> dict[str, Any]:
    """A sign of an RSI."""
    return {"rts_id": number, "sign_type": code, **({"description": {"textString": text}} if text else {}), **more}


def minute(at_s: float) -> int:
    """The minute of the year, so long after the tests' epoch."""
    return int(minute_of_year(np.array([EPOCH_US + round(at_s * 1e6)], np.int64))[0][0])


def rsi(
    *events: dict[str, Any], signs: tuple[dict[str, Any], ...] = (), sender: int = 2, at_s: float = 0.0, **more: Any
) -> Heard:
    """A message of these, heard from a device `at_s` after the tests' epoch."""
    value = {"message": "rsi", "message_count": 0, "rsu_id": "00" * 8, "reference_position": {}, **more}
    value |= {"rtes": list(events)} if events else {}
    value |= {"rtss": list(signs)} if signs else {}
    return Heard(value, sender, EPOCH_US + round(at_s * 1e6))


def told(*messages: Heard, counts: Counter[str] | None = None) -> list[Told]:
    """What the messages tell."""
    return of_rsi(messages, FRAME, Counter() if counts is None else counts)


def table(*messages: Heard, lanes=None, p: EventParameters = P) -> EventTable:
    """A table that has heard these."""
    found = EventTable(p, lanes)
    found.update(told(*messages, counts=found.counts))
    return found


def movers(*vehicles: tuple[float, float, float, float], lane: int = -1, offset_m: float = 0.0) -> Movers:
    """Vehicles at (east, north, up) with a heading."""
    rows = np.array(vehicles, np.float64).reshape(-1, 4)
    n = len(rows)
    return Movers(rows[:, :3], rows[:, 3], np.full(n, lane, np.int64), np.full(n, offset_m))


def near(
    events: EventTable, *vehicles: tuple[float, float, float, float], at_s: float = 0.0
) -> list[tuple[int, int, float, bool]]:
    """(vehicle, code, metres left, inside) for every event that a vehicle is in or drives into."""
    instant = EPOCH_US + round(at_s * 1e6)
    holding = events.holding(instant)
    found = nearing(holding, movers(*vehicles), instant, P)
    codes = [holding.things[one].code for one in found.thing.tolist()]
    return sorted(zip(found.mover.tolist(), codes, found.distance_m.tolist(), found.is_inside.tolist(), strict=True))
