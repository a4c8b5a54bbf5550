"""The rules of signals, judged by themselves: who crosses on red must have been warned, who follows advice must find green.

*Red light.* A violation is a front bumper at the line while the light is red. It could be avoided if braking with 4 m/s², one
second after the red could be foreseen, stops the car before the line. Recall is of these: the warning was raised before the line.
Lead is, as of conflicts, of those that could be foreseen 3 s before the line: from when its red is known, and the car drives on
although whoever stops would have begun to. Before that nothing tells one from the other, and a warning to a car that does not
cross on red is false, however late it brakes.

*Advice.* The driver changes over to the middle of the advised range, at once and in comfort, when the advice first comes. It is
right when the light is then green at the line, and false otherwise. Recall is of the cars for which some speed that may be
advised finds green for as long as the advice's margins, as far as the controller has told: they were advised.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chelu.applications.rules import GlosaParameters
from chelu.messages import Batch
from evaluation.v2x.actors import Floats, film
from evaluation.v2x.measured import Conditions, nominal, varied
from evaluation.v2x.radio import EPOCH_US, broadcast
from evaluation.v2x.score import ROOM_S
from evaluation.v2x.signal_staging import LASTS_S, LIMIT_MPS, Approaches, Mask, Plans, begins_to_stop_m, violations, waves
from evaluation.v2x.slices import ruled, share
from services.inference.life import Notice, State
from services.inference.network import NetworkRoads
from services.inference.signals import Light
from services.inference.site import Site, SiteParameters

Tell = Callable[[float], None]
BRAKE_MPS2, REACTION_S = 4.0, 1.0
_SAYS_S, _STEP_S = 0.1, 0.01
_GREEN = (Light.PROTECTED_GREEN, Light.PERMISSIVE_GREEN, Light.FLASHING_GREEN)
_P = GlosaParameters()


@dataclass(frozen=True, slots=True)
class Told:
    """Of n cars: when the application first spoke (inf never), and the range of speeds that it then told (NaN none)."""

    raised_s: Floats
    speeds_mps: Floats


def drive(
    application: str,
    staged: Approaches,
    conditions: Conditions,
    seed: int,
    tell: Tell | None = None,
    prepare: Callable[[Site], Any] | None = None,
    heard: Callable[[Batch, float], Batch] | None = None,
) -> Told:
    """All cars through one site's stages, beside signals that speak ten times a second.

    prepare: told the site before; heard: what is heard of what they say at an instant.
    """
    n, encounters = len(staged.to_line_m), staged.encounters
    air = broadcast(encounters, conditions, seed)
    roads = NetworkRoads(staged.network)
    site = Site(SiteParameters(), roads=roads, model=None, new_id=map(str, itertools.count()).__next__)
    if prepare is not None:
        prepare(site)
    told = Told(np.full(n, np.inf), np.full((n, 2), np.nan))
    late_s, said_s = float(np.mean(conditions.latency_s)), -_SAYS_S
    for now_s, rows in air.ticks(encounters.lasts_s):
        if now_s - late_s >= said_s + _SAYS_S:
            said_s = now_s - late_s
            said = staged.plans.spat(said_s)
            site.signals.update(heard(said, said_s) if heard is not None else said)
        arrived = air.reports.take(np.arange(rows.start, rows.stop))
        _note(told, application, site.step(arrived, EPOCH_US + round(now_s * 1e6)), now_s)
        if tell is not None:
            tell(now_s / encounters.lasts_s)
    return told


def _note(told: Told, application: str, notices: list[Notice], now_s: float) -> None:
    for one in notices:
        car = one.host.vehicle_id - 1
        if one.application == application and one.state is State.RAISED and np.isinf(told.raised_s[car]):
            told.raised_s[car] = now_s
            if one.subject is not None and one.subject.advice is not None:
                told.speeds_mps[car] = one.subject.advice["lowest_mps"], one.subject.advice["highest_mps"]


def red_light(n: int, seed: int, *, is_varied: bool, tell: Tell | None = None) -> dict[str, Any]:
    """Figures of the red-light warning."""
    staged, conditions = violations(n, seed), varied(n, seed) if is_varied else nominal(n)
    told = drive("svw", staged, conditions, seed, tell)
    crosses, violates, avoidable = violators(staged)
    warned = told.raised_s < crosses
    found = ruled(
        staged.encounters,
        judged=avoidable,
        given=warned,
        lead_s=leads_s(staged, crosses, avoidable & warned, told.raised_s),
        false=~violates & np.isfinite(told.raised_s),
        conditions=conditions if is_varied else None,
    )
    return found | {"violations": int(violates.sum()), "recall_of_all_violations": share(warned, violates)}


def violators(staged: Approaches, *, brake_mps2: float = BRAKE_MPS2) -> tuple[Floats, Mask, Mask]:
    """When cars are at the line (n,), inf never; which of them cross on red, and which of those could stop with such brakes."""
    crosses, speed = crosses_s(staged), staged.encounters.actors.speed_mps
    violates = np.isfinite(crosses) & (staged.plans.shows(np.where(np.isfinite(crosses), crosses, 0.0)) == Light.RED)
    left = staged.to_line_m - speed * staged.encounters.onset_s
    return crosses, violates, violates & (left >= speed * REACTION_S + speed**2 / (2.0 * brake_mps2))


def leads_s(staged: Approaches, crosses_s: Floats, told: Mask, raised_s: Floats) -> Floats:
    """From warnings to the line (n,), of violators who were told and could be foreseen early enough; NaN of others."""
    lead = np.full(len(crosses_s), np.nan)
    rows = np.flatnonzero(told)
    rows = rows[crosses_s[rows] - foreseen_s(staged)[rows] >= ROOM_S]
    lead[rows] = crosses_s[rows] - raised_s[rows]
    return lead


def foreseen_s(staged: Approaches) -> Floats:
    """From when a violation could be foreseen (n,): its red is known, and who stops would have begun to brake."""
    speed = staged.encounters.actors.speed_mps
    return np.maximum(staged.encounters.onset_s, (staged.to_line_m - begins_to_stop_m(speed)) / speed)


def advice(n: int, seed: int, *, is_varied: bool, tell: Tell | None = None) -> dict[str, Any]:
    """Figures of the speed advice."""
    staged, conditions = waves(n, seed), varied(n, seed) if is_varied else nominal(n)
    told = drive("glosa", staged, conditions, seed, tell)
    speed, zero = staged.encounters.actors.speed_mps, np.zeros(n)
    possible = np.zeros(n, np.bool_)
    for chosen in np.arange(_P.least_mps, LIMIT_MPS, 0.25):
        arrives = arrives_s(speed, staged.to_line_m, zero, np.full(n, chosen))
        possible |= _finds_green(staged.plans, arrives, _P.margin_s + 0.5) & (arrives < _told_until_s(staged.plans))
    advised = np.isfinite(told.raised_s)
    at = np.where(advised, told.raised_s, 0.0)
    arrives = arrives_s(speed, staged.to_line_m, at, np.where(advised, np.nan_to_num(told.speeds_mps.mean(axis=1)), speed))
    wrong = advised & ~_finds_green(staged.plans, arrives, 0.0)
    lead = np.where(possible & advised, arrives - at, np.nan)
    return ruled(
        staged.encounters, judged=possible, given=advised, lead_s=lead, false=wrong, conditions=conditions if is_varied else None
    )


RULES: Mapping[str, Callable[..., dict[str, Any]]] = {"svw": red_light, "glosa": advice}


def crosses_s(staged: Approaches) -> Floats:
    """When front bumpers are at the line (n,), inf never."""
    times = np.arange(0.0, LASTS_S, _STEP_S)
    over = film(staged.encounters.actors, times).way_m >= staged.to_line_m[:, None]
    return np.where(over.any(axis=1), times[np.argmax(over, axis=1)], np.inf)


def arrives_s(speed_mps: Floats, to_line_m: Floats, at_s: Floats, chosen_mps: Floats) -> Floats:
    """When cars are at the line that go over to another speed at an instant, in comfort, and keep it; all (n,)."""
    rate = np.where(chosen_mps < speed_mps, -_P.slows_mps2, _P.speeds_up_mps2)
    left = np.maximum(to_line_m - speed_mps * at_s, 0.0)
    changing = (chosen_mps - speed_mps) / rate
    way = speed_mps * changing + rate * changing**2 / 2.0
    within = (np.sqrt(np.maximum(speed_mps**2 + 2.0 * rate * left, 0.0)) - speed_mps) / rate
    return np.asarray(at_s + np.where(way <= left, changing + (left - way) / np.maximum(chosen_mps, 0.1), within))


def _told_until_s(plans: Plans) -> Floats:
    """Until when the lights are known from the beginning (n,): who announces nothing tells the present state's end."""
    is_red = plans.shows(np.zeros(len(plans.light))) == Light.RED
    ends = np.where(is_red, plans.end_s[:, 2] + _P.least_green_s, plans.end_s[:, 0])
    return np.where(plans.announces, np.inf, ends - _P.margin_s)


def _finds_green(plans: Plans, at_s: Floats, margin_s: float) -> Mask:
    """Whether it is green at instants (n,), and was and will be for a margin."""
    return np.asarray(np.all([np.isin(plans.shows(at_s + by), _GREEN) for by in (-margin_s, 0.0, margin_s)], axis=0))
