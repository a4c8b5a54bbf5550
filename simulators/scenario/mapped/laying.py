"""Lays the ways of a scenario whose road is a map file: a scenario that was read speaks of ways, wherever its road is from.

Who drives on a road that another's way covers shares it, so that both see one another. The way of the first actor under test is
`main`, the others are `way_2` and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from chelu.errors import CheluError
from simulators.scenario.description import ActorDescription, Description, Start
from simulators.scenario.mapped.files import OPENED, MapFile, PlaceError, SumoFile
from simulators.scenario.mapped.following import Follower
from simulators.scenario.mapped.places import OnMap
from simulators.scenario.mapped.tracks import DRIFT_M, Track, beside, is_short, place_of
from simulators.scenario.roads import MAPS, Road, WayDescription
from simulators.scenario.values import Expression, Quantity, parsed, values

EVEN_M = 0.01  # of a lane whose metres are the way's: expressions of parameters go over from one to the other
Problems = list[tuple[tuple[str | int, ...], str]]


class _LayingError(Exception):
    """What is wrong, with the keys that lead there."""

    def __init__(self, key: tuple[str | int, ...], allowed: str) -> None:
        self.key, self.allowed = key, allowed
        super().__init__(allowed)


@dataclass(frozen=True, slots=True)
class _Standing:
    """An actor's place: the lane, how far along it, and both for the values of parameters that make a default run."""

    name: str
    place: OnMap
    lane: int
    on_lane_m: float


def laid(description: Description, directory: Path) -> tuple[Description, Problems]:
    """The description with ways in the place of the file, whose name is relative to a directory; and what is wrong.

    One whose road is no file comes back as it is.
    """
    road, traffic = description.road, description.traffic
    if traffic is not None and (road.sumo is None or traffic.net):
        key = ("traffic", "net") if traffic.net else ("traffic",)
        return description, [(key, "only where `road` is `sumo`, a network that SUMO can drive on; and no net beside that")]
    kind = next((name for name in MAPS if getattr(road, name) is not None), None)
    placed = {name: one.start.at for name, one in description.actors.items() if one.start.at is not None}
    if kind is None:
        return description, [
            (("actors", name, "start", "at"), f"only where `road` is one of {', '.join(MAPS)}") for name in placed
        ]
    try:
        return _Laying(description, kind, _opened(kind, directory / getattr(road, kind))).done(placed), []
    except _LayingError as error:
        return description, [(error.key, error.allowed)]


def _opened(kind: str, path: Path) -> MapFile:
    try:
        return OPENED[kind](path)
    except OSError as error:
        raise _LayingError(("road", kind), f"cannot be read: {error.strerror}") from error
    except CheluError as error:
        raise _LayingError(("road", kind), f"cannot be read: {error}") from error


