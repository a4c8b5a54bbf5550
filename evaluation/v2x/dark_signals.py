"""Signals that go dark and are lit again: while nobody knows what one shows, nobody is warned of it, and that is counted.

Everybody drives through a red light at an even speed. A signal is dark when it says so, or when it is not heard: of such a one
what it showed last is known for three more seconds (`services.inference.signals.DARK_S`). Those that are lit again early enough
to be warned of judge recall and lead; those that are dark to the end, that nobody is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chelu.messages import Batch
from evaluation.v2x.actors import NEVER_S, Floats, Ints
from evaluation.v2x.measured import nominal, varied
from evaluation.v2x.rules_signals import drive, leads_s, violators
from evaluation.v2x.signal_staging import LASTS_S, STATES, Approaches, Mask, violations
from evaluation.v2x.slices import ruled
from services.inference.signals import DARK_S, Light
from services.inference.site import Site

NAME = "svw dark"
_LIT_S = 5.0  # so long before the line: 2.5 s, what a warning takes, and the stop of the fastest
_LONG_S = 1e3
_LATE_S = 0.5  # a warning on its way when its signal goes dark
_NEVER_KNOWN, _LIT_AGAIN, _GOES_OUT = range(3)


@dataclass(frozen=True, slots=True)
class Lapses:
    """Of n signals: from when to when each is dark, and whether it says so or falls silent."""

    begin_s: Floats
    end_s: Floats
    says_so: Mask

    def heard(self, spat: Batch, at_s: float) -> Batch:
        """What is heard of SPAT at an instant."""
        signal = spat["intersection_id"].astype(np.int64) - 1
        is_dark = (self.begin_s[signal] <= at_s) & (at_s < self.end_s[signal])
        light = np.where(is_dark, int(Light.DARK), spat["light"]).astype(np.uint8)
        kept = np.flatnonzero(~is_dark | (self.says_so[signal] & (spat["state_index"] == 0)))
        return spat.with_columns(light=light).take(kept)


def pass_by(n: int, seed: int, *, is_varied: bool, tell: Callable[[float], None] | None = None) -> dict[str, Any]:
    """Figures of n cars: of those lit again recall and lead, of the others warnings while nobody knew, and what was counted."""
    staged = _all_on_red(violations(n, seed))
    crosses, _, avoidable = violators(staged)
    kind, lapses = _lapses(n, seed, crosses)
    sites: list[Site] = []
    conditions = varied(n, seed) if is_varied else nominal(n)
    told = drive("svw", staged, conditions, seed, tell, sites.append, lapses.heard)
    warned = told.raised_s < crosses
    known_until_s = lapses.begin_s + np.where(lapses.says_so, 0.0, DARK_S) + _LATE_S
    while_dark = (told.raised_s > known_until_s) & (told.raised_s < lapses.end_s) & np.isfinite(told.raised_s)
    judged = avoidable & (kind == _LIT_AGAIN)
    found = ruled(
        staged.encounters,
        judged=judged,
        given=warned,
        lead_s=leads_s(staged, crosses, judged & warned, told.raised_s),
        false=while_dark,
        conditions=conditions if is_varied else None,
    )
    return found | {"told_while_dark": int(while_dark.sum()), "states_not_judged": sites[0].counts.dark}


def _all_on_red(staged: Approaches) -> Approaches:
    """The same cars, at their first speed, to signals that are red all the time."""
    n, plans = len(staged.to_line_m), staged.plans
    cars = replace(staged.encounters.actors, changes_s=np.full(n, NEVER_S))
    end = np.full((n, STATES), _LONG_S)
    start = np.where(np.arange(STATES) == 0, -_LONG_S, end)
    return replace(
        staged,
        encounters=replace(staged.encounters, actors=cars, onset_s=np.zeros(n)),
        plans=replace(plans, light=np.full_like(plans.light, int(Light.RED)), start_s=start, end_s=end),
    )


def _lapses(n: int, seed: int, crosses_s: Floats) -> tuple[Ints, Lapses]:
    """A third is dark all the time, a third until five seconds before the line (from the beginning, or later), a third then."""
    random = np.random.default_rng([seed, 13])
    kind, says_so = random.integers(0, 3, n), random.random(n) < 0.5
    lit_s = np.maximum(crosses_s - random.uniform(_LIT_S, _LIT_S + 1.0, n), 0.0)
    begin = np.select(
        [kind == _NEVER_KNOWN, kind == _LIT_AGAIN], [-1.0, np.where(random.random(n) < 0.5, -1.0, lit_s / 3.0)], lit_s
    )
    end = np.where(kind == _LIT_AGAIN, lit_s, LASTS_S + 1.0)
    return kind, Lapses(begin, end, says_so)
