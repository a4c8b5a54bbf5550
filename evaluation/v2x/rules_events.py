"""How the rules of the roadside's events and signs are staged and judged: by the rule itself, from what everybody really does.

Each encounter is one vehicle and one event or sign, told by two units that are some metres apart on where it is. Half of the
vehicles drive into it; the others do not have to be told: it is for the other direction, on the road beside, behind them, over,
of another kind of vehicle, or they keep to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.motion.footprints import rightward
from evaluation.v2x.actors import NEVER_S, Actors, Floats, film, places, still
from evaluation.v2x.cases import Case, concerned, counted, drawn, names
from evaluation.v2x.encounters import Encounters, spread_out
from evaluation.v2x.measured import Conditions, nominal, varied
from evaluation.v2x.radio import EPOCH_US
from evaluation.v2x.slices import ruled
from evaluation.v2x.trial import Outcome, run
from services.inference.events.told import FOREVER_US, Path, Told
from services.inference.site import Site

Mask = npt.NDArray[np.bool_]
Random = np.random.Generator
NAMES = ("hlw", "slw", "ivs", "tjw")
MOST = 500  # a site holds a thousand events, and each is told twice
LASTS_S = 24.0
CODES = {"hlw": 401, "slw": 85, "ivs": 38, "tjw": 707}
TRUCKS_ONLY = "货车"
_RADIUS_M, _HALF_ROAD_M = 10.0, 5.0
_UPSTREAM_M, _DOWNSTREAM_M = 350.0, 250.0  # of a path, before and behind the event
_APART_M = 2.0  # the two units' places of one event
_OVER_S = 0.05  # some events are over before anybody can be told
_STRAIGHT = ("straight at its place", "its path is the event")  # what no path leads to is found straight ahead only
_POINTS = 32  # of a path: as many as an RSI holds
_RANGE_M: Mapping[str, float] = {"hlw": 300.0, "slw": 300.0, "ivs": 150.0, "tjw": 150.0}  # T/CSAE 53-2017, table
_NOISE_M, _LATE_S = 20.0, 2.0  # what noise and latency may make of them
_WARN_S: Mapping[str, float] = {"hlw": 8.0, "tjw": 10.0}
_TOLERANCE_MPS, _AHEAD_MPS2 = 1.4, 1.0
LATEST_S: Mapping[str, float] = {"hlw": 4.0, "slw": -1.0, "ivs": 0.0, "tjw": 4.0}  # 3GPP's ample response time, or the rule's own


CASES = (
    Case("along its path", concerns=True),
    Case("its path is the event", concerns=True, of=("tjw",)),
    Case("straight at its place", concerns=True, of=("hlw", "tjw")),
    Case("the other direction", concerns=False),
    Case("the road beside", concerns=False),
    Case("behind", concerns=False),
    Case("over", concerns=False),
    Case("keeps to it", concerns=False, of=("slw",)),
    Case("slows down before", concerns=False, of=("slw",)),
    Case("for trucks only", concerns=False, of=("slw", "ivs")),
    Case("creeps", concerns=False, of=("tjw",)),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Encounters of one rule.

    case (n,): rows of `CASES`; enters_s (n,): when the vehicle comes to the event, inf never; begins_m (n,): how far along its
    way that is; limit_mps (n,): of its sign; told: what units tell of all.
    """

    encounters: Encounters
    case: npt.NDArray[np.int64]
    enters_s: Floats
    begins_m: Floats
    limit_mps: Floats
    told: tuple[Told, ...]

    @property
    def concerns(self) -> Mask:
        """Whom the rule demands to be told (n,)."""
        return concerned(CASES, self.case)


