"""How a vehicle drives, from word to word: its state, what happened, and how long and how far it drove so. Pure.

A disengagement is the system giving up: a change from automated driving for which nobody, and no plan, is named as the cause. A
take-over is a person's. Time counts for a mode while words come at least every half minute; what lies between is nobody's.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from services.registry.supervision.words import Cause, Mode, ModeWord, Severity

LONGEST_GAP_US = 30_000_000
SAME_FAULT_US = 60_000_000  # one that comes and goes is an event no more often
MOST_AHEAD_US = 1_000_000  # a clock that is further ahead than this is not believed
FASTEST_MPS = 100.0  # an odometer that runs faster has been reset, or is another one
ALARMING = frozenset({Severity.WARNING, Severity.SEVERE})


class What(enum.StrEnum):
    """What happens to a vehicle."""

    MODE = "mode changed"
    DISENGAGEMENT = "disengagement"
    TAKE_OVER = "take-over"
    ODD_LEFT = "left its ODD"
    FAULT = "fault"
    AREA_LEFT = "left its area"
    TRESPASS = "trespass"
    MARK = "marked by hand"


CAPTURED = frozenset(What) - {What.MODE}  # around these the streams are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a vehicle drives. since_us: from when in this mode; span_*: the stretch of counted time under way.

    told_us: of faults by code, when the last event was; not kept over a restart, after which there may be one more.
    """

    time_us: int
    mode: Mode
    since_us: int
    cause: Cause | None = None
    reason: str = ""
    in_odd: bool | None = None
    faults: tuple[Mapping[str, Any], ...] = ()
    odometer_m: float | None = None
    speed_mps: float | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    is_disengaged: bool = False
    span_starts_us: int = 0
    span_metres: float | None = None
    told_us: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of counted time in one mode; metres None: the vehicle does not say."""

    mode: Mode
    starts_us: int
    ends_us: int
    metres: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a vehicle."""

    what: What
    time_us: int
    former: Mode | None
    mode: Mode | None
    cause: Cause | None = None
    reason: str = ""
    detail: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What a word comes to."""

    state: State
    events: tuple[Event, ...]
    spans: tuple[Span, ...]


def step(before: State | None, word: ModeWord, heard_us: int) -> Step | None:
    """The vehicle after a word; None for one that is not newer than what is known."""
    time_us = word.time_us if word.time_us <= heard_us + MOST_AHEAD_US else heard_us
    if before is None:
        state = _first(word, time_us)
        return _step(None, state, (_span(state),))
    if time_us <= before.time_us:
        return None
    state, spans = _counted(before, _moved(before, word, time_us))
    return _step(before, state, spans)


def alarms_of(state: State) -> dict[str, Mapping[str, Any]]:
    """What is wrong with a vehicle that drives so, as names with detail: disengagement, odd, fault."""
    found: dict[str, Mapping[str, Any]] = {}
    if state.is_disengaged:
        found["disengagement"] = {"mode": state.mode, "reason": state.reason}
    if state.in_odd is False and state.mode is Mode.AUTOMATED:
        found["odd"] = {"mode": state.mode, "reason": state.reason}
    if grave := _grave(state):
        found["fault"] = {"faults": grave}
    return found


def _step(before: State | None, state: State, spans: tuple[Span, ...]) -> Step:
    told_us = {code: at_us for code, at_us in before.told_us.items() if state.time_us - at_us < SAME_FAULT_US} if before else {}
    new = _new_faults(before, state, told_us)
    events = [*(_events(before, state) if before else ()), *_faults(before, state, new)]
    return Step(replace(state, told_us=told_us | {fault["code"]: state.time_us for fault in new}), tuple(events), spans)


def _first(word: ModeWord, time_us: int) -> State:
    return State(
        time_us=time_us,
        mode=word.mode,
        since_us=time_us,
        cause=word.cause,
        reason=word.reason,
        in_odd=word.in_odd,
        faults=tuple(word.fault_rows()),
        odometer_m=word.odometer_m,
        speed_mps=word.speed_mps,
        latitude_deg=word.latitude_deg,
        longitude_deg=word.longitude_deg,
        span_starts_us=time_us,
    )


def _moved(before: State, word: ModeWord, time_us: int) -> State:
    new = _first(word, time_us)
    if word.mode is before.mode:  # the cause is that of the change, and is not repeated
        new = replace(new, since_us=before.since_us, cause=before.cause, reason=word.reason or before.reason)
        return replace(new, is_disengaged=before.is_disengaged)
    gave_up = before.mode is Mode.AUTOMATED and _what(before, new) is What.DISENGAGEMENT
    is_over = word.mode in {Mode.AUTOMATED, Mode.OFF}
    return replace(new, is_disengaged=not is_over and (gave_up or before.is_disengaged))


def _counted(before: State, state: State) -> tuple[State, tuple[Span, ...]]:
    """The time from the word before belongs to the mode of the word before, unless it is too long."""
    if state.time_us - before.time_us > LONGEST_GAP_US:
        return state, (_span(state),)
    metres = _driven(before, state)
    total = before.span_metres if metres is None else (before.span_metres or 0.0) + metres
    former = Span(before.mode, before.span_starts_us, state.time_us, total)
    if state.mode is before.mode:
        return replace(state, span_starts_us=before.span_starts_us, span_metres=total), (former,)
    return state, (former, _span(state))


def _driven(before: State, state: State) -> float | None:
    if before.odometer_m is None or state.odometer_m is None:
        return None
    metres = state.odometer_m - before.odometer_m
    return metres if 0 <= metres <= FASTEST_MPS * (state.time_us - before.time_us) / 1e6 + 1 else None


def _span(state: State) -> Span:
    return Span(state.mode, state.span_starts_us, state.time_us, state.span_metres)


def _events(before: State, state: State) -> list[Event]:
    found: list[Event] = []
    if state.mode is not before.mode:
        found.append(Event(_what(before, state), state.time_us, before.mode, state.mode, state.cause, state.reason))
    was_inside = before.in_odd is not False or before.mode is not Mode.AUTOMATED
    if state.in_odd is False and state.mode is Mode.AUTOMATED and was_inside:
        found.append(Event(What.ODD_LEFT, state.time_us, before.mode, state.mode, None, state.reason))
    return found


def _what(before: State, state: State) -> What:
    """What a change of mode is."""
    if state.cause in {Cause.DRIVER, Cause.OPERATOR} and before.mode in {Mode.AUTOMATED, Mode.ASSISTED, Mode.REMOTE}:
        return What.TAKE_OVER
    if before.mode is Mode.AUTOMATED and state.cause in {None, Cause.SYSTEM}:
        return What.DISENGAGEMENT
    return What.MODE


def _grave(state: State) -> list[Mapping[str, Any]]:
    return [fault for fault in state.faults if fault["severity"] in ALARMING]


def _new_faults(before: State | None, state: State, told: Collection[str]) -> list[Mapping[str, Any]]:
    known = {fault["code"] for fault in _grave(before)} if before else set()
    return [fault for fault in _grave(state) if fault["code"] not in known and fault["code"] not in told]


def _faults(before: State | None, state: State, new: Iterable[Mapping[str, Any]]) -> list[Event]:
    former = before.mode if before else None
    return [Event(What.FAULT, state.time_us, former, state.mode, None, fault["text"], fault) for fault in new]
