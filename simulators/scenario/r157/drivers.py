"""Four driver models: when each sees danger, and how it brakes then.

All but the fuzzy model brake as hard as they can once their reaction time is over; that one as hard as the danger is. Parameters:
UN R157 annex 4 (competent driver), Shalev-Shwartz, Shammah & Shashua 2017 (RSS), R157 5.2.5.2 (regulation), Mattas et al. 2020
and 2022 (fuzzy safety model), with the study's values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from chelu.motion.drivers import FuzzyParameters, critical_surrogate, proactive_surrogate
from chelu.motion.rss import Response, longitudinal_m

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

STEP_S = 0.1
GRAVITY_MPS2 = 9.81  # the study's
CRITICAL_TTC_S = 2.0
RSS_MARGIN_M = 0.3
RSS_RESPONSE = Response(reaction_s=0.75, acceleration_mps2=3.0, brake_min_mps2=6.0, brake_max_mps2=6.0)
RSS_ASIDE = Response(reaction_s=0.75, acceleration_mps2=1.0, brake_min_mps2=1.0, brake_max_mps2=1.0)
REGULATION_BRAKE_MPS2, REGULATION_REACTION_S = 6.0, 0.35
REGULATION_LATERAL_M, REGULATION_TEST_S = 0.5, 0.1
FUZZY = FuzzyParameters()
FUZZY_LATERAL_S = 0.1
PEDAL_MPS3, FULL_BRAKE_MPS2 = 12.65, 0.774 * GRAVITY_MPS2


@dataclass(frozen=True, slots=True)
class Situation:
    """What a driver sees of the other vehicle (n,).

    gap_m, side_m: free distance along and across the road, negative where they overlap; length_m: of both vehicles; is_ahead: the
    ego has passed; lateral_mps: the other's speed towards the ego's lane; ego_mps2: the ego's own acceleration.
    """

    gap_m: Floats
    side_m: Floats
    length_m: float
    is_ahead: Bools
    ego_mps: Floats
    ego_mps2: Floats
    other_mps: Floats
    lateral_mps: Floats

    @property
    def ttc_s(self) -> Floats:
        """Gap by the difference of speeds, whichever is faster; inf when they are equal."""
        return np.abs(_quotient(self.gap_m, self.ego_mps - self.other_mps))


@dataclass(frozen=True, slots=True)
class Judgement:
    """is_danger: the driver acts; brake_mps2: no harder than this; is_over: nothing that comes is the driver's case any more."""

    is_danger: Bools
    brake_mps2: Floats | float = np.inf
    is_over: Bools | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """What a driver does once it sees danger: waits, coasting, then brakes ever harder up to a limit.

    cut_in, following: how it judges a vehicle that cuts in, and one that it follows or finds before it; distance_m: the gap at
    which it follows at a speed. A driver without them is defined for vehicles that cut in only.
    """

    cut_in: Callable[[Situation], Judgement]
    following: Callable[[Situation], Judgement] | None = None
    distance_m: Callable[[Floats], Floats] | None = None
    reaction_s: float
    full_brake_mps2: float
    ramp_mps3: float
    coasting_mps2: float = 0.0

    @property
    def reaction_steps(self) -> int:
        """Steps that go by before it brakes."""
        return int(np.ceil(self.reaction_s / STEP_S))


def competent_cut_in(seen: Situation) -> Judgement:
    """Danger from the first overlap on, if TTC is at most 2 s then; one that cuts in farther away is no case for this driver."""
    is_in_lane = ~seen.is_ahead & ~(seen.side_m > 0)
    is_far = seen.ttc_s > CRITICAL_TTC_S
    return Judgement(is_in_lane & ~is_far, is_over=is_in_lane & is_far)


def always(seen: Situation) -> Judgement:
    """Danger as soon as there is something to react to."""
    return Judgement(np.ones(len(seen.gap_m), np.bool_))


def rss(seen: Situation) -> Judgement:
    """Danger when the distances along and across the road are both shorter than the safe ones."""
    is_close = seen.gap_m < longitudinal_m(seen.ego_mps, seen.other_mps, RSS_RESPONSE)
    is_beside = seen.side_m < RSS_MARGIN_M + longitudinal_m(np.abs(seen.lateral_mps), np.zeros(1), RSS_ASIDE)
    return Judgement(~seen.is_ahead & is_close & is_beside)


