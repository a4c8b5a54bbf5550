"""Metrics of a whole run: contacts and how hard they are, passing one another, time spent near a collision."""

from __future__ import annotations

import numpy as np

from chelu.motion import exposure
from chelu.motion.encroachment import least_shift_s
from chelu.motion.footprints import forward
from simulators.scenario.metrics.metric import Floats, Metric, Parameter, Question
from simulators.scenario.metrics.nearness import are_in_contact, ttcs_s
from simulators.scenario.trace import Trace

BELOW = Parameter("below_s", "TTC*: from which TTC on downwards it counts")


def _contacts(question: Question) -> Floats:
    first, *others = question.parties
    return are_in_contact(question.trace, first, others[0] if others else None).astype(np.float64)


def _impact(question: Question) -> Floats:
    trace, (first, other) = question.trace, question.parties
    speed = np.linalg.norm(_velocity_at_contact(trace, first) - _velocity_at_contact(trace, other), axis=-1)
    return np.where(are_in_contact(trace, first, other), speed, 0.0)


def _delta_v(question: Question) -> Floats:
    trace, (first, other) = question.trace, question.parties
    masses = (np.array(trace.actors[one].mass_kg) for one in (first, other))
    change = exposure.delta_v_mps(*masses, *(_velocity_at_contact(trace, one) for one in (first, other)))
    return np.where(are_in_contact(trace, first, other), change, 0.0)


def _velocity_at_contact(trace: Trace, actor: int) -> Floats:
    """(n, 2): from the last instant before the contact on with the acceleration there; meaningless in runs without one."""
    when = np.where(np.isfinite(trace.contact_s), trace.contact_s, 0.0)
    instant = np.clip(np.floor(when / trace.step_s + 1e-9).astype(np.int64), 0, trace.instants - 1)
    run = np.arange(trace.runs)
    left = when - instant * trace.step_s
    speed = trace.speed_mps[instant, run, actor]
    later = speed + trace.acceleration_mps2[instant, run, actor] * left
    speed = np.where(speed >= 0, np.maximum(later, 0.0), later)
    return np.asarray(forward(trace.heading_deg[instant, run, actor]) * speed[:, None])


def _pet(question: Question) -> Floats:
    trace, (first, other) = question.trace, question.parties
    if trace.instants < 2:
        return np.where(are_in_contact(trace, first, other), 0.0, np.inf)
    found = least_shift_s(trace.futures(first), trace.futures(other), trace.step_s, trace.last)
    return np.where(are_in_contact(trace, first, other), 0.0, found)


def _exposed(question: Question) -> Floats:
    ttc = np.where(question.during, ttcs_s(question), np.inf).T
    return exposure.tet_s(ttc, question.number("below_s")[:, None], question.trace.step_s)


def _integrated(question: Question) -> Floats:
    ttc = np.where(question.during, ttcs_s(question), np.inf).T
    return exposure.tit_s2(ttc, question.number("below_s")[:, None], question.trace.step_s)


METRICS = (
    Metric(
        name="contact",
        unit="",
        parties=(1, 2),
        formula="1 if the footprints touch, else 0",
        about="Of the first with the other, or with anybody when one actor is named. A run ends at its first contact.",
        edges="Contacts are found between samples, too.",
        measure=_contacts,
        is_windowed=False,
    ),
    Metric(
        name="impact_speed_mps",
        unit="m/s",
        parties=(2,),
        formula="|v⃗₁ − v⃗₂| at the contact",
        about="Relative speed at which the two touch.",
        edges="0 when they do not.",
        measure=_impact,
        is_windowed=False,
    ),
    Metric(
        name="delta_v_mps",
        unit="m/s",
        parties=(2,),
        formula="m₂/(m₁ + m₂) · |v⃗₁ − v⃗₂| at the contact",
        about="Speed change of the first in a perfectly inelastic impact.",
        edges="0 when they do not touch.",
        measure=_delta_v,
        is_windowed=False,
    ),
    Metric(
        name="pet_s",
        unit="s",
        parties=(2,),
        formula="min |t₂ − t₁| over all t₁, t₂ with footprint 1 at t₁ overlapping footprint 2 at t₂",
        about="Post-encroachment time: from the first's leaving of the common area to the second's entering, whoever is first.",
        edges="0 when they touch; ∞ when they share no place within the run.",
        measure=_pet,
        is_windowed=False,
        decided_by="minimum_distance_m",
    ),
    Metric(
        name="tet_s",
        unit="s",
        parties=(2,),
        formula="Σ Δt where 0 < TTC < TTC*",
        about="Time exposed to a TTC below TTC* (`below_s`).",
        edges="The instant of a contact (TTC 0) does not count.",
        measure=_exposed,
        parameters=(BELOW,),
        decided_by="ttc_s",
    ),
    Metric(
        name="tit_s2",
        unit="s²",
        parties=(2,),
        formula="Σ (TTC* − TTC) Δt where 0 < TTC < TTC*",
        about="Time integrated below TTC* (`below_s`); the form with 1/TTC is another measure.",
        edges="The instant of a contact (TTC 0) does not count.",
        measure=_integrated,
        parameters=(BELOW,),
        decided_by="ttc_s",
    ),
)
