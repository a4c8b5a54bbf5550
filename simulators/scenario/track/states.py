"""A run on the test track as states: arming → armed → ready → running → done, or aborted from any of them. Pure.

Nobody runs before everybody is ready, and everybody is told as soon as one is lost: a run with one missing is no run, and may be
a danger.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


class State(enum.StrEnum):
    """Of the run as a whole."""

    ARMING = "arming"
    ARMED = "armed"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    ABORTED = "aborted"

    @property
    def is_over(self) -> bool:
        """Whether nothing follows."""
        return self in {State.DONE, State.ABORTED}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long what may take.

    silent_s: without a sign of life for longer, a participant is lost; arm_s, ready_s: to arm, to get ready; lasts_s: the run.
    """

    silent_s: float
    arm_s: float
    ready_s: float
    lasts_s: float


@dataclass(frozen=True, slots=True)
class Change:
    """Into a state, when, and why."""

    at_s: float
    state: State
    reason: str = ""


@dataclass(slots=True)
class Session:
    """One run's. Times are seconds of any one clock; `log` has every change."""

    participants: tuple[str, ...]
    limits: Limits
    begun_s: float
    state: State = State.ARMING
    log: list[Change] = field(default_factory=list)
    _seen_s: dict[str, float] = field(default_factory=dict)
    _armed: set[str] = field(default_factory=set)
    _ready: set[str] = field(default_factory=set)
    _since_s: float = 0.0

    def __post_init__(self) -> None:
        self._seen_s = dict.fromkeys(self.participants, self.begun_s)
        self._enter(State.ARMING, self.begun_s)

    @property
    def wanting(self) -> list[str]:
        """Who still has to arm, or to get ready."""
        done = self._armed if self.state is State.ARMING else self._ready if self.state is State.ARMED else set(self.participants)
        return [name for name in self.participants if name not in done]

    def seen(self, name: str, now_s: float) -> None:
        """A sign of life of a participant."""
        self._seen_s[name] = now_s

    def armed(self, name: str, now_s: float) -> None:
        """A participant is armed."""
        self._armed.add(name)
        if self.state is State.ARMING and not self.wanting:
            self._enter(State.ARMED, now_s)

    def ready(self, name: str, now_s: float) -> None:
        """A participant is in its place and wants to begin."""
        self._ready.add(name)
        if self.state is State.ARMED and not self.wanting:
            self._enter(State.READY, now_s)

    def unready(self, name: str, now_s: float) -> None:
        """A participant is not ready any more: before the start that holds it up, and nothing else."""
        self._ready.discard(name)
        if self.state is State.READY:
            self._enter(State.ARMED, now_s, f"{name} is not ready any more")

    def start(self, now_s: float) -> bool:
        """Begin; false unless everybody is ready."""
        if self.state is not State.READY:
            return False
        self._enter(State.RUNNING, now_s)
        return True

    def abort(self, reason: str, now_s: float) -> None:
        """Whoever wants it, for whatever reason."""
        if not self.state.is_over:
            self._enter(State.ABORTED, now_s, reason)

    def turn(self, now_s: float) -> None:
        """What time alone brings about: somebody is lost, arming takes too long, the run is over."""
        if self.state.is_over:
            return
        lost = [name for name, seen_s in self._seen_s.items() if now_s - seen_s > self.limits.silent_s and self._is_watched(name)]
        since = now_s - self._since_s
        if lost:
            self.abort(f"lost {', '.join(lost)}: no sign of life for {self.limits.silent_s:g} s", now_s)
        elif self.state is State.ARMING and since > self.limits.arm_s:
            self.abort(f"{', '.join(self.wanting)} did not arm within {self.limits.arm_s:g} s", now_s)
        elif self.state is State.ARMED and since > self.limits.ready_s:
            self.abort(f"{', '.join(self.wanting)} not ready within {self.limits.ready_s:g} s", now_s)
        elif self.state is State.RUNNING and since >= self.limits.lasts_s:
            self._enter(State.DONE, now_s)

    def _is_watched(self, name: str) -> bool:
        """From when it has armed: one that never came is not lost."""
        return name in self._armed

    def _enter(self, state: State, now_s: float, reason: str = "") -> None:
        self.state, self._since_s = state, now_s
        self.log.append(Change(now_s, state, reason))


def told(log: Iterable[Change], began_s: float) -> list[Mapping[str, object]]:
    """The log as it is written down, in seconds since the run began to arm."""
    return [
        {"at_s": round(one.at_s - began_s, 3), "state": str(one.state), **({"reason": one.reason} if one.reason else {})}
        for one in log
    ]
