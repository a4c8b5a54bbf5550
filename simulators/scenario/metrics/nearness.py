"""Metrics of two in the plane: how near they are and when they would touch, whatever their headings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from chelu.motion.conflict import ttc_plane_s
from chelu.motion.distance import distance_m
from simulators.scenario.metrics.metric import Floats, Mask, Metric, Question
from simulators.scenario.metrics.pairs import is_on_one_deck, size, stretches, velocity
from simulators.scenario.trace import Trace


def distances_m(question: Question) -> Floats:
    """(t, n) between the two footprints, across decks in space."""
    trace, (first, other) = question.trace, question.parties
    found = np.empty((trace.instants, trace.runs))
    sizes = size(trace, first), size(trace, other)
    for some in stretches(trace):
        offset = trace.xy[some, :, other] - trace.xy[some, :, first]
        headings = trace.heading_deg[some, :, first], trace.heading_deg[some, :, other]
        found[some] = distance_m(offset, headings[0], sizes[0], headings[1], sizes[1])
    height = trace.elevation_m[:, :, other] - trace.elevation_m[:, :, first]
    apart = np.where(is_on_one_deck(trace, first, other), found, np.hypot(found, height))
    return np.where(contact_now(trace, first, other), 0.0, apart)


def ttcs_s(question: Question) -> Floats:
    """(t, n) until the footprints touch if both keep velocity and heading."""
    trace, (first, other) = question.trace, question.parties
    found = np.empty((trace.instants, trace.runs))
    for some in stretches(trace):
        offset = trace.xy[some, :, other] - trace.xy[some, :, first]
        shape, cells = offset.shape[:2], offset.shape[0] * offset.shape[1]
        headings = np.stack([trace.heading_deg[some, :, one].ravel() for one in (first, other)], axis=-1)
        sizes = np.broadcast_to(np.stack([size(trace, first), size(trace, other)]), (cells, 2, 2))
        own, others = (velocity(trace, one, some).reshape(cells, 2) for one in (first, other))
        found[some] = ttc_plane_s(offset.reshape(cells, 2), own, others, headings, sizes).reshape(shape)
    found = np.where(is_on_one_deck(trace, first, other), found, np.inf)
    return np.where(contact_now(trace, first, other), 0.0, found)


def contact_now(trace: Trace, first: int, other: int) -> Mask:
    """(t, n): the last instant of runs that end by a contact of these two: they touched, though a sample may just miss it."""
    return np.asarray(are_in_contact(trace, first, other) & (np.arange(trace.instants)[:, None] == trace.last))


def are_in_contact(trace: Trace, first: int, other: int | None) -> Mask:
    """(n,): whether the run's contact is one of these two, or of the first with anybody."""
    is_first = (trace.contact == first).any(axis=1)
    is_other = True if other is None else (trace.contact == other).any(axis=1)
    return np.asarray(np.isfinite(trace.contact_s) & is_first & is_other)


def with_each(question: Question) -> Iterator[Question]:
    """The same of the two that it names, or of the only one with everybody else, background traffic among them."""
    first, *others = question.parties
    for other in others or [row for row in range(len(question.trace.actors)) if row != first]:
        yield replace(question, parties=(first, other))


def _nearest(question: Question) -> Floats:
    return _least(question, distances_m)


def _soonest(question: Question) -> Floats:
    return _least(question, ttcs_s)


def _least(question: Question, measure: Callable[[Question], Floats]) -> Floats:
    """(t, n) over everybody who is there."""
    if len(question.parties) > 1:
        return measure(question)
    found = np.full((question.trace.instants, question.trace.runs), np.inf)
    for one in with_each(question):
        found = np.fmin(found, measure(one))
    return found


METRICS = (
    Metric(
        name="minimum_distance_m",
        unit="m",
        parties=(1, 2),
        formula="min |p − q|, p and q in the two footprints",
        about="Least distance of the two oriented rectangles, never below 0; on different decks in space. Of one: to anybody.",
        edges="0 at the instant of a contact of the two, also when it lies between two samples; ∞ of one while it is alone.",
        measure=_nearest,
    ),
    Metric(
        name="ttc_s",
        unit="s",
        parties=(1, 2),
        formula="least t ≥ 0 at which the footprints overlap, both keeping velocity and heading",
        about="Time to collision in the plane, exact for any headings; behind one another it is g/Δv. Of one: with anybody.",
        edges="0 when they touch; ∞ when they never will, or are on different decks.",
        measure=_soonest,
    ),
)