def regulation(seen: Situation) -> Judgement:
    """Danger once the other is near the lane with a TTC that braking after the reaction would not outlast."""
    closing = seen.ego_mps - seen.other_mps
    enough_s = closing / (2 * REGULATION_BRAKE_MPS2) + REGULATION_REACTION_S + REGULATION_TEST_S
    return Judgement(~seen.is_ahead & ~(seen.side_m > REGULATION_LATERAL_M) & ~(seen.ttc_s > enough_s))


def fuzzy(seen: Situation) -> Judgement:
    """Danger by degrees: of the two surrogates the critical one counts before the proactive one."""
    concerns = ~(seen.is_ahead | _is_clear(seen))
    closes = np.flatnonzero(concerns & (seen.ego_mps > seen.other_mps))  # of the others the critical one is 0, or does not matter
    gap, ego, other, rate = (column[closes] for column in (seen.gap_m, seen.ego_mps, seen.other_mps, seen.ego_mps2))
    critical = critical_surrogate(gap, ego, other, rate, FUZZY)
    proactive = proactive_surrogate(seen.gap_m, seen.ego_mps, seen.other_mps, FUZZY)
    brake, is_danger = proactive * FUZZY.brake_min_mps2, proactive > 0
    hard = critical * (FUZZY.brake_max_mps2 - FUZZY.brake_min_mps2) + FUZZY.brake_min_mps2
    brake[closes] = np.where(critical > 0, hard, brake[closes])
    is_danger[closes] |= critical > 0
    return Judgement(concerns & is_danger, brake)


def _is_clear(seen: Situation) -> Bools:
    """Whether the other is beside the ego's way, and stays there until the ego is past."""
    is_clear = seen.side_m > 0
    nears = np.flatnonzero(is_clear & ~(seen.lateral_mps <= 0))
    if len(nears):
        beside_s = _quotient(seen.side_m[nears], seen.lateral_mps[nears])
        past_s = _quotient(seen.gap_m[nears] + 2 * seen.length_m, seen.ego_mps[nears] - seen.other_mps[nears])
        is_clear[nears] = beside_s > past_s + FUZZY_LATERAL_S
    return is_clear


def _fuzzy_distance_m(speed_mps: Floats) -> Floats:
    """Where the proactive surrogate of two that drive alike begins to rise."""
    mine, lead = (speed_mps**2 / (2 * brake) for brake in (FUZZY.brake_min_mps2, FUZZY.lead_brake_mps2))
    return speed_mps * FUZZY.reaction_s + mine - lead + FUZZY.safe_margin_m + FUZZY.margin_m


def _rss_distance_m(speed_mps: Floats) -> Floats:
    """Safe still when the leader has braked through the reaction time."""
    brake, wait_s = RSS_RESPONSE.brake_max_mps2, RSS_RESPONSE.reaction_s
    slowed = np.maximum(speed_mps - wait_s * brake, 0)
    reach = longitudinal_m(speed_mps, np.zeros(1), RSS_RESPONSE)
    return reach - slowed**2 / (2 * brake) + brake * wait_s**2 / 2


def _quotient(above: Floats, below: Floats) -> Floats:
    """Above / below, inf where below is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.inf, above / below)


DRIVERS: Mapping[str, Driver] = MappingProxyType(
    {
        "competent": Driver(
            cut_in=competent_cut_in,
            following=always,
            distance_m=lambda speed_mps: 2 * speed_mps,
            reaction_s=0.75,
            full_brake_mps2=FULL_BRAKE_MPS2,
            ramp_mps3=PEDAL_MPS3,
            coasting_mps2=0.4,
        ),
        "fsm": Driver(
            cut_in=fuzzy,
            following=fuzzy,
            distance_m=_fuzzy_distance_m,
            reaction_s=FUZZY.reaction_s,
            full_brake_mps2=FULL_BRAKE_MPS2,
            ramp_mps3=PEDAL_MPS3,
        ),
        "rss": Driver(
            cut_in=rss,
            following=rss,
            distance_m=_rss_distance_m,
            reaction_s=float(RSS_RESPONSE.reaction_s),
            full_brake_mps2=FULL_BRAKE_MPS2,
            ramp_mps3=PEDAL_MPS3,
        ),
        "regulation": Driver(
            cut_in=regulation,
            reaction_s=REGULATION_REACTION_S,
            full_brake_mps2=REGULATION_BRAKE_MPS2,
            ramp_mps3=np.inf,
        ),
    }
)
