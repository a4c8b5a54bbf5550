"""Everybody in an import: where each begins, how fast, and on which way it drives."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chelu.units import KMH_PER_MPS
from chelu.xml_tree import Element
from simulators.scenario.openscenario.numbers import Number, shortened
from simulators.scenario.openscenario.scope import Scope
from simulators.scenario.openscenario.spots import Free, Place, Positions, Roads, Spot
from simulators.scenario.openscenario.things import Thing
from simulators.scenario.openscenario.travel import Choose, Track, middle_m, track_of

AHEAD_M = 2000.0  # how far a free way goes
DRIFT_M = 0.5  # what a lane may shift beside another before who drives on it would leave it
SAMPLES = 50


@dataclass(slots=True)
class Member:
    """One entity with what Init says of it; gap: (other, metres, whether it is ahead of that)."""

    thing: Thing
    teleport: tuple[Element, Scope] | None = None
    place: Place | None = None
    speed: Callable[[], Number] = lambda: Number(0.0)
    gap: tuple[str, Number, bool] | None = None
    choose: Choose | None = None
    path: FreeWay | None = None
    way: str = ""
    track: Track | None = None
    along: Number = field(default_factory=lambda: Number(0.0))
    start: dict[str, Any] = field(default_factory=dict)

    @property
    def is_along(self) -> bool:
        """Whether it drives along its road's s."""
        return not isinstance(self.place, Spot) or self.place.is_along

    @property
    def left(self) -> float:
        """1 where OpenDRIVE's left is the driver's, −1 where it is its right."""
        return 1.0 if self.is_along else -1.0


@dataclass(frozen=True, slots=True)
class FreeWay:
    """A way off all roads: where it begins, and its pieces as a description has them."""

    begin: Free
    pieces: tuple[Mapping[str, Any], ...]

    def way(self, width_m: float) -> dict[str, Any]:
        """As a description has it: one lane around its line."""
        return {
            "x_m": shortened(self.begin.x_m),
            "y_m": shortened(self.begin.y_m),
            "heading_deg": shortened(90.0 - math.degrees(self.begin.heading_rad)),
            "elevation_m": shortened(self.begin.z_m),
            "lane_widths_m": [shortened(width_m)],
            "left_edge_m": shortened(-width_m / 2.0),
            "pieces": [dict(piece) for piece in self.pieces],
        }


