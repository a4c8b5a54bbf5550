"""What holds at a site, as columns: things, the lanes that lead to them, and their shapes for who is on no known lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from chelu.applications.common import EventParameters
from chelu.roads.grid import Grid, grid_of
from services.inference.events.kinds import Meaning, Users
from services.inference.events.lanes import LaneRows
from services.inference.events.shapes import Shape, joined
from services.inference.reports import Floats, Ints
from services.inference.types import Mask

_CELL_M = 100.0


@dataclass(frozen=True, slots=True)
class Thing:
    """An event or sign of the site. key: its number for life; place: east, north, up; limit_mps NaN where it is none."""

    key: int
    meaning: Meaning
    is_sign: bool
    code: int
    name: str
    text: str
    priority: int
    place: tuple[float, float, float]
    start_us: int
    limit_mps: float
    users: Users


@dataclass(frozen=True, slots=True)
class Holding:
    """n things as columns; `things` has what is only said.

    start_us, until_us: while each holds. rows: by lane, from ``lane_start[lane]`` to ``lane_start[lane + 1]``; `row_thing` says
    whose. shape: `shape_thing` says whose, `grid` where a vehicle may have to do with it. on_lanes (n,): whether it has rows.
    """

    things: tuple[Thing, ...]
    key: Ints
    meaning: Ints
    start_us: Ints
    until_us: Ints
    limit_mps: Floats
    users: Ints
    on_lanes: Mask
    lane_start: Ints
    rows: LaneRows
    row_thing: Ints
    shape: Shape
    shape_thing: Ints
    grid: Grid

    def __len__(self) -> int:
        return len(self.things)

    def until(self, until_us: Ints) -> Self:
        """The same, holding until then."""
        return replace(self, until_us=until_us)


def holding_of(
    placed: Sequence[tuple[Thing, Shape | None, LaneRows]], *, until_us: Ints, lane_count: int, p: EventParameters
) -> Holding:
    """Columns and indices of things, each with its shape and its lanes."""
    things = tuple(thing for thing, _, _ in placed)
    shapes = [(number, shape) for number, (_, shape, _) in enumerate(placed) if shape is not None]
    shape = joined([one for _, one in shapes])
    row_thing = np.repeat(np.arange(len(placed)), [len(rows) for _, _, rows in placed])
    rows = _concatenated([rows for _, _, rows in placed])
    order = np.argsort(rows.lane, kind="stable")
    return Holding(
        things=things,
        key=np.array([one.key for one in things], np.int64),
        meaning=np.array([one.meaning for one in things], np.int64),
        start_us=np.array([one.start_us for one in things], np.int64),
        until_us=until_us,
        limit_mps=np.array([one.limit_mps for one in things], np.float64),
        users=np.array([one.users for one in things], np.int64),
        on_lanes=np.array([len(rows) > 0 for _, _, rows in placed], np.bool_),
        lane_start=np.concatenate([[0], np.cumsum(np.bincount(rows.lane, minlength=lane_count))]).astype(np.int64),
        rows=LaneRows(rows.lane[order], rows.to_go_m[order], rows.from_m[order], rows.to_m[order]),
        row_thing=row_thing[order],
        shape=shape,
        shape_thing=np.repeat([number for number, _ in shapes], [len(one) for _, one in shapes]).astype(np.int64),
        grid=_grid(shape, p),
    )


def _concatenated(parts: Sequence[LaneRows]) -> LaneRows:
    lane = np.concatenate([np.empty(0, np.int64), *(one.lane for one in parts)])
    to_go, low, high = (
        np.concatenate([np.empty(0), *(getattr(one, name) for one in parts)]) for name in ("to_go_m", "from_m", "to_m")
    )
    return LaneRows(lane, to_go, low, high)


def _grid(shape: Shape, p: EventParameters) -> Grid:
    """Boxes in which a vehicle may have to do with each row."""
    reach = (shape.radius_m + p.half_lane_m) * p.loose_share + np.where(shape.is_disc | shape.is_first, p.straight_m, 0.0)
    low = np.minimum(shape.a, shape.b)[:, :2] - reach[:, None]
    high = np.maximum(shape.a, shape.b)[:, :2] + reach[:, None]
    return grid_of(low, high, _CELL_M)
