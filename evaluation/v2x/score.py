"""What a trial of conflicts comes to: recall, lead, false warnings, and the same of the plain way, whole and in slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.v2x.actors import Floats
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.measured import Conditions
from evaluation.v2x.slices import Outcomes, classes, share, sliced, whole
from evaluation.v2x.trial import Outcome
from evaluation.v2x.truth import Truth, needs_braking, was_needed

Mask = npt.NDArray[np.bool_]
LEAD_S = 2.5
ROOM_S = 3.0  # a lead is asked of conflicts that could be foreseen this long before: 2.5 s and the time of a warning
SIDEWAYS = ("lcw", "dnpw")  # no braking need tells when these become dangerous


def figures(encounters: Encounters, truth: Truth, outcome: Outcome, conditions: Conditions | None = None) -> dict[str, Any]:
    """The figures of a trial; conditions: by which its slices differ, where they do."""
    given, is_contact = outcome.given_s(truth.contact_s), truth.contact_s <= encounters.ends_s
    asks_lead = truth.is_avoidable & (truth.contact_s - encounters.onset_s >= ROOM_S) & _gives_lead(encounters, truth)
    plain_s = np.where(outcome.baseline_s < truth.contact_s, outcome.baseline_s, np.inf)
    ours = _outcomes(encounters, truth, given, outcome.first_s(len(encounters)), asks_lead)
    plain = _outcomes(encounters, truth, plain_s, outcome.baseline_s, asks_lead)
    return {
        "n": len(encounters),
        "contacts": int(is_contact.sum()),
        "recall_of_all_contacts": share(np.isfinite(given), is_contact),
        **whole(ours, plain),
        "raised": dict(sorted(outcome.by_application.items())),
        "slices": sliced(classes(encounters, conditions), ours, plain),
    }


def _outcomes(encounters: Encounters, truth: Truth, given_s: Floats, first_s: Floats, asks_lead: Mask) -> Outcomes:
    """given_s: when the warning of the contact came, inf none; first_s: when anybody was warned at all."""
    given = np.isfinite(given_s)
    has_lead = asks_lead & given
    lead = np.full(len(encounters), np.nan)
    lead[has_lead] = truth.contact_s[has_lead] - given_s[has_lead]
    hours = encounters.lasts_s * encounters.blocks / 3600.0
    return Outcomes(truth.is_avoidable, given, lead, _needless(encounters, truth, first_s), hours)


def _gives_lead(encounters: Encounters, truth: Truth) -> Mask:
    """Conflicts that already needed braking 2.5 s before: of others a warning at that time would count as a false one."""
    if encounters.application in SIDEWAYS:
        return np.ones(len(encounters), np.bool_)
    rows = np.flatnonzero(truth.is_avoidable)
    gives = np.zeros(len(encounters), np.bool_)
    gives[rows] = needs_braking(encounters, rows, truth.contact_s[rows] - LEAD_S)
    return gives


def _needless(encounters: Encounters, truth: Truth, first_s: Floats) -> Mask:
    """Encounters without contact in which somebody was warned who needed no warning."""
    rows = np.flatnonzero(np.isinf(truth.contact_s) & np.isfinite(first_s))
    needless = np.zeros(len(encounters), np.bool_)
    needless[rows] = ~was_needed(encounters, rows, first_s[rows])
    return needless