class Cast:
    """All members; places are worked out once they are asked for, since they may hang on one another."""

    def __init__(self, roads: Roads, things: Mapping[str, Thing]) -> None:
        self.roads, self.positions = roads, Positions(roads, self.place)
        self.members = {name: Member(thing) for name, thing in things.items()}
        self.ways: dict[str, dict[str, Any]] = {}
        self._asked: list[str] = []

    def member(self, element: Element, name: str) -> Member:
        """The entity of this name; an error about the element when there is none."""
        if name not in self.members:
            raise element.wrong(f"there is no entity {name!r}; entities: {', '.join(self.members)}")
        return self.members[name]

    def place(self, element: Element, name: str) -> Place:
        """Where an entity begins."""
        one = self.member(element, name)
        if one.place is None:
            if one.teleport is None:
                raise element.wrong(f"{name} has no place in Init")
            if name in self._asked:
                raise element.wrong("entities are placed by one another in a circle")
            self._asked.append(name)
            one.place = self.positions.of(*one.teleport)
            self._asked.pop()
        return one.place

    def lay_ways(self, length_m: float, fix: Callable[[Number], float]) -> None:
        """Ways for all, as few as do: who drives on a road that another's way covers shares it."""
        for name, one in self.members.items():
            self.place(one.thing.element, name)
        tracks = {
            name: track_of(self.roads.model, one.place, length_m, one.choose)
            for name, one in self.members.items()
            if isinstance(one.place, Spot) and one.path is None
        }
        waiting = dict(tracks)
        while waiting:
            covers = {name: [other for other in waiting if self._is_on(tracks[name], other)] for name in waiting}
            best = max(covers, key=lambda name: (len(covers[name]), tracks[name].length_m))
            way = "main" if not self.ways else f"way_{len(self.ways) + 1}"
            if not tracks[best].lanes:
                raise self.members[best].thing.element.wrong("it begins where no lane has a width")
            self.ways[way] = tracks[best].way()
            for name in {best, *covers[best]}:
                self.members[name].way, self.members[name].track = way, tracks[best]
                self._start_on(self.members[name], tracks[best], fix)
                waiting.pop(name)
        for one in self.members.values():
            if one.track is None:
                self._start_free(one)

    def _is_on(self, track: Track, name: str) -> bool:
        spot = self.members[name].place
        if not isinstance(spot, Spot) or track.stretch(spot.road, spot.s.value, is_along=spot.is_along) is None:
            return False
        own = self.members[name].choose
        return own is None or any(one.track is None and one.choose is own for one in self.members.values())

    def _start_on(self, one: Member, track: Track, fix: Callable[[Number], float]) -> None:
        spot = one.place
        if not isinstance(spot, Spot):
            return
        stretch = track.stretch(spot.road, spot.s.value, is_along=spot.is_along)
        if stretch is None:
            raise one.thing.element.wrong("it is not on the way that was laid for it")
        road, s = self.roads.model.roads[spot.road], np.asarray(spot.s.value)
        right = -one.left
        middle = right * (float(road.lane_middle(spot.lane, s)) - float(middle_m(road, stretch.at, s)))
        number, (_, nearest, _) = min(enumerate(track.lanes, 1), key=lambda lane: abs(lane[1][1] - middle))
        aside = spot.offset * right + Number(right * one.thing.left_m * one.left + middle - nearest)
        self._check_drift(one, track, spot, middle)
        one.along = track.along(stretch, spot.s, fix) + Number(one.thing.ahead_m)
        one.start = {
            "way": one.way,
            "lane": number,
            "along_m": one.along.quantity,
            "aside_m": _small(aside),
        }

    def _check_drift(self, one: Member, track: Track, spot: Spot, middle: float) -> None:
        """A way's lanes lie side by side all along: who follows one that comes nearer or leaves would be off it."""
        road = self.roads.model.roads[spot.road]
        for stretch in (each for each in track.stretches if each.at.road == road.id):
            s = np.linspace(stretch.s_m[0], stretch.s_m[-1], SAMPLES)
            s = s[(s >= spot.s.value) if spot.is_along else (s <= spot.s.value)]
            apart = -one.left * (road.lane_middle(spot.lane, s) - middle_m(road, stretch.at, s)) - middle
            worst = float(np.nanmax(np.abs(apart), initial=0.0))
            if worst > DRIFT_M:
                raise one.thing.element.wrong(
                    f"lane {spot.lane} of road {road.id}, on which it drives, shifts by {worst:.2f} m beside lane "
                    f"{stretch.at.lane}; at most {DRIFT_M:g} m are understood"
                )

    def _start_free(self, one: Member) -> None:
        begin = self.roads.plane(one.place) if one.place is not None else Free(0.0, 0.0, 0.0, 0.0)
        path = one.path or FreeWay(begin, ({"length_m": AHEAD_M},))
        one.way = f"way_of_{one.thing.own_name}"[:40]
        self.ways[one.way] = path.way(max(one.thing.width_m + 1.0, 2.0))
        one.start = {"way": one.way, "along_m": shortened(one.thing.ahead_m), "aside_m": _small(Number(-one.thing.left_m))}

    def described(self, under_test: str) -> dict[str, Any]:
        """Actors as a description has them."""
        return {one.thing.own_name: self._actor(one, is_under_test=name == under_test) for name, one in self.members.items()}

    def _actor(self, one: Member, *, is_under_test: bool) -> dict[str, Any]:
        size = {"length_m": one.thing.length_m, "width_m": one.thing.width_m}
        if one.thing.mass_kg:
            size["mass_kg"] = one.thing.mass_kg
        start = {key: value for key, value in one.start.items() if value != 0.0 or key == "along_m"}
        if one.gap is not None:
            other, gap, is_ahead = one.gap
            start.pop("along_m")
            start |= {"ahead_of" if is_ahead else "behind": self.members[other].thing.own_name, "gap_m": gap.quantity}
        start["speed_kmh"] = (one.speed() * KMH_PER_MPS).quantity
        found: dict[str, Any] = {"kind": one.thing.kind}
        return found | ({"under_test": True} if is_under_test else {}) | {"size": size, "start": start}


def _small(value: Number) -> float | str:
    """Without what is rounding."""
    return 0.0 if not value.names and abs(value.value) < 1e-6 else value.quantity
