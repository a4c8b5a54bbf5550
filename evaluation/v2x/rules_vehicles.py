"""How what vehicles say of themselves is staged and judged: one that stands with a fault, one that skids, one with a siren.

Each encounter is a host and another vehicle. Half of the hosts come to it within the seconds that the rule names; the others have
nothing to do with it: it says nothing, is on the road beside or the deck above, has been passed, or drives with the traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.v2x.actors import NEVER_S, Actors, Floats, still
from evaluation.v2x.cases import Case, concerned, counted, drawn, names
from evaluation.v2x.encounters import Encounters, spread_out
from evaluation.v2x.measured import Conditions, nominal, varied
from evaluation.v2x.slices import ruled
from evaluation.v2x.trial import Outcome, run
from services.inference.reports import Event

Mask = npt.NDArray[np.bool_]
Random = np.random.Generator
NAMES = ("avw", "clw", "evw")
LASTS_S, LANE_M, LENGTH_M = 20.0, 3.5, 4.6
LATEST_S = 2.5  # before the two are level: a second to react, and then to brake or to make way
EARLIEST_S: Mapping[str, float] = {"avw": 6.5, "clw": 6.5, "evw": 10.5}  # what the rule names, and what noise may make of it
WRONG = np.array([Event.HAZARD_LIGHTS, Event.FLAT_TYRE, Event.DISABLED, Event.AIRBAG], np.int64)
SKIDS = np.array([Event.ABS, Event.TRACTION_CONTROL, Event.STABILITY_CONTROL], np.int64)
_DECK_M = 8.0


CASES = (
    Case("on its lane", concerns=True, of=("avw", "clw")),
    Case("on the next lane", concerns=True, of=("avw", "clw")),
    Case("comes towards it", concerns=True, of=("clw", "evw")),
    Case("from behind", concerns=True, of=("evw",)),
    Case("from the side", concerns=True, of=("evw",)),
    Case("says nothing", concerns=False),
    Case("the road beside", concerns=False),
    Case("on another deck", concerns=False),
    Case("has been passed", concerns=False),
    Case("flows with the traffic", concerns=False, of=("avw",)),
    Case("goes away", concerns=False, of=("evw",)),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Encounters of one rule. case (n,): rows of `CASES`; level_s (n,): when the host is where the other then is, inf never."""

    encounters: Encounters
    case: npt.NDArray[np.int64]
    level_s: Floats

    @property
    def concerns(self) -> Mask:
        """Whom the rule demands to be told (n,)."""
        return concerned(CASES, self.case)


def stage(application: str, n: int, seed: int) -> Rules:
    """N encounters of a rule. The same seed gives the same."""
    random = np.random.default_rng([seed, *application.encode(), 6])
    case = drawn(CASES, application, n, random)
    name = names(CASES, case)
    actors, level = _STAGES[application](name, random)
    heights = np.concatenate([np.zeros(n), np.where(name == "on another deck", _DECK_M * random.choice([-1, 1], n), 0.0)])
    actors = spread_out(replace(actors, up_m=heights), n, random)
    encounters = Encounters(application, actors, np.zeros(n), np.full(n, LASTS_S), LASTS_S)
    concerns = concerned(CASES, case)
    return Rules(encounters, case, np.where(concerns, level, np.inf))


def _aside_m(name: npt.NDArray[np.str_], random: Random) -> Floats:
    """How far the other is to the right of the host's way."""
    n = len(name)
    side = random.choice([-1.0, 1.0], n)
    away = np.where(name == "the road beside", random.uniform(18.0, 40.0, n), LANE_M)
    is_beside = np.isin(name, ["the road beside", "on the next lane", "comes towards it", "from behind"])
    return np.where(is_beside, side * away, 0.0) + random.uniform(-0.5, 0.5, n)


def _two(host_mps: Floats, other_at: Floats, other_mps: Floats, heading_deg: Floats | float = 0.0) -> Actors:
    """The hosts drive north from the origin."""
    n = len(host_mps)
    return replace(
        still(2 * n),
        start=np.concatenate([np.zeros((n, 2)), other_at]),
        speed_mps=np.concatenate([host_mps, other_mps]),
        heading_deg=np.concatenate([np.zeros(n), np.broadcast_to(heading_deg, (n,))]),
    )


def _tells(actors: Actors, name: npt.NDArray[np.str_], events: npt.NDArray[np.int64], from_s: Floats) -> Actors:
    """The others' messages, but of those that say nothing."""
    n = len(name)
    says = np.where(name == "says nothing", 0, events)
    return replace(actors, events=np.concatenate([np.zeros(n, np.int64), says]), tells_s=np.concatenate([np.zeros(n), from_s]))


def _stands(name: npt.NDArray[np.str_], random: Random) -> tuple[Actors, Floats]:
    """One that stands or creeps ahead with a fault."""
    n = len(name)
    host = random.uniform(4.0, 30.0, n)
    other = np.where(random.random(n) < 0.5, 0.0, random.uniform(0.5, 2.0, n))
    other = np.where(name == "flows with the traffic", host * random.uniform(0.9, 1.0, n), other)
    meets_s = random.uniform(9.0, 14.0, n)
    ahead = np.where(name == "has been passed", -random.uniform(10.0, 60.0, n), (host - other) * meets_s + LENGTH_M)
    ahead = np.where(name == "flows with the traffic", random.uniform(15.0, 60.0, n), ahead)
    actors = _two(host, np.stack([_aside_m(name, random), ahead], axis=1), other)
    return _tells(actors, name, random.choice(WRONG, n), np.zeros(n)), meets_s


