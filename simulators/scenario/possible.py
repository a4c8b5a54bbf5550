"""What a case must be to be run at all: numbers within bounds, everybody on the road and in a place alone, triggers that fire.

A description is right or wrong in words (`simulators.scenario.checking`); what its parameters make of it is known case by case.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import Floats, overlap
from simulators.scenario.cases import Cases
from simulators.scenario.casting import reference_of
from simulators.scenario.checking import expressions_of
from simulators.scenario.checking_manoeuvres import Found, Where
from simulators.scenario.contacts import DECK_M
from simulators.scenario.description import Description
from simulators.scenario.firing import cannot_fire
from simulators.scenario.kinds import WITH_A_UNIT
from simulators.scenario.plan import Plan, placed

BESIDE_M = 6.0  # what has wheels and an engine may stand so far beside the lanes: on a shoulder, in a bay, before a gate
TOUCHING_M = 0.01  # boxes that only touch, but for rounding, are not in one place
JUDGED = ("requirements", "validity")  # a limit that is no number is an error of the run, and may be infinite


def problems_of_cases(description: Description, cases: Cases) -> list[tuple[Where, str]]:
    """Where in the description something makes any of these cases impossible, and what is allowed there."""
    if not len(cases):
        return []
    found = list(_numbers(description, cases))
    if found:  # what is no number places nobody
        return found
    made = placed(description, cases)
    return [*_on_the_road(made), *_apart(made), *_begins(made)]


def in_cases(cases: Cases, is_bad: npt.NDArray[np.bool_]) -> str:
    """In which of several cases something is so, for the end of a sentence."""
    if len(cases) == 1:
        return ""
    first = int(np.argmax(is_bad))
    values = ", ".join(f"{name} {column[first]:g}" for name, column in cases.columns.items() if len(np.unique(column)) > 1)
    return f" (in {np.count_nonzero(is_bad):,} of {len(cases):,} cases, the first with {values})"


def _numbers(description: Description, cases: Cases) -> Found:
    """Expressions that come to what they may not."""
    for path, one in expressions_of(description, ()):
        if path[0] in JUDGED:
            continue
        value = np.array(np.broadcast_to(one.of(cases.columns), len(cases)), np.float64)
        is_bad = ~one.bounds.hold(value)
        if is_bad.any():
            yield path, f"{one.bounds}, and not {value[np.argmax(is_bad)]:.6g}{in_cases(cases, is_bad)}"


def _on_the_road(made: Plan) -> Found:
    for column, (name, one) in enumerate(made.description.actors.items()):
        path, way = ("actors", name, "start"), made.ways.each[int(made.way[0, column])]  # a case does not choose the way
        along, aside = made.along_m[:, column], made.aside_m[:, column]
        is_off = (along < 0) | (along > way.length_m)
        if is_off.any():
            key = "along_m" if reference_of(one) is None else "gap_m"
            yield (*path, key), _off(along, is_off, f"a place on {way.name}, 0 to {way.length_m:g} m along it", made.cases)
        left, right = way.edges_m[0] - BESIDE_M, way.edges_m[-1] + BESIDE_M
        is_off = ((aside < left) | (aside > right)) & (one.kind in WITH_A_UNIT)
        if is_off.any():
            allowed = f"at most {BESIDE_M:g} m beside the lanes of {way.name}, {left:g} to {right:g} m right of its line"
            yield (*path, "aside_m"), _off(aside, is_off, allowed, made.cases)


def _off(place_m: Floats, is_off: npt.NDArray[np.bool_], allowed: str, cases: Cases) -> str:
    return f"{allowed}, and not at {place_m[np.argmax(is_off)]:.6g} m{in_cases(cases, is_off)}"


def _apart(made: Plan) -> Found:
    """No two boxes in one place, on one deck."""
    at = made.ways.at(made.way, made.along_m, made.aside_m)
    size = np.maximum(np.array([[one.length_m, one.width_m] for one in made.actors]) - TOUCHING_M, 0.0)
    for a, b in combinations(range(len(made.actors)), 2):
        is_level = np.abs(at.elevation_m[:, a] - at.elevation_m[:, b]) <= DECK_M
        sizes = (np.broadcast_to(size[one], (made.runs, 2)) for one in (a, b))
        is_in = is_level & overlap(
            at.xy[:, b] - at.xy[:, a], at.heading_deg[:, a], next(sizes), at.heading_deg[:, b], next(sizes)
        )
        if is_in.any():
            one, other = made.actors[a].name, made.actors[b].name
            yield ("actors", other, "start"), f"a place of its own: {one} begins there, too{in_cases(made.cases, is_in)}"


def _begins(made: Plan) -> Found:
    """Whose trigger cannot hold before the run is over: of one that is needed in any case, of another in every case."""
    for path, sentence, is_bad in cannot_fire(made):
        yield path, sentence + in_cases(made.cases, is_bad)
