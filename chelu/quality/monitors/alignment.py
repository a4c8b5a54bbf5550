"""Whether a junction's SPAT speaks of the phases that its MAP names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.lights import Light
from chelu.parameters import parameter
from chelu.quality.monitors.judged import Ints, Judged, judged, passed_over, together
from chelu.quality.monitors.junctions import Junction
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.signal_streams import ABSENT, SignalStream
from chelu.quality.monitors.window import LONGEST_STRETCH_S, Window
from chelu.units import US_PER_S

UNMAPPED = "no MAP of this junction was heard"
CONTRADICTS = "its MAP contradicts itself"
NO_PHASES = "its MAP names no phases"


@dataclass(frozen=True, slots=True)
class Alignment(Assessed):
    """Parameters of the alignment."""

    fewest: float = parameter(3, "items", "each is a whole stretch of time", low=1, high=1e6)
    stretch_s: float = parameter(
        10.0, "s", "a phase is missing when no message of a whole stretch has it", low=1, high=LONGEST_STRETCH_S
    )


def unusable(junction: Junction | None) -> str:
    """Why nothing can be judged by a junction's map; empty when it can."""
    if junction is None:
        return UNMAPPED
    if junction.contradictions:
        return CONTRADICTS
    return "" if junction.phases else NO_PHASES


def phase_alignment(window: Window, parameters: Alignment) -> Judged:
    """Stretches in which phases of the MAP are missing in SPAT, or a vehicles' phase of SPAT in the MAP; value: how many.

    Phases that SPAT alone has may be the pedestrians'; one that shows yellow is not.
    """
    parts = []
    for stream in window.signals:
        width_us = round(parameters.stretch_s * US_PER_S)
        number = stream.time_us // width_us
        first = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
        begin_us = number[first] * width_us
        whole = (begin_us >= window.heard_us) & (begin_us + width_us <= window.to_us)
        at_us = window.instant_of(begin_us, width_us)
        junction = window.junctions.get(stream.junction)
        if reason := unusable(junction):
            parts.append(passed_over(stream.subject, at_us[whole], reason))
        elif junction is not None:
            missing = _missing(stream, first, junction)
            parts.append(judged(stream.subject, at_us, missing > 0, missing).take(whole))
    return together(parts)


def _missing(stream: SignalStream, first: np.ndarray[tuple[int], np.dtype[np.intp]], junction: Junction) -> Ints:
    """How many phases (stretches,) one of the two has and the other lacks."""
    said = np.logical_or.reduceat(stream.light != ABSENT, first, axis=0)
    yellow = np.logical_or.reduceat(stream.light == Light.YELLOW, first, axis=0)
    named = np.isin(stream.phase, list(junction.phases))
    absent = len(junction.phases) - np.count_nonzero(said[:, named], axis=1)
    return np.asarray(absent + np.count_nonzero(yellow[:, ~named], axis=1))
