"""The judge of the vehicle-road applications, task by task: each a trial whose figures do not depend on any other's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from evaluation.v2x import (
    dark_signals,
    decks,
    ordinary,
    plain_traffic,
    rules_events,
    rules_signals,
    rules_vehicles,
    score,
    weather,
)
from evaluation.v2x.measured import nominal, varied
from evaluation.v2x.ordinary import Roadside
from evaluation.v2x.staging import STAGES, stage
from evaluation.v2x.trial import run
from evaluation.v2x.truth import truth_of

Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is staged. encounters: of each application; seeds of ordinary traffic to drive through."""

    encounters: int
    traffic_seeds: int
    seed: int = 1


FULL, SHORT = Plan(2000, 14), Plan(200, 0)
RULES = {**rules_signals.RULES, **rules_events.RULES, **rules_vehicles.RULES}  # a quarter as many as of conflicts are staged
TRAFFIC, EXACT_TRAFFIC, WEATHER, NGSIM = "traffic, ", "exact traffic, ", "weather, ", "NGSIM"


def tasks(plan: Plan, at: Roadside) -> Mapping[str, Callable[[Tell], dict[str, Any]]]:
    """Name → what works it out, telling the share done."""
    named: dict[str, Callable[[Tell], dict[str, Any]]] = {}
    for application in STAGES:
        named[f"{application}, nominal"] = partial(_nominal, application, plan)
        named[f"{application}, varied"] = partial(_varied, application, plan)
    for name, rule in RULES.items():
        for how in ("nominal", "varied"):
            named[f"{name}, {how}"] = partial(_ruled, rule, plan, is_varied=how == "varied")
    for name in weather.APPLICATIONS:
        named[f"{WEATHER}{name}"] = partial(weather.drive, name, plan.encounters // 4, plan.seed)
    named[f"{WEATHER}svw"] = partial(weather.at_lights, plan.encounters // 4, plan.seed)
    for how in ("nominal", "varied"):
        named[f"{dark_signals.NAME}, {how}"] = partial(_ruled, dark_signals.pass_by, plan, is_varied=how == "varied")
    named["decks"] = partial(decks.cross, plan.encounters, plan.seed)
    named["decks on a map"] = partial(decks.cross_on_map, plan.encounters, plan.seed)
    named["decks along a map"] = partial(decks.follow_on_map, plan.encounters // 4, plan.seed)
    for seed in range(plan.traffic_seeds + 1):
        name = f"seed {seed}" if seed else "shipped"
        named[f"{TRAFFIC}{name}"] = partial(ordinary.drive_district, seed, at, conditions=nominal(1))
        named[f"{EXACT_TRAFFIC}{name}"] = partial(ordinary.drive_district, seed, at)
    named[plain_traffic.NAME] = plain_traffic.drive
    named[NGSIM] = partial(ordinary.drive_ngsim, at)
    return named


def _nominal(application: str, plan: Plan, tell: Tell) -> dict[str, Any]:
    encounters = stage(application, plan.encounters, plan.seed)
    outcome = run(encounters, nominal(plan.encounters), plan.seed, tell=tell)
    return score.figures(encounters, truth_of(encounters), outcome)


def _varied(application: str, plan: Plan, tell: Tell) -> dict[str, Any]:
    encounters, conditions = stage(application, plan.encounters, plan.seed + 1), varied(plan.encounters, plan.seed)
    outcome = run(encounters, conditions, plan.seed + 1, tell=tell)
    return score.figures(encounters, truth_of(encounters), outcome, conditions)


def _ruled(rule: Callable[..., dict[str, Any]], plan: Plan, tell: Tell, *, is_varied: bool) -> dict[str, Any]:
    return rule(plan.encounters // 4, plan.seed + is_varied, is_varied=is_varied, tell=tell)


def report(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The document: per application the nominal figures, the varied ones, and false warnings of ordinary traffic."""
    traffic, exact = (_traffic(parts, prefix) for prefix in (TRAFFIC, EXACT_TRAFFIC))
    applications: dict[str, Any] = {}
    for name in (*STAGES, *RULES):
        at_nominal = dict(parts.get(f"{name}, nominal", {}))
        if at_nominal:
            applications[name] = {
                **at_nominal,
                "false_per_vehicle_hour": _false(traffic, name),
                "false_exact_per_vehicle_hour": _false(exact, name),
                "varied": parts.get(f"{name}, varied"),
            }
    return {
        "applications": applications,
        "decks": parts.get("decks"),
        "decks_on_map": parts.get("decks on a map"),
        "decks_along": parts.get("decks along a map"),
        "signals_dark": {how: parts.get(f"{dark_signals.NAME}, {how}") for how in ("nominal", "varied")},
        "traffic": traffic,
        "traffic_exact": exact,
        "traffic_six_instants": parts.get(plain_traffic.NAME),
        "ngsim": parts.get(NGSIM),
        "weather": {name.removeprefix(WEATHER): part for name, part in parts.items() if name.startswith(WEATHER)},
    }


def _traffic(parts: Mapping[str, Mapping[str, Any]], prefix: str) -> dict[str, Any] | None:
    return ordinary.together(part for name, part in parts.items() if name.startswith(prefix))


def _false(traffic: Mapping[str, Any] | None, application: str) -> float | None:
    """Per vehicle-hour; None where traffic was not driven or does not judge this application."""
    if traffic is None or application in ordinary.NOT_JUDGED:
        return None
    return float(traffic["false_per_vehicle_hour"].get(application, 0.0))
