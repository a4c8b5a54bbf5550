"""The events and signs that hold at a site now: told, renewed, changed, withdrawn and outlived, bounded in number.

What several senders tell of one event is one thing, with the shape that the first of them gave it. Owned by one thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np

from chelu.applications.common import EventParameters
from services.inference.events.holding import Holding, Thing, holding_of
from services.inference.events.kinds import Meaning, limit_of, meaning_of, name_of, users_of
from services.inference.events.lanes import NOWHERE, LaneRows, LaneWays
from services.inference.events.shapes import Shape, is_leading, shape_of
from services.inference.events.told import FOREVER_US, Told
from services.inference.reports import Floats, Ints

MOST_EVENTS = 1000  # things at one site; beyond, what is new is not taken in
MOST_OF_ONE = 512  # of one sender: an RSI numbers 256 events and 256 signs
_REBUILT_US = 200_000  # what moves is placed anew at most five times a second
_TIDIED_US = 1_000_000
Source = tuple[object, ...]
Cell = tuple[bool, int, int, int]


@dataclass(slots=True)
class _Group:
    """One thing: what each sender tells of it, and its place from the first."""

    thing: Thing
    first: Told
    shape: Shape | None
    lanes: LaneRows
    cell: Cell
    members: dict[Source, Told] = field(default_factory=dict)

    def until_us(self, p: EventParameters) -> int:
        return max(_until_us(one, p) for one in self.members.values())


class EventTable:
    """`update` with what was told; `holding` gives what holds at an instant of event time."""

    def __init__(self, parameters: EventParameters, lanes: LaneWays | None) -> None:
        self._p, self._lanes = parameters, lanes
        self.counts: Counter[str] = Counter()
        self._groups: dict[int, _Group] = {}
        self._of_source: dict[Source, _Group] = {}
        self._in_cell: dict[Cell, list[_Group]] = {}
        self._own: tuple[tuple[Thing, LaneRows], ...] = ()
        self._holding: Holding | None = None
        self._is_changed = self._is_renewed = False
        self._order: list[_Group] = []
        self._built_us = self._tidied_us = 0

    def __len__(self) -> int:
        return len(self._groups)

    def use(self, parameters: EventParameters) -> None:
        """What is known is placed anew; what was found to be one thing stays one, and keeps its key."""
        if parameters == self._p:
            return
        self._p, self._holding, self._in_cell = parameters, None, {}
        for group in self._groups.values():
            first = group.first
            meaning = meaning_of(is_sign=first.is_sign, code=first.code, text=first.text, p=parameters)
            group.thing, group.lanes = replace(group.thing, meaning=meaning), self._rows(group.shape)
            group.cell = self._cell(first, _anchor(first))
            self._in_cell.setdefault(group.cell, []).append(group)

    def update(self, told: Iterable[Told]) -> None:
        """Take in what senders tell, in the order in which it was heard."""
        for one in told:
            self._take(one)

    def put_own(self, things: Sequence[tuple[Thing, LaneRows]]) -> None:
        """What the site itself finds on its lanes, in place of what it found before."""
        self._is_changed |= bool(things) or bool(self._own)
        self._own = tuple(things)

    def holding(self, instant_us: int) -> Holding:
        """Everything known, with when it holds."""
        if instant_us - self._tidied_us >= _TIDIED_US or instant_us < self._tidied_us:
            self._tidied_us = instant_us
            self._tidy(instant_us)
        is_due = self._is_changed and (abs(instant_us - self._built_us) >= _REBUILT_US or self._holding is None)
        if is_due or self._holding is None:
            self._built_us, self._is_changed, self._is_renewed = instant_us, False, False
            groups = list(self._groups.values())
            self._holding = holding_of(
                [(one.thing, one.shape, one.lanes) for one in groups] + [(thing, None, rows) for thing, rows in self._own],
                until_us=self._untils(groups),
                lane_count=len(self._lanes.length_m) if self._lanes is not None else 0,
                p=self._p,
            )
            self._order = groups
        elif self._is_renewed:
            self._is_renewed = False
            self._holding = self._holding.until(self._untils(self._order))
        return self._holding

    def _untils(self, groups: list[_Group]) -> Ints:
        own = [np.iinfo(np.int64).max] * len(self._own)
        return np.array([one.until_us(self._p) if one.members else 0 for one in groups] + own, np.int64)

    def _take(self, told: Told) -> None:
        self.counts["events"] += 1
        known = self._of_source.get(told.source)
        if known is not None and told.heard_us < known.members[told.source].heard_us:
            self.counts["event_stale"] += 1
            return
        if told.end_us <= told.heard_us:
            self.counts["event_withdrawn"] += 1
            self._drop(told.source)
        elif known is not None and known.members[told.source].said == told.said:
            known.members[told.source] = told
            self._is_renewed = True
        else:
            self._change(told, known)

    def _change(self, told: Told, known: _Group | None) -> None:
        """Something new, or a sender says other than before: alone it takes its thing with it, else it leaves it."""
        meaning = meaning_of(is_sign=told.is_sign, code=told.code, text=told.text, p=self._p)
        shape = shape_of(told) if meaning is not Meaning.UNKNOWN else None
        if shape is None:
            self.counts["event_unknown" if meaning is Meaning.UNKNOWN else "event_undirected"] += 1
            self._drop(told.source)
            return
        self.counts["event_path"] += sum(not is_leading(path) for path in told.paths)
        key = None
        if known is not None:
            key = known.thing.key if len(known.members) == 1 and known.first.code == told.code else None
            self._drop(told.source)
        self._put(told, meaning, shape, key)

    def _put(self, told: Told, meaning: Meaning, shape: Shape, key: int | None) -> None:
        anchor = _anchor(told)
        cell = self._cell(told, anchor)
        group = self._same(told, shape, anchor, cell)
        if group is None:
            group = self._new(told, meaning, shape, cell, key)
        if group is None:
            self.counts["event_crowded"] += 1
            return
        group.members[told.source] = told
        self._of_source[told.source] = group
        self._is_changed = True

    def _new(self, told: Told, meaning: Meaning, shape: Shape, cell: Cell, key: int | None) -> _Group | None:
        if len(self._groups) >= MOST_EVENTS or self._told_by(told.source[0]) >= MOST_OF_ONE:
            return None
        thing = _thing(told, meaning, key if key is not None else _key_of(told))
        group = _Group(thing, told, shape, self._rows(shape), cell)
        self._groups[thing.key] = group
        self._in_cell.setdefault(cell, []).append(group)
        return group

    def _rows(self, shape: Shape | None) -> LaneRows:
        return NOWHERE if self._lanes is None or shape is None else self._lanes.rows_of(shape, reach_m=self._p.reach_m)

    def _told_by(self, sender: object) -> int:
        if len(self._of_source) < MOST_OF_ONE:
            return 0
        return sum(source[0] == sender for source in self._of_source)

    def _same(self, told: Told, shape: Shape, anchor: Floats, cell: Cell) -> _Group | None:
        """The thing of this code that lies here already, told by others."""
        for east in (-1, 0, 1):
            for north in (-1, 0, 1):
                for group in self._in_cell.get((*cell[:2], cell[2] + east, cell[3] + north), ()):
                    if told.source not in group.members and self._is_same(group, told, shape, anchor):
                        return group
        return None

    def _is_same(self, group: _Group, told: Told, shape: Shape, anchor: Floats) -> bool:
        if group.first.text != told.text and told.is_sign:
            return False
        there = _anchor(group.first)
        if np.hypot(*(there - anchor)[:2]) > self._p.same_m or abs(there[2] - anchor[2]) > 4.0:
            return False
        one, two = _direction(group.shape), _direction(shape)
        return one is None or two is None or abs((one - two + 180.0) % 360.0 - 180.0) <= self._p.same_deg

    def _cell(self, told: Told, anchor: Floats) -> Cell:
        east, north = np.floor(anchor[:2] / self._p.same_m).astype(int).tolist()
        return told.is_sign, told.code, east, north

    def _drop(self, source: Source) -> None:
        group = self._of_source.pop(source, None)
        if group is None:
            return
        del group.members[source]
        self._is_renewed = True
        if not group.members:
            self._groups.pop(group.thing.key, None)
            self._in_cell[group.cell].remove(group)
            if not self._in_cell[group.cell]:
                del self._in_cell[group.cell]
            self._is_changed = True

    def _tidy(self, instant_us: int) -> None:
        """Forget what no sender holds up any more."""
        over = [source for source, group in self._of_source.items() if _until_us(group.members[source], self._p) <= instant_us]
        for source in over:
            self._drop(source)
        self.counts["event_outlived"] += len(over)


def _until_us(told: Told, p: EventParameters) -> int:
    """Until its end, or for a while after it was last told; what is perceived must go on being told."""
    if told.is_perceived:
        return min(told.end_us, told.heard_us + round(p.perceived_kept_s * 1e6))
    has_end = told.end_us < FOREVER_US
    return told.end_us if has_end else max(told.heard_us, told.start_us) + round(p.kept_s * 1e6)


def _anchor(told: Told) -> Floats:
    """One place (3,) that stands for an event."""
    if told.place is not None:
        return told.place
    return np.asarray(told.paths[0].points[0], np.float64)


def _direction(shape: Shape | None) -> float | None:
    """Where an event's paths lead, degrees; None for discs."""
    if shape is None or shape.is_disc.any():
        return None
    east, north = (shape.b - shape.a)[:, :2].sum(axis=0)
    return float(np.degrees(np.arctan2(east, north)))


def _key_of(told: Told) -> int:
    """A number for life, the same whenever the same messages are read."""
    said = repr((told.source, told.is_sign, told.code, told.heard_us)).encode()
    return int.from_bytes(blake2b(said, digest_size=8).digest(), "big") >> 2 | 1


def _thing(told: Told, meaning: Meaning, key: int) -> Thing:
    return Thing(
        key=key,
        meaning=meaning,
        is_sign=told.is_sign,
        code=told.code,
        name=name_of(is_sign=told.is_sign, code=told.code),
        text=told.text,
        priority=told.priority,
        place=tuple(_anchor(told).tolist()),
        start_us=told.start_us,
        limit_mps=limit_of(told.text) if told.is_sign else float("nan"),
        users=users_of(told.text) if told.is_sign else users_of(""),
    )