class _Laying:
    def __init__(self, description: Description, kind: str, file: MapFile) -> None:
        self._description, self._kind, self._file = description, kind, file
        self._defaults = {name: np.array([one.default]) for name, one in description.parameters.items()}

    def done(self, placed: Mapping[str, OnMap]) -> Description:
        standing = [self._standing(name, place) for name, place in placed.items()]
        tracks = self._shared(standing)
        actors = dict(self._description.actors)
        for one in standing:
            actors[one.name] = self._moved(actors[one.name], one, *tracks[one.name])
        update: dict[str, Any] = {"road": self._road(dict(tracks.values())), "actors": actors}
        if self._description.traffic is not None and isinstance(self._file, SumoFile):
            update["traffic"] = self._description.traffic.model_copy(update={"net": self._file.text})
        return self._description.model_copy(update=update)

    def _value(self, quantity: Quantity, key: tuple[str | int, ...]) -> float:
        try:
            return float(values(quantity, self._defaults, 1)[0])
        except KeyError as error:
            known = ", ".join(self._defaults) or "there are none"
            raise _LayingError(key, f"there is no parameter {error.args[0]!r}; parameters: {known}") from error

    def _standing(self, name: str, place: OnMap) -> _Standing:
        key: tuple[str | int, ...] = ("actors", name, "start", "at")
        if place.kind != self._kind:
            raise _LayingError(key, f"a place on the {self._kind} file that `road` names, as docs/scenario.md has it")
        way_m = self._value(place.way_m, (*key, "s_m"))
        try:
            lane = self._file.lane(place, way_m)
        except PlaceError as error:
            raise _LayingError((*key, error.key), str(error)) from error
        return _Standing(name, place, lane, self._file.on_lane_m(place, lane, way_m))

    def _shared(self, standing: Iterable[_Standing]) -> dict[str, tuple[str, Track]]:
        """By actor the way's name and track: as few as do, those that cover most first."""
        own = {one.name: (one, self._track(one)) for one in standing}
        links = {name: int(self._file.network.lanes.link[one.lane]) for name, (one, _) in own.items()}
        chosen: list[tuple[list[str], Track]] = []
        waiting = list(own)
        while waiting:
            covers = {name: [other for other in waiting if links[other] in own[name][1].links] for name in waiting}
            best = max(waiting, key=lambda name: (len(covers[name]), own[name][1].length_m))
            chosen.append((covers[best], own[best][1]))
            waiting = [name for name in waiting if name not in covers[best]]
        first = next((name for name, one in self._description.actors.items() if one.under_test and name in own), "")
        chosen.sort(key=lambda one: first not in one[0])
        names = ["main", *(f"way_{number}" for number in range(2, len(chosen) + 1))]
        return {name: (way, track) for way, (members, track) in zip(names, chosen, strict=False) for name in members}

    def _track(self, one: _Standing) -> Track:
        network = self._file.network
        chain = Follower(network, self._file.road).chain(one.lane, one.place.through)
        key = ("actors", one.name, "start", "at")
        gone = {self._file.road(lane) for lane in chain}
        for road in one.place.through:
            if road not in gone:
                raise _LayingError((*key, "through"), f"the lane on which it begins does not lead over {road}")
        track = Track(network, tuple(chain), beside(network, one.lane, one.on_lane_m))
        if is_short(track):
            raise _LayingError(key, "a lane that has a length")
        return track

    def _moved(self, actor: ActorDescription, one: _Standing, way: str, track: Track) -> ActorDescription:
        """The actor at its place on the way."""
        xy = place_of(self._file.network, one.lane, one.on_lane_m)
        along, aside = track.place(xy)
        number, off = track.lane_at(aside)
        drift = track.drift_m(one.lane, one.on_lane_m)
        key: tuple[str | int, ...] = ("actors", one.name, "start", "at")
        if max(drift, abs(off)) > DRIFT_M:
            by = max(drift, abs(off))
            raise _LayingError((*key, "lane"), f"a lane that keeps beside the others: this one shifts by {by:.2f} m")
        start = Start(
            way=way,
            lane=number,
            along_m=self._along(one, track, along, key),
            aside_m=_more(actor.start.aside_m, off),
            speed_kmh=actor.start.speed_kmh,
        )
        return actor.model_copy(update={"start": start})

    def _along(self, one: _Standing, track: Track, along_m: float, key: tuple[str | int, ...]) -> Quantity:
        given = one.place.way_m
        if not isinstance(given, Expression):
            return along_m
        now = self._value(given, key)
        tried = []
        for other in (now - 1.0, now + 1.0):
            try:
                lane = self._file.lane(one.place, other)
            except PlaceError:
                continue
            there = place_of(self._file.network, lane, self._file.on_lane_m(one.place, lane, other))
            tried.append((track.place(there)[0] - along_m) / (other - now))
        sign = 1.0 if not tried or tried[0] > 0 else -1.0
        if any(abs(each - sign) > EVEN_M for each in tried):
            raise _LayingError(key, "a number, not an expression: in this bend the lane is longer or shorter than its road")
        return parsed(f"{along_m - sign * now!r} {'+' if sign > 0 else '-'} ({given.text})")

    def _road(self, ways: Mapping[str, Track]) -> Road:
        kind, given = self._kind, self._description.road
        if not ways:
            raise _LayingError(("actors",), "at least one actor that begins `at` a place of the file's road")
        try:
            described = {name: WayDescription.model_validate(ways[name].way()) for name in sorted(ways)}
            return Road(ways=described, signals=given.signals, told=given.told)
        except ValidationError as error:
            what = error.errors()[0]
            raise _LayingError(("road", kind), str(what["msg"]).removeprefix("Value error, ")) from error


def _more(quantity: Quantity, by_m: float) -> Quantity:
    if abs(by_m) < 1e-6:
        return quantity
    return parsed(f"({quantity.text}) + {by_m!r}") if isinstance(quantity, Expression) else quantity + by_m
