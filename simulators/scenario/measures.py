"""What triggers look at, in all runs at once: (n,) of an actor, or between one and another."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from chelu.motion.conflict import ttc_plane_s
from chelu.motion.footprints import Floats, forward, rightward
from chelu.units import KMH_PER_MPS
from simulators.scenario.plan import Plan
from simulators.scenario.state import State


def centre_distance_m(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Between two centres, in the plane."""
    xy = places(plan, state, one)[0], places(plan, state, other)[0]
    return np.asarray(np.linalg.norm(xy[1] - xy[0], axis=-1))


def centre_gap_m(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Centre to centre along the way; NaN when they drive on two ways."""
    apart = np.abs(state.along_m[:, other] - state.along_m[:, one])
    return np.where(plan.way[:, one] == plan.way[:, other], apart, np.nan)


def gap_m(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Bumper to bumper along the way, negative when they are side by side; NaN when they drive on two ways."""
    return centre_gap_m(plan, state, one, other) - (plan.actors[one].length_m + plan.actors[other].length_m) / 2.0


def headway_s(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Gap over the first one's speed; inf when it stands."""
    return _over(gap_m(plan, state, one, other), state.speed_mps[:, one])


def centre_headway_s(plan: Plan, state: State, one: int, other: int) -> Floats:
    """The same of the way from centre to centre."""
    return _over(centre_gap_m(plan, state, one, other), state.speed_mps[:, one])


def closing_s(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Gap along the way over the speed at which it closes; inf while it does not."""
    return _over(gap_m(plan, state, one, other), _closing_mps(state, one, other))


def centre_closing_s(plan: Plan, state: State, one: int, other: int) -> Floats:
    """The same of the way from centre to centre."""
    return _over(centre_gap_m(plan, state, one, other), _closing_mps(state, one, other))


def lateral_m(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Centre to centre across the way; NaN when they drive on two ways."""
    apart = np.abs(state.aside_m[:, other] - state.aside_m[:, one])
    return np.where(plan.way[:, one] == plan.way[:, other], apart, np.nan)


def faster_kmh(_plan: Plan, state: State, one: int, other: int) -> Floats:
    """How much faster the first one is."""
    return (state.speed_mps[:, one] - state.speed_mps[:, other]) * KMH_PER_MPS


def seen_gap_m(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Bumper to bumper in the direction in which the first one looks, negative where their shadows there overlap."""
    (_, own, _), (_, its, _) = (places(plan, state, column) for column in (one, other))
    turned, size = np.radians(its - own), plan.actors[other]
    half = (np.abs(np.cos(turned)) * size.length_m + np.abs(np.sin(turned)) * size.width_m + plan.actors[one].length_m) / 2.0
    return np.asarray(seen_centre_gap_m(plan, state, one, other) - half)


def seen_centre_gap_m(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Centre to centre in the direction in which the first one looks."""
    return np.abs(_seen(plan, state, one, other, forward))


def seen_headway_s(plan: Plan, state: State, one: int, other: int) -> Floats:
    """That gap over the first one's speed; inf when it stands."""
    return _over(seen_gap_m(plan, state, one, other), state.speed_mps[:, one])


def seen_centre_headway_s(plan: Plan, state: State, one: int, other: int) -> Floats:
    """The same from centre to centre."""
    return _over(seen_centre_gap_m(plan, state, one, other), state.speed_mps[:, one])


def seen_lateral_m(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Centre to centre across the direction in which the first one looks."""
    return np.abs(_seen(plan, state, one, other, rightward))


def _seen(plan: Plan, state: State, one: int, other: int, axis: Callable[[Floats], Floats]) -> Floats:
    (begin, heading, _), (end, _, _) = (places(plan, state, column) for column in (one, other))
    return np.asarray(np.sum((end - begin) * axis(heading), axis=-1))


def ttc_s(plan: Plan, state: State, one: int, other: int) -> Floats:
    """Time to collision of both boxes if both keep their velocities; inf when they would never touch."""
    where = [places(plan, state, column) for column in (one, other)]
    size = [[plan.actors[column].length_m, plan.actors[column].width_m] for column in (one, other)]
    headings = np.stack([heading for _, heading, _ in where], axis=-1)
    sizes = np.broadcast_to(np.array(size), (plan.runs, 2, 2))
    return ttc_plane_s(where[1][0] - where[0][0], where[0][2], where[1][2], headings, sizes)


def places(plan: Plan, state: State, column: int) -> tuple[Floats, Floats, Floats]:
    """Centre (n, 2), heading (n,) and velocity (n, 2) of one actor."""
    at = plan.ways.at(plan.way[:, column], state.along_m[:, column], state.aside_m[:, column])
    speed, across = state.speed_mps[:, column], state.aside_mps[:, column]
    heading = at.heading_deg + np.where(across == 0, 0.0, np.degrees(np.arctan2(across, np.maximum(speed, 1e-9))))
    return at.xy, heading, np.hypot(speed, across)[:, None] * forward(heading)


def _over(way_m: Floats, speed_mps: Floats) -> Floats:
    return np.where(speed_mps > 0, way_m / np.where(speed_mps > 0, speed_mps, 1.0), np.inf)


def _closing_mps(state: State, one: int, other: int) -> Floats:
    ahead = np.sign(state.along_m[:, other] - state.along_m[:, one])
    return ahead * (state.speed_mps[:, one] - state.speed_mps[:, other])


Between = Callable[[Plan, State, int, int], Floats]
BUMPERS: Mapping[str, Between] = {
    "distance_m": centre_distance_m, "gap_m": gap_m, "ttc_s": ttc_s, "headway_s": headway_s, "lateral_m": lateral_m,
    "closing_s": closing_s, "faster_kmh": faster_kmh,
}  # fmt: skip
CENTRES: Mapping[str, Between] = {
    **BUMPERS, "gap_m": centre_gap_m, "headway_s": centre_headway_s, "closing_s": centre_closing_s,
}  # fmt: skip
SEEN: Mapping[tuple[str, str], Between] = {
    ("gap_m", "bumpers"): seen_gap_m, ("gap_m", "centres"): seen_centre_gap_m,
    ("headway_s", "bumpers"): seen_headway_s, ("headway_s", "centres"): seen_centre_headway_s,
    ("lateral_m", "bumpers"): seen_lateral_m, ("lateral_m", "centres"): seen_lateral_m,
}  # fmt: skip


def between(name: str, ends: str, along: str) -> Between:
    """The measure of this name, between bumpers or centres, along the way or a heading."""
    return SEEN[name, ends] if along == "heading" else (CENTRES if ends == "centres" else BUMPERS)[name]
