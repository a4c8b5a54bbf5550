"""Whether the warnings that came are those a scene was staged for. Pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a staged conflict must bring about. Times in seconds of the scene's clock (milliseconds of the recording / 1000).

    application: its name, or "" for any. host: the actor that must be warned; other: of whom. `is_forbidden`: none may come,
    whoever of the two is host; otherwise the first that comes must lie in `earliest_s` … `latest_s`.
    """

    name: str
    application: str
    host: str
    other: str
    earliest_s: float
    latest_s: float
    is_forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that was raised: who got it, about whom, and the time of the situation it warns of, on the scene's clock."""

    application: str
    host: str
    other: str
    time_s: float


class Outcome(enum.StrEnum):
    """What became of an expectation."""

    MET = "met"
    MISSED = "missed"
    EARLY = "early"
    LATE = "late"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An expectation and what became of it; at_s: when the first warning that counts was raised, None when none was."""

    expectation: Expectation
    outcome: Outcome
    at_s: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether all is as it should be."""
        return self.outcome is Outcome.MET

    def __str__(self) -> str:
        """A sentence."""
        wanted = self.expectation
        pair = f"{wanted.host} about {wanted.other}"
        if wanted.is_forbidden:
            told = "no warning, as it must be" if self.is_met else f"warned at {self.at_s:.1f} s, and must not be"
            return f"{wanted.name}: {pair}: {told}"
        window = f"{wanted.earliest_s:.1f} … {wanted.latest_s:.1f} s"
        at = "no warning came" if self.at_s is None else f"first warned at {self.at_s:.1f} s"
        return f"{wanted.name}: {wanted.application} to {pair}: {self.outcome}, {at} (expected in {window})"


def judge(expectations: Sequence[Expectation], warned: Sequence[Warned]) -> list[Verdict]:
    """One verdict per expectation, in their order."""
    return [_one(expectation, warned) for expectation in expectations]


def _one(wanted: Expectation, warned: Sequence[Warned]) -> Verdict:
    times = sorted(item.time_s for item in warned if _is_about(wanted, item))
    if wanted.is_forbidden:
        return Verdict(wanted, Outcome.FORBIDDEN, times[0]) if times else Verdict(wanted, Outcome.MET)
    if not times:
        return Verdict(wanted, Outcome.MISSED)
    first = times[0]
    if first < wanted.earliest_s:
        return Verdict(wanted, Outcome.EARLY, first)
    return Verdict(wanted, Outcome.LATE if first > wanted.latest_s else Outcome.MET, first)


def _is_about(wanted: Expectation, item: Warned) -> bool:
    if wanted.application and item.application != wanted.application:
        return False
    if wanted.is_forbidden:
        return {item.host, item.other} == {wanted.host, wanted.other}
    return (item.host, item.other) == (wanted.host, wanted.other)
