"""When manoeuvres begin: at the first instant at which all that their trigger asks for holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from chelu.motion.conflict import ttc_plane_s
from chelu.motion.footprints import Floats, forward
from simulators.scenario.description import NearCondition, Trigger
from simulators.scenario.plan import Plan
from simulators.scenario.roads import LIGHTS
from simulators.scenario.state import State

Rows = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
_EARLY_S = 1e-9  # instants are multiples of the step: a time that is one counts as reached in spite of rounding


class Triggers:
    """Which manoeuvres have begun in which runs, and when: (m, n) seconds, NaN until they have."""

    def __init__(self, made: Plan) -> None:
        self._plan, self._step_s = made, made.description.step_s
        self._manoeuvres = made.description.manoeuvres
        self._begun_s = np.full((len(self._manoeuvres), made.runs), np.nan)
        self._left = [True] * len(self._manoeuvres)

    def firing(self, state: State, instant: int) -> Iterator[tuple[int, Rows]]:
        """Manoeuvres that begin now, in the description's order, each with the runs in which it does."""
        for row, one in enumerate(self._manoeuvres):
            if not self._left[row]:
                continue
            waiting = np.isnan(self._begun_s[row])
            runs = np.flatnonzero(waiting & self._holds(one.when, one.actor, state, instant))
            if len(runs):
                self._begun_s[row, runs] = instant * self._step_s
                self._left[row] = bool(np.isnan(self._begun_s[row]).any())
                yield row, runs

    def fired_s(self) -> dict[str, Floats]:
        """By manoeuvre, (n,) when it began, NaN when it never did."""
        return {one.name: self._begun_s[row] for row, one in enumerate(self._manoeuvres)}

    def _holds(self, when: Trigger, actor: str, state: State, instant: int) -> Bools:
        plan, now_s, column = self._plan, instant * self._step_s, self._plan.index(actor)
        holds = np.ones(plan.runs, np.bool_)
        if when.time_s is not None:
            holds &= now_s >= plan.of(when.time_s) - _EARLY_S
        if when.passes_m is not None:
            holds &= state.along_m[:, column] >= plan.of(when.passes_m)
        if when.light is not None:
            holds &= plan.lights[when.light.signal][instant] == int(LIGHTS[when.light.shows])
        if when.after is not None:
            row = next(row for row, one in enumerate(self._manoeuvres) if one.name == when.after.manoeuvre)
            holds &= now_s >= self._begun_s[row] + when.after.by_s - _EARLY_S
        for name, measure in _MEASURES.items():
            near: NearCondition | None = getattr(when, name)
            if near is not None and holds.any():
                holds &= self._is_beyond(near, measure(plan, state, plan.index(near.of or actor), plan.index(near.to)))
        return holds

    def _is_beyond(self, near: NearCondition, value: Floats) -> Bools:
        if near.below is not None:
            return np.asarray(value < self._plan.of(near.below))
        return np.asarray(value > self._plan.of(near.above or 0.0))


def centre_distance_m(plan: Plan, state: State, one: int, other: int) -> Floats:
    """(n,) between two centres, in the plane."""
    xy = _places(plan, state, one)[0], _places(plan, state, other)[0]
    return np.asarray(np.linalg.norm(xy[1] - xy[0], axis=-1))


def gap_m(plan: Plan, state: State, one: int, other: int) -> Floats:
    """(n,) bumper to bumper along the way, negative when they are side by side; NaN when they drive on two ways."""
    lengths = (plan.actors[one].length_m + plan.actors[other].length_m) / 2.0
    gap = np.abs(state.along_m[:, other] - state.along_m[:, one]) - lengths
    return np.where(plan.way[:, one] == plan.way[:, other], gap, np.nan)


def headway_s(plan: Plan, state: State, one: int, other: int) -> Floats:
    """(n,) gap over the first one's speed; inf when it stands."""
    speed = state.speed_mps[:, one]
    return np.where(speed > 0, gap_m(plan, state, one, other) / np.where(speed > 0, speed, 1.0), np.inf)


def ttc_s(plan: Plan, state: State, one: int, other: int) -> Floats:
    """(n,) time to collision of both boxes if both keep their velocities; inf when they would never touch."""
    places = [_places(plan, state, column) for column in (one, other)]
    size = [[plan.actors[column].length_m, plan.actors[column].width_m] for column in (one, other)]
    headings = np.stack([heading for _, heading, _ in places], axis=-1)
    sizes = np.broadcast_to(np.array(size), (plan.runs, 2, 2))
    return ttc_plane_s(places[1][0] - places[0][0], places[0][2], places[1][2], headings, sizes)


def _places(plan: Plan, state: State, column: int) -> tuple[Floats, Floats, Floats]:
    """Centre (n, 2), heading (n,) and velocity (n, 2) of one actor."""
    at = plan.ways.at(plan.way[:, column], state.along_m[:, column], state.aside_m[:, column])
    speed, across = state.speed_mps[:, column], state.aside_mps[:, column]
    heading = at.heading_deg + np.where(across == 0, 0.0, np.degrees(np.arctan2(across, np.maximum(speed, 1e-9))))
    return at.xy, heading, np.hypot(speed, across)[:, None] * forward(heading)


_MEASURES = {"distance_m": centre_distance_m, "gap_m": gap_m, "ttc_s": ttc_s, "headway_s": headway_s}
