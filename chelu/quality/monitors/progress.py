"""How a phase goes on from message to message: from light to light, and towards the change that it has announced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.lights import Light, is_green
from chelu.parameters import parameter
from chelu.quality.monitors.judged import Codes, Floats, Ints, Judged, Mask, judged, together
from chelu.quality.monitors.monitor import Assessed
from chelu.quality.monitors.signal_streams import ABSENT, SignalStream
from chelu.quality.monitors.window import Window
from chelu.units import US_PER_S

WHOSE_UNKNOWN = "green became red without a yellow, and nothing says whether the phase is the vehicles'"
GAP = "nothing was heard for so long that a light may have come and gone"
NO_END = "it announces no end"
WHOLE_S = 1.0  # a countdown in whole seconds stands for so long, and then goes on at once
STEADY_GREEN = (Light.PERMISSIVE_GREEN, Light.PROTECTED_GREEN)


@dataclass(frozen=True, slots=True)
class Transitions(Assessed):
    """Parameters of the signal-state changes."""

    fewest: float = parameter(1, "items", "one illegal change is one too many", low=1, high=1e6)
    most_bad: float = parameter(0.0, "share", "as above", high=1)
    gap_s: float = parameter(1.5, "s", "half of the shortest yellow, 3 s (GB 14886-2016)", low=0.1, high=60)
    red_to_yellow: float = parameter(0.0, "0 or 1", "1 where a red and yellow stands before green; China has none", high=1)


@dataclass(frozen=True, slots=True)
class Countdown(Assessed):
    """Parameters of the time to change."""

    fewest: float = parameter(600, "items", "messages of a minute", low=1, high=1e6)
    most_bad: float = parameter(0.0005, "share", "a jump is one message: one in 200 s, which is every second cycle or so", high=1)
    tolerance_s: float = parameter(0.5, "s", "TimeMark counts tenths; five of them for the controller's own clock", high=60)
    gap_s: float = parameter(1.5, "s", "as for the changes: beyond, another cycle may have begun", low=0.1, high=60)


def spat_transition(window: Window, parameters: Transitions) -> Judged:
    """Changes of light: illegal ones; value: former light × 10 + new light."""
    return together([part for one in window.signals for part in _transitions(one, window, parameters)])


def spat_countdown(window: Window, parameters: Countdown) -> Judged:
    """Whether the announced end goes backwards, or the change comes before it was announced to; value: seconds."""
    return together([part for one in window.signals for part in _countdowns(one, parameters)])


def is_illegal(before: Codes, after: Codes, *, has_yellow: bool, may_red_yellow: bool = False) -> Mask:
    """Which changes (n,) no signal may make.

    From and to dark, unavailable and flashing red or yellow anything may be: a signal that is switched on, off, or over.
    """
    was_green = is_green(before)
    illegal = np.asarray((before == Light.YELLOW) & is_green(after))
    illegal |= (before == Light.FLASHING_GREEN) & np.isin(after, STEADY_GREEN)
    illegal |= (before == Light.RED) & (after == Light.FLASHING_GREEN)
    if has_yellow:
        illegal |= was_green & (after == Light.RED)
    if not may_red_yellow:
        illegal |= (before == Light.RED) & (after == Light.YELLOW)
    return illegal


@dataclass(frozen=True, slots=True)
class _Steps:
    """Rows (n,) of a stream at which one phase is said, from the second on, and those before them."""

    now: Ints
    before: Ints
    gap_s: Floats


def _steps(stream: SignalStream, column: int) -> _Steps:
    rows = np.flatnonzero(stream.light[:, column] != ABSENT)
    now, before = rows[1:], rows[:-1]
    return _Steps(now, before, (stream.time_us[now] - stream.time_us[before]) / US_PER_S)


def _transitions(stream: SignalStream, window: Window, parameters: Transitions) -> Iterator[Judged]:
    junction = window.junctions.get(stream.junction)
    vehicles = junction.phases if junction is not None and not junction.contradictions else frozenset[int]()
    for column, phase in enumerate(stream.phase.tolist()):
        steps, light = _steps(stream, column), stream.light[:, column]
        changed = light[steps.now] != light[steps.before]
        now, before, gap_s = steps.now[changed], steps.before[changed], steps.gap_s[changed]
        has_yellow = phase in vehicles or bool(np.any(light == Light.YELLOW))
        is_known = has_yellow or bool(stream.is_for_walkers[column])
        is_known |= junction is not None and phase in junction.walkers_phases
        skips = is_green(light[before]) & (light[now] == Light.RED)
        yield judged(
            stream.subject_of(phase),
            stream.time_us[now],
            is_illegal(light[before], light[now], has_yellow=has_yellow, may_red_yellow=bool(parameters.red_to_yellow)),
            light[before].astype(np.float64) * 10 + light[now],
            passed={GAP: gap_s > parameters.gap_s, WHOSE_UNKNOWN: skips & (not is_known)},
        )


def _countdowns(stream: SignalStream, parameters: Countdown) -> Iterator[Judged]:
    for column, phase in enumerate(stream.phase.tolist()):
        steps, light = _steps(stream, column), stream.light[:, column]
        promised_us = _promised_us(stream, column)
        before_us, now_us = promised_us[steps.before], promised_us[steps.now]
        at_us = stream.time_us[steps.now].astype(np.float64)
        stays = light[steps.now] == light[steps.before]
        # While the light stays its earliest end may only go on; when it goes, the end must have come.
        early_s = np.where(stays, before_us - now_us, before_us - at_us) / US_PER_S
        late_s = np.where(stays, at_us - now_us, -np.inf) / US_PER_S  # it still shows what it said would be over
        value = np.fmax(early_s, late_s)
        tolerance_s = parameters.tolerance_s + _grain_s(stream, column)
        yield judged(
            stream.subject_of(phase),
            stream.time_us[steps.now],
            np.nan_to_num(value, nan=-1.0) > tolerance_s,
            value,
            passed={GAP: steps.gap_s > parameters.gap_s, NO_END: np.isnan(value)},
        )


def _grain_s(stream: SignalStream, column: int) -> float:
    """By how much a promise may jump since ends are said in whole seconds, as T/ITS 0180.1 does; 0 where tenths are said."""
    end_s = _ends_s(stream, column)
    said = end_s[~np.isnan(end_s)]
    return WHOLE_S if len(said) and bool((said == np.round(said)).all()) else 0.0


def _ends_s(stream: SignalStream, column: int) -> Floats:
    """The earliest end (m,) in seconds that each message says: the least one, or the likely one without it."""
    return np.where(np.isnan(stream.min_end_s[:, column]), stream.likely_end_s[:, column], stream.min_end_s[:, column])


def _promised_us(stream: SignalStream, column: int) -> npt.NDArray[np.float64]:
    """The earliest instant (m,) until which each message says its light lasts."""
    return np.asarray(stream.time_us + _ends_s(stream, column) * US_PER_S)