def _skids(name: npt.NDArray[np.str_], random: Random) -> tuple[Actors, Floats]:
    """One ahead whose wheels lose their hold: it says so, and comes to rest. The host comes to where that is."""
    n = len(name)
    host, other = random.uniform(8.0, 30.0, n), random.uniform(5.0, 25.0, n)
    comes = name == "comes towards it"
    begins_s, rate = random.uniform(3.5, 5.0, n), -random.uniform(4.0, 7.0, n)
    way = other * begins_s + other**2 / (2.0 * -rate)
    meets_s = begins_s + other / -rate + random.uniform(4.5, 7.0, n)
    rests = np.where(name == "has been passed", -random.uniform(20.0, 60.0, n), host * meets_s + LENGTH_M)
    ahead = np.where(comes, rests + way, rests - way)
    actors = _two(host, np.stack([_aside_m(name, random), ahead], axis=1), other, np.where(comes, 180.0, 0.0))
    never, zero = np.full(n, NEVER_S), np.zeros(n)
    actors = replace(actors, rate_mps2=np.concatenate([zero, rate]), changes_s=np.concatenate([never, begins_s]))
    return _tells(actors, name, random.choice(SKIDS, n), begins_s), meets_s


def _hurries(name: npt.NDArray[np.str_], random: Random) -> tuple[Actors, Floats]:
    """One with a siren comes up from behind, from ahead or from the side, or goes away."""
    n = len(name)
    host, meets_s = random.uniform(2.0, 20.0, n), random.uniform(11.0, 14.0, n)
    towards, side, away = name == "comes towards it", name == "from the side", name == "goes away"
    other = np.where(towards | side, random.uniform(10.0, 25.0, n), host + random.uniform(5.0, 12.0, n))
    heading = np.where(towards, 180.0, np.where(side, random.choice([90.0, 270.0], n), 0.0))
    passed = name == "has been passed"
    other = np.where(passed, np.maximum(host - random.uniform(3.0, 8.0, n), 0.0), other)
    ahead = np.where(towards, (host + other) * meets_s, (host - other) * meets_s)
    ahead = np.select([side, away, passed], [host * meets_s, 20.0, -random.uniform(10.0, 40.0, n)], ahead)
    aside = _aside_m(name, random) - np.where(side, other * meets_s * np.sin(np.radians(heading)), 0.0)
    aside = np.where(name == "the road beside", np.sign(aside) * random.uniform(50.0, 90.0, n), aside)
    actors = _two(host, np.stack([aside, ahead], axis=1), other, heading)
    says = np.concatenate([np.zeros(n, np.bool_), name != "says nothing"])
    return replace(actors, is_responding=says), meets_s


_STAGES: Mapping[str, Callable[[npt.NDArray[np.str_], Random], tuple[Actors, Floats]]] = {
    "avw": _stands,
    "clw": _skids,
    "evw": _hurries,
}


def judge(application: str, n: int, seed: int, *, is_varied: bool, tell: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Figures of one rule."""
    rules, conditions = stage(application, n, seed), varied(n, seed) if is_varied else nominal(n)
    outcome = run(rules.encounters, conditions, seed, tell=tell)
    return figures(rules, outcome, conditions if is_varied else None)


RULES: Mapping[str, Callable[..., dict[str, Any]]] = {name: partial(judge, name) for name in NAMES}


def figures(rules: Rules, outcome: Outcome, conditions: Conditions | None = None) -> dict[str, Any]:
    """Told in time; and told what the rule does not demand, too early, twice, or the other instead of the host."""
    n, demanded = len(rules.encounters), rules.concerns
    first = _told_s(outcome, n)
    told = np.isfinite(first)
    lead = np.where(told & demanded, np.where(demanded, rules.level_s, 0.0) - np.where(told, first, 0.0), -np.inf)
    in_time, early = lead >= LATEST_S, lead > EARLIEST_S[rules.encounters.application]
    times = np.bincount([one.encounter for one in outcome.spells], minlength=n)
    others = np.bincount([one.encounter for one in outcome.spells if one.block], minlength=n)
    false = (told & ~demanded) | early | (times > 1) | (others > 0)
    found = ruled(
        rules.encounters,
        judged=demanded,
        given=in_time,
        lead_s=np.where(in_time & demanded, lead, np.nan),
        false=false,
        conditions=conditions,
    )
    return found | {"false_of": counted(CASES, rules.case[false]), "missed_of": counted(CASES, rules.case[demanded & ~in_time])}


def _told_s(outcome: Outcome, n: int) -> Floats:
    """When each host was first told (n,), inf never."""
    hosts = replace(outcome, spells=[one for one in outcome.spells if one.block == 0])
    return hosts.first_s(n)
