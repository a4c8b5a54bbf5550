"""Conflicts and red lights in rain, on ice and in fog: the same encounters as when dry, with drivers who brake or see less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chelu.applications.common import WeatherParameters
from chelu.messages import OBSERVATION, Batch, filled
from chelu.quantities import QUANTITIES
from evaluation.v2x.actors import Floats
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.measured import nominal
from evaluation.v2x.radio import EPOCH_US
from evaluation.v2x.rules_signals import drive as red_lights
from evaluation.v2x.rules_signals import violators
from evaluation.v2x.signal_staging import violations
from evaluation.v2x.slices import percentile, share
from evaluation.v2x.staging import stage
from evaluation.v2x.trial import Outcome, run
from evaluation.v2x.truth import BRAKE_MPS2, NEEDED_MPS2, Truth, truth_of, was_needed
from services.inference.site import Site

APPLICATIONS = ("fcw", "icw", "lta", "vrucw")
LATER_S = 0.06  # later than one evaluation
_CODES = {one.name: one.code for one in QUANTITIES}


@dataclass(frozen=True, slots=True)
class Sky:
    """A weather, as a site's sensor measures it; friction: what braking is left of, NaN as when dry."""

    quantity: str
    value: float
    friction: float = float("nan")

    @property
    def grip(self) -> float:
        """Share of dry braking that drivers have."""
        return 1.0 if np.isnan(self.friction) else self.friction / WeatherParameters().dry_friction

    def measured(self) -> Batch:
        """The sensor's sample."""
        one = np.ones(1, np.int64)
        rows = filled(
            OBSERVATION, 1,
            time_us=one * EPOCH_US, quantity=np.array([_CODES[self.quantity]], np.uint16), value=np.array([self.value]),
        )  # fmt: skip
        return rows.with_columns(device_key=one)


SKIES: Mapping[str, Sky | None] = {
    "dry": None,
    "rain": Sky("road_friction", 0.5, 0.5),
    "ice": Sky("road_friction", 0.15, 0.15),
    "fog": Sky("visibility", 60.0),
}


def drive(application: str, n: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """Figures of an application's encounters in each weather, and how much earlier each was warned of than when dry."""
    encounters, found, dry = stage(application, n, seed), dict[str, Any](), np.empty(0)
    for number, (name, sky) in enumerate(SKIES.items()):
        grip = sky.grip if sky else 1.0
        outcome = run(
            encounters, nominal(n), seed,
            prepare=None if sky is None else _heard(sky),
            tell=partial(_told, tell, number),
        )  # fmt: skip
        truth = truth_of(encounters, brake_mps2=BRAKE_MPS2 * grip)
        given = outcome.given_s(truth.contact_s)
        dry = given if sky is None else dry
        asked, both = truth.is_avoidable, np.isfinite(given) & np.isfinite(dry) & np.isfinite(truth.contact_s)
        found[name] = {
            "avoidable": int(asked.sum()),
            "recall": share(np.isfinite(given), asked),
            **_leads(truth.contact_s[both] - given[both], dry[both] - given[both]),
            "false_staged": _needless(encounters, truth, outcome, grip),
        }
    return found


def at_lights(n: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """The same of cars that come to a red light and of the red-light warning."""
    staged, found, dry = violations(n, seed), dict[str, Any](), np.empty(0)
    for number, (name, sky) in enumerate(SKIES.items()):
        prepare = None if sky is None else _heard(sky)
        raised = red_lights("svw", staged, nominal(n), seed, partial(_told, tell, number), prepare).raised_s
        crosses, violates, avoidable = violators(staged, brake_mps2=BRAKE_MPS2 * (sky.grip if sky else 1.0))
        dry = raised if sky is None else dry
        warned = raised < crosses
        both = violates & warned & np.isfinite(dry)
        found[name] = {
            "avoidable": int(avoidable.sum()),
            "recall": share(warned, avoidable),
            **_leads(crosses[both] - raised[both], dry[both] - raised[both]),
            "false_staged": int(np.count_nonzero(~violates & np.isfinite(raised))),
        }
    return found


def _leads(lead_s: Floats, earlier_s: Floats) -> dict[str, Any]:
    return {
        "lead_p5_s": percentile(lead_s, 5),
        "lead_p50_s": percentile(lead_s, 50),
        "earlier_p50_s": percentile(earlier_s, 50),
        "later_than_dry": int(np.count_nonzero(earlier_s < -LATER_S)),
    }


def _told(tell: Callable[[float], None], done: int, share: float) -> None:
    tell((done + share) / len(SKIES))


def _heard(sky: Sky) -> Callable[[Site], None]:
    """A site that has heard of the weather."""
    return lambda site: site.hear((), (sky.measured(),))


def _needless(encounters: Encounters, truth: Truth, outcome: Outcome, grip: float) -> int:
    """Encounters without contact in which somebody was warned who needed no warning, with the brakes that the road allows."""
    first = outcome.first_s(len(encounters))
    rows = np.flatnonzero(np.isinf(truth.contact_s) & np.isfinite(first))
    return int(np.count_nonzero(~was_needed(encounters, rows, first[rows], needed_mps2=NEEDED_MPS2 * grip)))
