"""Asks a device over a wire what it decides, step by step: the same questions that one in memory is asked, as documents.

Either the scenario's time waits for each answer, or it goes on in real time and what was answered last holds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chelu.clock import Clock
from chelu.errors import MalformedError
from simulators.scenario.deciding.documents import asked_document, command_of, seen_document, shown_of
from simulators.scenario.deciding.driving import NONE, Command, Seen, commands
from simulators.scenario.deciding.signals import Asked
from simulators.scenario.dut.dialogue import Dialogue
from simulators.scenario.dut.said import Answer
from simulators.scenario.interrupting import Interrupt
from simulators.scenario.trace import Ints

REMEMBERED = 200  # questions in real time to which an answer may still come
NAP_S = 0.0005


class Questions:
    """Asks in one run. instants_s: when it was asked, in the scenario's time; away_s: since when it is away, inf while it is not.

    tell: gets the scenario's time as it goes on. lag_s: the most by which the rig itself asked too late.
    """

    def __init__(
        self,
        talk: Dialogue,
        clock: Clock,
        interrupt: Interrupt,
        *,
        silent_s: float,
        is_real: bool,
        tell: Callable[[float], None],
    ) -> None:
        self._talk, self._clock, self._silent_s, self._is_real, self._tell = talk, clock, silent_s, is_real, tell
        self._interrupt = interrupt
        self._begun_s = clock.monotonic_s()
        self._numbers = deque[int](maxlen=REMEMBERED)
        self._answered_s = self._begun_s
        self._newest: Answer | None = None
        self.away_s, self.lag_s = np.inf, 0.0

    def ask(self, time_s: float, document: Mapping[str, Any]) -> Answer | None:
        """The answer that holds now; None where there is none, and once the device is away or the run was interrupted."""
        if np.isfinite(self.away_s):
            return None
        self._tell(time_s)
        if self._interrupt.is_asked:
            self._talk.leave()
            self.away_s = time_s
            return None
        answer = self._in_time(time_s, document) if self._is_real else self._talk.decide(document, self._silent_s)
        if answer is None and (not self._is_real or self._is_silent()):
            self.away_s = time_s
        return answer

    def _in_time(self, time_s: float, document: Mapping[str, Any]) -> Answer | None:
        due_s = self._begun_s + time_s
        while (left_s := due_s - self._clock.monotonic_s()) > 0.0:
            self._clock.sleep(min(left_s, max(NAP_S, left_s / 2.0)))
        self.lag_s = max(self.lag_s, self._clock.monotonic_s() - due_s)
        newest = self._talk.decided(list(self._numbers))
        if newest is not None and (self._newest is None or newest.number > self._newest.number):
            self._newest, self._answered_s = newest, self._clock.monotonic_s()
        self._numbers.append(self._talk.ask_to_decide(document))
        return self._newest

    def _is_silent(self) -> bool:
        if self._clock.monotonic_s() - self._answered_s <= self._silent_s:
            return False
        self._talk.leave()
        return True

    def read(self, answer: Answer, reader: Callable[[Mapping[str, Any]], Any], otherwise: Any) -> Any:
        """What the answer says; what cannot be read is written down, and what held before goes on."""
        try:
            return reader(answer.document)
        except MalformedError as error:
            self._talk.unreadable.append(str(error))
            return otherwise


class RemoteFunction:
    """A `DrivingFunction` at the other end of a wire, in one run."""

    def __init__(self, questions: Questions) -> None:
        self._questions, self._command = questions, (0.0, 0.0, NONE)

    def step(self, seen: Seen) -> Command:
        answer, lanes = self._questions.ask(seen.time_s, seen_document(seen, 0)), int(seen.lanes[0])
        if answer is not None:
            self._command = self._questions.read(answer, lambda document: command_of(document, lanes), self._command)
        acceleration, lateral, lane = self._command
        return commands({"acceleration_mps2": [acceleration], "lateral_mps": [lateral], "lane": [lane]})


class RemoteController:
    """A `SignalController` at the other end of a wire, in one run."""

    def __init__(self, questions: Questions, signals: Sequence[str]) -> None:
        self._questions, self._signals = questions, signals

    def step(self, asked: Asked) -> Mapping[str, Ints]:
        answer = self._questions.ask(asked.time_s, asked_document(asked, 0))
        shown: dict[str, int] = {}
        if answer is not None:
            shown = self._questions.read(answer, lambda document: shown_of(document, self._signals), {})
        return {name: np.array([light]) for name, light in shown.items()}
