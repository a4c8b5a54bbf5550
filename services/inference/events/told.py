"""RSI messages and T/ITS 0180.1 event documents, brought to one form: `Told`, in the site's local metres.

What says nothing that could be used (no place, times that end before they begin) becomes no `Told`; it is counted by its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.codec.cv2x_time import UNKNOWN_MS, US_PER_MINUTE, minute_time_us
from chelu.codec.places import geodetic
from chelu.messages import Batch
from services.inference.reports import Floats, Frame, Ints

FOREVER_US = 1 << 62
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Path:
    """Points (k, 3) in driving direction and how far to both sides of them the path reaches."""

    points: Floats
    radius_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """One event or sign as one sender tells it.

    source: what the sender calls it, so that it can be renewed, changed and withdrawn; said: everything it says of itself, to
    compare; place: east, north, up, None where only paths say where it is; radius_m: 0 when not said; start_us, end_us: while it
    holds, `FOREVER_US` without an end; is_perceived: a roadside computer sees it and goes on saying so.
    """

    source: tuple[Any, ...]
    said: Any
    is_sign: bool
    code: int
    text: str
    priority: int
    place: Floats | None
    radius_m: float
    paths: tuple[Path, ...]
    start_us: int
    end_us: int
    heard_us: int
    is_perceived: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """An RSI as JSON (`chelu.codec.cv2x.Message`), who said it and when it was heard."""

    value: Json
    device_key: int
    reference_us: int


def of_rsi(messages: Sequence[Heard], frame: Frame, counts: Counter[str]) -> list[Told]:
    """Every event and sign that says where it is and when it holds; all their places are worked out at once."""
    items = [(one, *item) for one in messages for item in _items(one.value)]
    places = _Places()
    spots = [places.of_item(item, one.value.get("reference_position", {}), is_sign=is_sign) for one, item, _, is_sign in items]
    local = places.local(frame)
    found: list[Told] = []
    for (one, item, name, is_sign), spot in zip(items, spots, strict=True):
        told = _told(one, item, (one.device_key, is_sign, name), spot(local), is_sign=is_sign, counts=counts)
        if told is not None:
            found.append(told)
    return found


def of_events(rows: Batch, device_key: Ints, frame: Frame, counts: Counter[str]) -> list[Told]:
    """Events that roadside computers perceive (`chelu.messages.EVENT`); device_key (n,): whose they are."""
    local = frame.to_local(rows["latitude_deg"], rows["longitude_deg"], rows["elevation_m"])
    found = []
    for row in range(len(rows)):
        start, end = (int(rows[name][row]) if rows[f"{name}_valid"][row] else 0 for name in ("started_us", "ended_us"))
        code, place = int(rows["event_type"][row]), local[row]
        if not np.isfinite(place[:2]).all():
            counts["event_nowhere"] += 1
            continue
        if end and end < start:
            counts["event_times"] += 1
            continue
        heard = int(rows["time_us"][row])
        named = int(rows["event_id"][row]) if rows["event_id_valid"][row] else tuple(np.round(place[:2] / 10.0).tolist())
        found.append(
            Told(
                source=(int(device_key[row]), "event", code, named),
                said=(tuple(np.round(place, 1).tolist()), start, end),
                is_sign=False,
                code=code,
                text="",
                priority=0,
                place=place,
                radius_m=0.0,
                paths=(),
                start_us=start,
                end_us=end or FOREVER_US,
                heard_us=heard,
                is_perceived=True,
            )
        )
    return found


def _items(value: Json) -> Iterator[tuple[Json, Any, bool]]:
    """Each event and sign, what its sender calls it, and whether it is a sign."""
    alerts = value.get("alert_ids")
    for place, event in enumerate(value.get("rtes", ())):
        yield event, alerts[place] if alerts else event["rte_id"], False
    for sign in value.get("rtss", ()):
        yield sign, sign["rts_id"], True


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where an item is."""

    place: Floats | None
    paths: tuple[Path, ...]


class _Places:
    """Collects the geodetic points of many items, so that they are turned into local metres at once."""

    def __init__(self) -> None:
        self._points: list[tuple[float, float, float]] = []

    def of_item(self, item: Json, reference: Json, *, is_sign: bool) -> Callable[[Floats], _Spot]:
        """Note an item's points; what comes back makes its spot of all points' local places."""
        position = item.get("sign_pos" if is_sign else "event_pos")
        own = None if position is None else self._note([geodetic(position, reference)])
        paths = [
            (self._note([geodetic(point, reference) for point in path["active_path"]]), float(path["path_radius_m"]))
            for path in item.get("reference_paths", ())
        ]
        return lambda local: _Spot(
            None if own is None else _finite(local[own][0]), tuple(Path(local[rows], radius) for rows, radius in paths)
        )

    def local(self, frame: Frame) -> Floats:
        """All points in local metres."""
        points = np.array(self._points, np.float64).reshape(-1, 3)
        return frame.to_local(points[:, 0], points[:, 1], points[:, 2])

    def _note(self, points: Sequence[tuple[float, float, float]]) -> slice:
        begin = len(self._points)
        self._points += points
        return slice(begin, len(self._points))


def _finite(place: Floats) -> Floats | None:
    return place if np.isfinite(place[:2]).all() else None


def _told(heard: Heard, item: Json, source: tuple[Any, ...], spot: _Spot, *, is_sign: bool, counts: Counter[str]) -> Told | None:
    paths = tuple(path for path in spot.paths if np.isfinite(path.points[:, :2]).all())
    counts["event_path"] += len(spot.paths) - len(paths)
    if spot.place is None and not paths:
        counts["event_nowhere"] += 1
        return None
    span = _span_us(item.get("time_details", {}), heard.reference_us)
    if span is None:
        counts["event_times"] += 1
        return None
    return Told(
        source=source,
        said=(item, heard.value.get("reference_position")),
        is_sign=is_sign,
        code=int(item["sign_type" if is_sign else "event_type"]),
        text=_text(item.get("description")),
        priority=int(item.get("priority") or "0", 16) >> 5,
        place=spot.place,
        radius_m=float(item.get("event_radius_m", 0.0)),
        paths=paths,
        start_us=span[0],
        end_us=span[1],
        heard_us=_said_us(heard),
        is_perceived=False,
    )


def _said_us(heard: Heard) -> int:
    """When the message was made: the instant of the minute that it names nearest to the hearing, and not after that."""
    minute = heard.value.get("minute_of_year")
    return heard.reference_us if minute is None else min(_nearest_us(minute, heard.reference_us), heard.reference_us)


def _span_us(details: Json, reference_us: int) -> tuple[int, int] | None:
    """From when until when; minutes of the year nearest to the hearing. None when the end comes before the beginning."""
    start, end = details.get("start_time"), details.get("end_time")
    start_us = 0 if start is None else _minute_us(start, reference_us)
    end_us = FOREVER_US if end is None else _minute_us(end, reference_us)
    return (start_us, end_us) if end_us >= start_us else None


def _minute_us(minute: int, reference_us: int) -> int:
    """The begin of a minute of the year."""
    return _nearest_us(minute, reference_us) // US_PER_MINUTE * US_PER_MINUTE


def _nearest_us(minute: int, reference_us: int) -> int:
    return int(minute_time_us(np.array([minute]), np.array([UNKNOWN_MS]), np.array([reference_us], np.int64))[0])


def _text(description: Json | None) -> str:
    """The words of an event, whichever way they were written."""
    if not description:
        return ""
    if "textString" in description:
        return str(description["textString"])
    return bytes.fromhex(description["textGB2312"]).decode("gb2312", "replace")