def stage(application: str, n: int, seed: int) -> Rules:
    """N encounters of a rule. The same seed gives the same."""
    random = np.random.default_rng([seed, *application.encode(), 5])
    case = drawn(CASES, application, n, random)
    name = names(CASES, case)
    speed, limit = _speeds(application, name, n, random)
    arrives_s = np.minimum(random.uniform(12.0, 15.0, n), (_UPSTREAM_M - 20.0) / speed)  # a path begins so far before
    way = np.where(name == "behind", -_DOWNSTREAM_M - 60.0, speed * arrives_s)
    actors = spread_out(_hosts(name, speed, way, random), n, random)
    told = tuple(
        one
        for row in range(n)
        for one in _told(
            application, _Road(actors.take(np.array([row])), float(way[row])), row, str(name[row]), float(limit[row]), random
        )
    )
    reach = np.where([one.radius_m > 0 for one in told[::2]], _RADIUS_M, 0.0)
    concerns = concerned(CASES, case)
    enters = np.where(concerns, (way - reach) / speed, np.inf)
    encounters = Encounters(application, actors, np.zeros(n), np.full(n, LASTS_S), LASTS_S)
    return Rules(encounters, case, enters, way, limit, told)


def _hosts(name: npt.NDArray[np.str_], speed: Floats, way_m: Floats, random: Random) -> Actors:
    """Who drives: half of them through a bend, gently enough for their speed; straight where only a place is told."""
    n = len(speed)
    slows, bends = name == "slows down before", (random.random(n) < 0.5) & ~np.isin(name, _STRAIGHT)
    radius = np.maximum(random.uniform(80.0, 400.0, n), speed**2 / 3.0)
    return replace(
        still(n),
        start=np.stack([random.uniform(-0.5, 0.5, n), np.zeros(n)], axis=1),
        speed_mps=speed,
        rate_mps2=np.where(slows, -0.9, 0.0),
        changes_s=np.where(slows, 0.0, NEVER_S),
        straight_m=np.where(bends, np.maximum(way_m, 10.0) * random.uniform(0.1, 0.9, n), NEVER_S),
        curvature_1pm=np.where(bends, random.choice([-1.0, 1.0], n) / radius, 0.0),
        turn_deg=np.where(bends, random.uniform(15.0, 80.0, n), 0.0),
    )


def _speeds(application: str, name: npt.NDArray[np.str_], n: int, random: Random) -> tuple[Floats, Floats]:
    """How fast each drives, and the limit of its sign."""
    limit = random.choice([30.0, 40.0, 60.0, 80.0], n) / 3.6
    speed = random.uniform(2.5, 30.0, n)
    if application == "tjw":
        speed = np.where(name == "creeps", random.uniform(1.0, 4.0, n), np.maximum(speed, 6.0))
    if application == "slw":
        keeps, slows = name == "keeps to it", name == "slows down before"
        speed = np.where(keeps, limit * random.uniform(0.5, 1.0, n), limit + random.uniform(2.2, 8.0, n))
        speed = np.where(slows, limit + random.uniform(1.0, 4.0, n), speed)
    return speed, limit


@dataclass(frozen=True, slots=True)
class _Road:
    """The road of one vehicle, and where along its way the event begins."""

    actor: Actors
    way_m: float

    def points(self, first_m: float, last_m: float, aside_m: float) -> Floats:
        """Places (k, 2) along the road from so far before the event (negative) to so far behind it, and to its right."""
        xy, heading = places(self.actor, self.way_m + np.linspace(first_m, last_m, _POINTS)[None])
        return np.asarray((xy + aside_m * rightward(heading))[0])


