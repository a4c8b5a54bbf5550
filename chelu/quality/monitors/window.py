"""A stretch of time as the monitors look at it: streams, MAPs and tracks, with what went before as far as it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np

from chelu.messages import BSM, PARTICIPANT, SPAT, Batch
from chelu.quality.monitors.judged import Ints
from chelu.quality.monitors.junctions import Junction, Node, junctions
from chelu.quality.monitors.signal_streams import SignalStream, signal_streams
from chelu.quality.monitors.tracks import Tracks, tracks
from chelu.quality.monitors.vehicles import Vehicles, numbered, vehicles
from chelu.units import US_PER_S

LEAD_S = 120.0  # before a window: a whole red, a vehicle's way to the line, what a sender said last
LONGEST_STRETCH_S = int(LEAD_S)  # of the clock that is judged as a whole: all of it has to be there with the window
TAIL_S = 15.0  # behind it: where a vehicle that crosses at the end turns to
HEADER = {"device_key": "i4", "arrival_us": "i8"}
MAP = {"time_us": "i8", "arrival_us": "i8", "device_key": "i4", "message_count": "u1", "minute": "i8", "content": "i8"}
NO_MINUTE = -1
Result = TypeVar("Result")


class Begin(Protocol):
    """Whoever does parts of the work, each by itself: called by `window` and by `run.look`, from their caller's thread.

    Gives what waits for the part's result, or raises what the part raised; any thread may call it. Parts only read what they
    share, and are begun in the order in which they are given: one may wait for another that was given before it.
    """

    def __call__(self, part: Callable[[], Result], /) -> Callable[[], Result]: ...


def at_once(part: Callable[[], Result], /) -> Callable[[], Result]:
    """Does a part here and now."""
    result = part()
    return lambda: result


@dataclass(frozen=True, slots=True)
class Heard:
    """What a monitor run is given, each batch sorted by time: rows of the streams with the header's device_key and arrival_us.

    map: columns of `MAP`; content is the row of `contents`, the MAPs as JSON without count and time, each once. minute: of the
    year, as sent. uncounted: keys of devices whose format has no message count, so that 0 stands for none.
    """

    bsm: Batch = field(default_factory=lambda: nothing_of(BSM.dtypes()))
    participant: Batch = field(default_factory=lambda: nothing_of(PARTICIPANT.dtypes()))
    spat: Batch = field(default_factory=lambda: nothing_of(SPAT.dtypes()))
    map: Batch = field(default_factory=lambda: Batch({name: np.empty(0, kind) for name, kind in MAP.items()}))
    contents: tuple[Mapping[str, Any], ...] = ()
    uncounted: frozenset[int] = frozenset()

    def bounds_us(self) -> tuple[int, int]:
        """The first instant, and the one just behind the last; (0, 0) of nothing."""
        times = [one["time_us"] for one in (self.bsm, self.participant, self.spat, self.map) if len(one)]
        return (int(min(one[0] for one in times)), int(max(one[-1] for one in times)) + 1) if times else (0, 0)


@dataclass(frozen=True, slots=True)
class MapStream:
    """The MAPs (m,) of one node from one device; content (m,) as in `Heard`."""

    device_key: int
    junction: Node
    time_us: Ints
    arrival_us: Ints
    message_count: Ints
    minute: Ints
    content: Ints


@dataclass(frozen=True, slots=True)
class Window:
    """[from_us, to_us) is judged; rows from heard_us until heard_to_us are there for what they tell about it.

    junctions: the newest map of each node. around: what waits for the tracks of the vehicles around each, which take longest, so
    that who needs none may go ahead. known: streams (kind, device, region, node) that were there before, and are expected.
    uncounted: as in `Heard`.
    """

    from_us: int
    to_us: int
    heard_us: int
    heard_to_us: int
    signals: tuple[SignalStream, ...]
    maps: tuple[MapStream, ...]
    junctions: Mapping[Node, Junction]
    contents: tuple[Mapping[str, Any], ...]
    vehicles: Vehicles
    around: Mapping[Node, Callable[[], Tracks]]
    participant: Batch
    known: frozenset[tuple[str, int, int, int]] = frozenset()
    uncounted: frozenset[int] = frozenset()

    def instant_of(self, begin_us: Ints, width_us: int) -> Ints:
        """When stretches of the clock (k,) are judged, each once: at their first instant in the window in which they end."""
        return np.where(begin_us + width_us > self.from_us, np.maximum(begin_us, self.from_us), begin_us)

    def tracks(self, node: Node) -> Tracks:
        """Of the vehicles around a node of `junctions`."""
        return self.around[node]()


def nothing_of(dtypes: Mapping[str, Any]) -> Batch:
    """No rows of a stream, with the header's columns."""
    return Batch({name: np.empty(0, kind) for name, kind in {**HEADER, **dtypes}.items()})


