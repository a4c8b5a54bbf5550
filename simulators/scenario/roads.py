"""The road of a description: one that is shipped, with a few numbers of its own, or ways piece by piece; and its signals."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, StringConstraints, model_validator

from chelu.units import KMH_PER_MPS
from simulators.scenario.manoeuvres import MOST_LANES
from simulators.scenario.mapped.places import FileName
from simulators.scenario.names import unknown
from simulators.scenario.parts import Name, Part, wrong
from simulators.scenario.values import Bounds, Quantity
from simulators.scenario.ways import Piece, Way, Ways
from simulators.signals import Light

Ints = npt.NDArray[np.int64]
Lanes = Annotated[int, Field(ge=1, le=MOST_LANES)]
Metres = Annotated[float, Field(gt=0, le=100_000)]
MOST_PIECES = 10_000
DAY_S = 86_400.0
Coordinate = Annotated[float, Field(ge=-10_000_000, le=10_000_000)]  # metres of the road's own plane
Direction = Annotated[float, Field(ge=-36_000, le=36_000)]  # degrees; a way that winds may count its turns
Radius = Annotated[float, Field(ge=1, le=10_000_000)]
MAPS = ("opendrive", "sumo", "lanelet2")  # keys of a road that name a file
LIGHTS = {"red": Light.RED, "yellow": Light.YELLOW, "green": Light.PROTECTED_GREEN}


class PieceDescription(Part):
    """A stretch of a way: straight, or an arc of a radius to the right or left; gradient is rise over run, uphill positive.

    turn_deg: how much the way turns to the right on the spot where the stretch begins.
    """

    length_m: Metres
    radius_m: Radius | None = None
    turns: Literal["right", "left"] = "right"
    gradient: Annotated[float, Field(ge=-1, le=1)] = 0.0
    turn_deg: Annotated[float, Field(ge=-180, le=180)] = 0.0

    def piece(self) -> Piece:
        """The same as columns want it."""
        sign = 1.0 if self.turns == "right" else -1.0
        return Piece(self.length_m, 0.0 if self.radius_m is None else sign / self.radius_m, self.gradient, self.turn_deg)


class WayDescription(Part):
    """One direction of a road from where its reference line (the left edge of its lanes) begins.

    lane_widths_m: of each lane from the rightmost, where they differ. left_edge_m: right of the line, where it is not the edge.
    """

    x_m: Coordinate = 0.0
    y_m: Coordinate = 0.0
    heading_deg: Direction = 0.0
    elevation_m: Annotated[float, Field(ge=-1_000, le=9_000)] = 0.0
    lanes: Lanes = 1
    lane_width_m: Annotated[float, Field(ge=2, le=6)] = 3.5
    lane_widths_m: Annotated[tuple[Annotated[float, Field(gt=0, le=100)], ...], Field(max_length=MOST_LANES)] = ()
    left_edge_m: Annotated[float, Field(ge=-1_000, le=1_000)] = 0.0
    speed_limit_kmh: Annotated[float, Field(gt=0, le=200)] | None = None
    pieces: Annotated[tuple[PieceDescription, ...], Field(min_length=1, max_length=MOST_PIECES)]

    @model_validator(mode="after")
    def _has_every_width(self) -> Self:
        if self.lane_widths_m and len(self.lane_widths_m) != self.lanes:
            raise ValueError(f"lane_widths_m: one for each of {self.lanes} lanes")
        return self

    @property
    def length_m(self) -> float:
        """From the first point to the last."""
        return sum(piece.length_m for piece in self.pieces)

    def way(self, name: str) -> Way:
        """The same as columns want it."""
        return Way(
            name=name,
            x_m=self.x_m,
            y_m=self.y_m,
            heading_deg=self.heading_deg,
            pieces=tuple(piece.piece() for piece in self.pieces),
            lanes=self.lanes,
            lane_width_m=self.lane_width_m,
            lane_widths_m=self.lane_widths_m,
            left_edge_m=self.left_edge_m,
            speed_limit_mps=np.inf if self.speed_limit_kmh is None else self.speed_limit_kmh / KMH_PER_MPS,
            elevation_m=self.elevation_m,
        )


class ShippedRoad(Part):
    """A road that is there already.

    `straight`: the way `main`, northwards; with a radius it bends after half its length. `two-way`: `oncoming` beside it, the
    other way. `crossing`: `main` and `side` meet in the middle of both; `side` heads `angle_deg` right of `main` (90 comes from
    the left), and lies `side_above_m` higher.
    """

    name: Literal["straight", "two-way", "crossing"]
    length_m: Metres = 2000.0
    lanes: Lanes = 2
    lane_width_m: Annotated[float, Field(ge=2, le=6)] = 3.5
    speed_limit_kmh: Annotated[float, Field(gt=0, le=200)] | None = None
    radius_m: Annotated[float, Field(ge=5, le=10_000_000)] | None = None
    gradient: Annotated[float, Field(ge=-0.3, le=0.3)] = 0.0
    angle_deg: Annotated[float, Field(ge=-180, le=180)] = 90.0
    side_above_m: Annotated[float, Field(ge=-50, le=50)] = 0.0

    def ways(self) -> dict[str, WayDescription]:
        """Piece by piece."""
        half = self.length_m / 2.0
        main = self._way(0.0, -half, 0.0)
        if self.name == "straight":
            return {"main": main}
        if self.name == "two-way":
            return {"main": main, "oncoming": self._way(0.0, half, 180.0)}
        angle = np.radians(self.angle_deg)
        side = self._way(-half * float(np.sin(angle)), -half * float(np.cos(angle)), self.angle_deg, self.side_above_m)
        return {"main": main, "side": side}

    def _way(self, x_m: float, y_m: float, heading_deg: float, elevation_m: float = 0.0) -> WayDescription:
        half = self.length_m / 2.0
        first, second = (PieceDescription(length_m=half, radius_m=one, gradient=self.gradient) for one in (None, self.radius_m))
        return WayDescription(
            x_m=x_m,
            y_m=y_m,
            heading_deg=heading_deg,
            elevation_m=elevation_m,
            lanes=self.lanes,
            lane_width_m=self.lane_width_m,
            speed_limit_kmh=self.speed_limit_kmh,
            pieces=(first, second),
        )


class Stage(Part):
    """What a signal shows, for how long."""

    shows: Literal["red", "yellow", "green"]
    for_s: Annotated[Quantity, Bounds(0, DAY_S)]


class Signal(Part):
    """A signal at a stop line of a way: its stages in turn, over and over, the first of them beginning at `begins_s`."""

    way: Name
    stop_line_m: Annotated[float, Field(ge=0, le=100_000)]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=16)]
    begins_s: Annotated[Quantity, Bounds(-DAY_S, DAY_S)] = 0.0


class Notice(Part):
    """An event or a sign that the roadside tells of, at a place of a way or over a stretch of it.

    event: code of GB/T 29100; sign: number in the index of GB 5768.2, `text` what stands on it. leads_m: of an event, how far
    before it the path begins along which it is told.
    """

    way: Name
    from_m: Annotated[float, Field(ge=0, le=100_000)]
    until_m: Annotated[float, Field(ge=0, le=100_000)] | None = None
    event: Annotated[int, Field(ge=1, le=65_535)] | None = None
    sign: Annotated[int, Field(ge=1, le=65_535)] | None = None
    text: Annotated[str, StringConstraints(max_length=80)] = ""
    leads_m: Annotated[float, Field(ge=0, le=2000)] = 300.0

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.event is None) == (self.sign is None):
            raise ValueError("exactly one of event and sign")
        if self.sign is not None and self.until_m is None:
            raise ValueError("a sign holds over a stretch: until_m")
        if self.until_m is not None and self.until_m <= self.from_m:
            raise ValueError(f"until_m ({self.until_m:g}) must be above from_m ({self.from_m:g})")
        return self


class Road(Part):
    """A shipped road, ways of one's own, or a map file; signals on them, and what the roadside tells of them.

    opendrive, sumo (.net.xml, gzipped or not), lanelet2 (.osm): a file beside the scenario's, or a path from there. Its ways are
    laid along the lanes on which actors begin.
    """

    shipped: ShippedRoad | None = None
    ways: dict[Name, WayDescription] = Field(default_factory=dict, max_length=64)
    opendrive: FileName | None = None
    sumo: FileName | None = None
    lanelet2: FileName | None = None
    signals: dict[Name, Signal] = Field(default_factory=dict, max_length=64)
    told: dict[Name, Notice] = Field(default_factory=dict, max_length=64)

    @model_validator(mode="after")
    def _is_one_road(self) -> Self:
        if sum(bool(getattr(self, name)) for name in ("shipped", "ways", *MAPS)) != 1:
            raise ValueError(f"exactly one of shipped, ways, {', '.join(MAPS[:-1])} and {MAPS[-1]}")
        if not self.ways and self.shipped is None:
            return self  # its ways are not laid yet
        named = self.described()
        for name, signal in self.signals.items():
            if signal.way not in named:
                raise wrong("signals", f"signal {name}: {unknown('way', signal.way, named)}")
        for name, notice in self.told.items():
            if notice.way not in named:
                raise wrong("told", f"notice {name}: {unknown('way', notice.way, named)}")
        return self

    def described(self) -> dict[str, WayDescription]:
        """Every way, piece by piece."""
        return self.ways if self.shipped is None else self.shipped.ways()

    def columns(self) -> Ways:
        """Every way as the engine wants it."""
        return Ways.of(tuple(one.way(name) for name, one in self.described().items()))