def _told(application: str, road: _Road, row: int, case: str, limit: float, random: Random) -> list[Told]:
    """The same by two units."""
    is_sign, is_disc = application in {"slw", "ivs"}, case == "straight at its place"
    aside = random.choice([-1, 1]) * random.uniform(18.0, 40.0) if case == "the road beside" else 0.0
    is_area = is_sign or case == "its path is the event"  # others are at a place, and the path leads there
    before = 0.0 if is_area else -_UPSTREAM_M
    points, at = road.points(before, _DOWNSTREAM_M, aside), road.points(0.0, 0.0, aside)[0]
    if case == "the other direction":
        shift = -2.0 * _HALF_ROAD_M - 1.0
        points, at = road.points(before, _DOWNSTREAM_M, shift)[::-1], road.points(0.0, 0.0, shift)[0]
    has_place = not is_area
    text = f"{limit * 3.6:.0f}" if application == "slw" else ""
    found = []
    for unit in (0, 1):
        off = random.uniform(-_APART_M, _APART_M, 2)
        path = Path(np.concatenate([points + off, np.full((_POINTS, 1), np.nan)], axis=1), _HALF_ROAD_M)
        found.append(
            Told(
                source=(10_000 + 2 * row + unit, is_sign, 1),
                said=(row, unit),
                is_sign=is_sign,
                code=CODES[application],
                text=TRUCKS_ONLY + text if case == "for trucks only" else text,
                priority=3,
                place=np.append(at + off, np.nan) if has_place else None,
                radius_m=_RADIUS_M if has_place else 0.0,
                paths=() if is_disc else (path,),
                start_us=0,
                end_us=EPOCH_US + round(_OVER_S * 1e6) if case == "over" else FOREVER_US,
                heard_us=EPOCH_US,
                is_perceived=False,
            )
        )
    return found


def trial(rules: Rules, conditions: Conditions, seed: int, tell: Callable[[float], None] | None = None) -> Outcome:
    """Drive all of them through one picture that has heard of all the events."""

    def prepare(site: Site) -> None:
        site.hear(rules.told, ())

    return run(rules.encounters, conditions, seed, prepare=prepare, tell=tell)


def judge(application: str, n: int, seed: int, *, is_varied: bool, tell: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Figures of one rule."""
    rules, conditions = stage(application, min(n, MOST), seed), varied(min(n, MOST), seed) if is_varied else nominal(min(n, MOST))
    outcome = trial(rules, conditions, seed, tell)
    return figures(rules, outcome, conditions if is_varied else None)


RULES: Mapping[str, Callable[..., dict[str, Any]]] = {name: partial(judge, name) for name in NAMES}


def figures(rules: Rules, outcome: Outcome, conditions: Conditions | None = None) -> dict[str, Any]:
    """Told in time of what the rule demands; and told what it does not demand, too early, or twice."""
    n, demanded = len(rules.encounters), rules.concerns
    first = outcome.first_s(n)
    in_time = first <= rules.enters_s - LATEST_S[rules.encounters.application]
    false, missed = _false(rules, outcome), demanded & ~in_time
    has_lead = demanded & in_time & np.isfinite(first)
    lead = np.where(has_lead, np.where(has_lead, rules.enters_s, 0.0) - np.where(has_lead, first, 0.0), np.nan)
    found = ruled(rules.encounters, judged=demanded, given=in_time, lead_s=lead, false=false, conditions=conditions)
    return found | {"false_of": counted(CASES, rules.case[false]), "missed_of": counted(CASES, rules.case[missed])}


def _false(rules: Rules, outcome: Outcome) -> Mask:
    first = outcome.first_s(len(rules.encounters))
    told = np.isfinite(first)
    early = told & rules.concerns & _is_too_early(rules, np.where(told, first, 0.0))
    times = np.bincount([one.encounter for one in outcome.spells], minlength=len(first))
    return np.asarray((told & ~rules.concerns) | early | (times > 1))


def _is_too_early(rules: Rules, at_s: Floats) -> Mask:
    """Whether the rule did not yet ask for it: beyond its range, or longer before than it says, or gently slowed down for."""
    name, actors = rules.encounters.application, rules.encounters.actors
    shown = film(actors, at_s[:, None])
    way, speed = rules.begins_m - shown.way_m[:, 0], shown.speed_mps[:, 0]
    far, left_s = way > _RANGE_M[name] + _NOISE_M, rules.enters_s - at_s
    if name == "slw":
        need = (speed**2 - (rules.limit_mps + _TOLERANCE_MPS) ** 2) / (2.0 * np.maximum(way, 0.1))
        return np.asarray((left_s > 0) & (far | (need < _AHEAD_MPS2)))
    soon = left_s <= _WARN_S.get(name, np.inf) + _LATE_S
    return np.asarray(far & ~soon if name == "tjw" else far | ~soon)
