"""Figures of one application: recall, lead, false warnings, and the same of the plain way, whole and in slices."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.v2x.actors import Floats
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.radio import Conditions
from evaluation.v2x.trial import Outcome
from evaluation.v2x.truth import Truth, needs_braking, was_needed

Mask = npt.NDArray[np.bool_]
LEAD_S = 2.5
ROOM_S = 3.0  # a lead is asked of conflicts that could be foreseen this long before: 2.5 s and the time of a warning
SIDEWAYS = ("lcw", "dnpw")  # no braking need tells when these become dangerous
SLICES: Mapping[str, tuple[float, ...]] = {
    "noise_m": (0.0, 0.5, 1.0, 2.0, 3.0),
    "latency_s": (0.0, 0.1, 0.2, 0.3),
    "loss": (0.0, 0.05, 0.1, 0.2),
    "rate_hz": (2.0, 3.0, 5.0, 10.0),
}


def figures(encounters: Encounters, truth: Truth, outcome: Outcome) -> dict[str, Any]:
    """The figures of a trial; None where there is nothing to count."""
    judged, given = truth.is_avoidable, outcome.given_s(truth.contact_s)
    had_room = judged & (truth.contact_s - encounters.onset_s >= ROOM_S) & _gives_lead(encounters, truth)
    has_room, plain = had_room & np.isfinite(given), had_room & (outcome.baseline_s < truth.contact_s)
    needless = _needless(encounters, truth, outcome)
    hours = encounters.lasts_s * len(encounters.actors) / 3600.0
    return {
        "n": len(encounters),
        "contacts": int((truth.contact_s <= encounters.ends_s).sum()),
        "avoidable": int(judged.sum()),
        "recall": _share(np.isfinite(given), judged),
        "recall_of_all_contacts": _share(np.isfinite(given), truth.contact_s <= encounters.ends_s),
        "lead_p5_s": _percentile(truth.contact_s[has_room] - given[has_room], 5),
        "lead_p50_s": _percentile(truth.contact_s[has_room] - given[has_room], 50),
        "with_room": int(has_room.sum()),
        "false_staged": int(needless.sum()),
        "false_staged_per_vehicle_hour": round(float(needless.sum()) / hours, 3),
        "baseline_recall": _share(outcome.baseline_s < truth.contact_s, judged),
        "baseline_lead_p5_s": _percentile(truth.contact_s[plain] - outcome.baseline_s[plain], 5),
        "baseline_lead_p50_s": _percentile(truth.contact_s[plain] - outcome.baseline_s[plain], 50),
        "raised": dict(sorted(outcome.by_application.items())),
    }


def slices(truth: Truth, outcome: Outcome, conditions: Conditions) -> dict[str, Any]:
    """Recall in classes of noise, latency, loss and rate, ours and the plain way's."""
    given = outcome.given_s(truth.contact_s)
    found: dict[str, Any] = {}
    for name, edges in SLICES.items():
        value: Floats = getattr(conditions, name)
        found[name] = {}
        for low, high in pairwise(edges):
            inside = truth.is_avoidable & (value >= low) & (value <= high)
            found[name][f"{low:g}–{high:g}"] = {
                "recall": _share(np.isfinite(given), inside),
                "baseline_recall": _share(outcome.baseline_s < truth.contact_s, inside),
                "n": int(inside.sum()),
            }
    return found


def _gives_lead(encounters: Encounters, truth: Truth) -> Mask:
    """Conflicts that already needed braking 2.5 s before: of others a warning at that time would count as a false one."""
    if encounters.application in SIDEWAYS:
        return np.ones(len(encounters), np.bool_)
    rows = np.flatnonzero(truth.is_avoidable)
    gives = np.zeros(len(encounters), np.bool_)
    gives[rows] = needs_braking(encounters, rows, truth.contact_s[rows] - LEAD_S)
    return gives


def _needless(encounters: Encounters, truth: Truth, outcome: Outcome) -> Mask:
    """Encounters without contact in which somebody was warned who needed no warning."""
    first = outcome.first_s(len(encounters))
    rows = np.flatnonzero(np.isinf(truth.contact_s) & np.isfinite(first))
    needless = np.zeros(len(encounters), np.bool_)
    needless[rows] = ~was_needed(encounters, rows, first[rows])
    return needless


def _share(is_so: Mask, among: Mask) -> float | None:
    return round(float(np.mean(is_so[among])), 4) if among.any() else None


def _percentile(values: Floats, rank: float) -> float | None:
    return round(float(np.percentile(values, rank)), 3) if len(values) else None