def window(
    heard: Heard,
    from_us: int,
    to_us: int,
    *,
    junctions_before: Mapping[Node, Junction] | None = None,
    known: frozenset[tuple[str, int, int, int]] = frozenset(),
    lead_us: int = round(LEAD_S * US_PER_S),
    begin: Begin = at_once,
) -> Window:
    """The window of what was heard; junctions_before: maps that were heard earlier, which count where none is heard now.

    lead_us: how far what was heard before it counts.
    """
    heard_us, heard_to_us = from_us - lead_us, to_us + round(TAIL_S * US_PER_S)
    parts = {name: part(getattr(heard, name), heard_us, heard_to_us) for name in ("bsm", "participant", "spat", "map")}
    maps = part(parts["map"], heard_us, to_us)
    found = {**(junctions_before or {}), **_newest(maps, heard.contents)}
    signals = begin(lambda: signal_streams(parts["spat"]))
    number = numbered(parts["bsm"]["vehicle_id"])[1]  # sorted once for all that needs to know who is who
    around = {node: begin(partial(tracks, parts["bsm"], junction, number)) for node, junction in found.items()}
    moving = begin(lambda: vehicles(parts["bsm"], number))
    return Window(
        from_us=from_us,
        to_us=to_us,
        heard_us=heard_us,
        heard_to_us=heard_to_us,
        signals=signals(),
        maps=_map_streams(maps, heard.contents),
        junctions=found,
        contents=heard.contents,
        vehicles=moving(),
        around=around,
        participant=parts["participant"],
        known=known,
        uncounted=heard.uncounted,
    )


def part(batch: Batch, from_us: int, to_us: int) -> Batch:
    """The rows of [from, to) of a batch sorted by time; views, not copies."""
    a, b = np.searchsorted(batch["time_us"], [from_us, to_us])
    return Batch({name: column[a:b] for name, column in batch.columns.items()})


def _newest(maps: Batch, contents: Sequence[Mapping[str, Any]]) -> dict[Node, Junction]:
    """Of each node the map that was heard last."""
    last = {int(content): row for row, content in enumerate(maps["content"].tolist())}
    found: dict[Node, Junction] = {}
    for content in sorted(last, key=last.__getitem__):
        found |= {(one.region, one.node): one for one in junctions(contents[content])}
    return found


def _map_streams(maps: Batch, contents: Sequence[Mapping[str, Any]]) -> tuple[MapStream, ...]:
    found = []
    nodes = {content: _nodes(contents[content]) for content in np.unique(maps["content"]).tolist()}
    for device in np.unique(maps["device_key"]).tolist():
        mine = maps.take(maps["device_key"] == device)
        for node in sorted({node for content in np.unique(mine["content"]).tolist() for node in nodes[content]}):
            of = np.isin(mine["content"], [content for content, names in nodes.items() if node in names])
            columns = {name: mine[name][of].astype(np.int64) for name in MAP if name != "device_key"}
            found.append(MapStream(device, node, **columns))
    return tuple(found)


def _nodes(content: Mapping[str, Any]) -> set[Node]:
    return {(int(node["id"].get("region", 0)), int(node["id"]["id"])) for node in content.get("nodes", ())}
