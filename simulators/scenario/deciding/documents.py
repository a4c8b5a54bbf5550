"""The same as documents, one run at a time: what a device over a wire is told, and how its answers are read.

`driving_alone` and `signals_alone` make of a class that speaks in documents, one object for each run, what memory asks for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from chelu.errors import MalformedError
from simulators.scenario.deciding.driving import NONE, Body, Command, DrivingFunction, Seen, commands
from simulators.scenario.deciding.signals import Asked, Demand, SignalController
from simulators.scenario.description import Description
from simulators.scenario.roads import LIGHTS
from simulators.scenario.trace import Ints

Document = dict[str, Any]
HARDEST_MPS2, FASTEST_ASIDE_MPS = 20.0, 5.0
_NAMES = {int(light): name for name, light in LIGHTS.items()}
_DIGITS = 4


class Alone(Protocol):
    """A device that decides in one run, and speaks in documents."""

    def decide(self, document: Mapping[str, Any]) -> Document:
        """The answer to what it is told at a step."""


def seen_document(seen: Seen, run: int) -> Document:
    """What a driving function is told at a step of one run."""
    limit = float(seen.speed_limit_mps[run])
    return {
        "time_s": round(seen.time_s, 6),
        "ego": _body(seen.ego, run),
        "objects": [_body(one, run) for one in seen.others if one.is_seen[run]],
        "lanes": int(seen.lanes[run]),
        "speed_limit_mps": _number(limit),
        "lights": [
            {"name": one.name, "shows": _NAMES[int(one.shows[run])], "distance_m": _number(one.distance_m[run])}
            for one in seen.lights
            if one.distance_m[run] >= 0.0
        ],
    }


def _body(one: Body, run: int) -> Document:
    numbers = (
        "x_m", "y_m", "elevation_m", "heading_deg", "speed_mps", "acceleration_mps2", "lateral_mps", "along_m", "aside_m",
    )  # fmt: skip
    found: Document = {"name": one.name, "kind": one.kind, "length_m": one.length_m, "width_m": one.width_m}
    found |= {name: _number(getattr(one, name)[run]) for name in numbers}
    return found | {"way": int(one.way[run]), "lane": int(one.lane[run])}


def asked_document(asked: Asked, run: int) -> Document:
    """What a signal controller is told at a step of one run."""
    return {"time_s": round(asked.time_s, 6), "signals": [_demand(one, run) for one in asked.signals]}


def _demand(one: Demand, run: int) -> Document:
    return {
        "name": one.name,
        "shows": _NAMES[int(one.shows[run])],
        "waiting": int(one.waiting[run]),
        "approaching": int(one.approaching[run]),
        "distance_m": _number(one.distance_m[run]),
        "speed_mps": _number(one.speed_mps[run]),
        "waited_s": _number(one.waited_s[run]),
        "priority_m": _number(one.priority_m[run]),
    }


def command_of(document: Mapping[str, Any], lanes: int) -> tuple[float, float, int]:
    """Acceleration, lateral speed and lane of an answer; MalformedError for one that is none."""
    acceleration = _wanted(document, "acceleration_mps2", HARDEST_MPS2)
    if acceleration is None:
        raise MalformedError("undecodable", "acceleration_mps2 is missing")
    lateral, lane = _wanted(document, "lateral_mps", FASTEST_ASIDE_MPS), document.get("lane")
    if lane is None:
        return acceleration, lateral or 0.0, NONE
    if not isinstance(lane, int) or isinstance(lane, bool) or not 1 <= lane <= lanes or lateral is not None:
        raise MalformedError("undecodable", f"lane = {lane!r:.40} is not allowed: 1 to {lanes}, and without lateral_mps")
    return acceleration, 0.0, lane


def shown_of(document: Mapping[str, Any], signals: Sequence[str]) -> dict[str, int]:
    """Lights by signal of an answer; MalformedError for one that is none."""
    shows = document.get("shows")
    if not isinstance(shows, dict):
        raise MalformedError("undecodable", f"shows = {shows!r:.40} is not allowed: an object, by signal")
    for name, light in shows.items():
        if name not in signals or light not in LIGHTS:
            known = f"one of {', '.join(signals)} with one of {', '.join(LIGHTS)}"
            raise MalformedError("undecodable", f"shows: {name!r:.40} = {light!r:.40} is not allowed: {known}")
    return {name: int(LIGHTS[light]) for name, light in shows.items()}


def _wanted(document: Mapping[str, Any], name: str, most: float) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= most:
        raise MalformedError("undecodable", f"{name} = {value!r:.40} is not allowed: a number of −{most:g} to {most:g}")
    return float(value)


def _number(value: float) -> float | None:
    return round(float(value), _DIGITS) if math.isfinite(value) else None


class _Driving:
    def __init__(self, make: Callable[[], Alone], runs: int) -> None:
        self._each = [make() for _ in range(runs)]

    def step(self, seen: Seen) -> Command:
        rows = [command_of(one.decide(seen_document(seen, run)), int(seen.lanes[run])) for run, one in enumerate(self._each)]
        acceleration, lateral, lane = zip(*rows, strict=True)
        return commands({"acceleration_mps2": list(acceleration), "lateral_mps": list(lateral), "lane": list(lane)})


class _Signals:
    def __init__(self, make: Callable[[], Alone], runs: int) -> None:
        self._each = [make() for _ in range(runs)]

    def step(self, asked: Asked) -> Mapping[str, Ints]:
        names = [one.name for one in asked.signals]
        now = {one.name: one.shows.copy() for one in asked.signals}
        for run, one in enumerate(self._each):
            for name, light in shown_of(one.decide(asked_document(asked, run)), names).items():
                now[name][run] = light
        return now


def driving_alone(make: Callable[[], Alone]) -> Callable[[Description, int], DrivingFunction]:
    """A driving function for memory, of a class that speaks in documents."""
    return lambda _description, runs: _Driving(make, runs)


def signals_alone(make: Callable[[], Alone]) -> Callable[[Description, int], SignalController]:
    """A signal controller for memory, of a class that speaks in documents."""
    return lambda _description, runs: _Signals(make, runs)
