"""Speaks with a device under test: is it there, does it stay there, what does it warn of, how quickly does it answer.

The device answers every command. One that does not answer for too long is away; one that answers and does not warn has nothing to
warn of, or is wrong: that is what a run is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chelu.clock import Clock
from chelu.coop.catalogue import Direction
from chelu.errors import CheluError, MalformedError
from simulators.scenario.dut.cooperating import FIRST_NUMBER, Exchange, read_exchange
from simulators.scenario.dut.links import COOP, FRAME, TOLD, Link
from simulators.scenario.dut.said import Answer, People, Said, Warned, read_answer, read_state, read_warning

AGAIN_S = 0.5  # a command that was not answered is said again, under the same number
PING_S = 1.0
TURN_S = 0.1  # at most so late a command is said again
_FORM = "scenario"


class NotThereError(CheluError):
    """A device under test that did not come, or does not want to."""

    def __init__(self, device: str, reason: str) -> None:
        self.device, self.reason = device, reason
        super().__init__(f"the device under test ({device}) {reason}")


class Dialogue:
    """One run's. Belongs to the run's thread. device: what it is called in errors."""

    def __init__(self, link: Link, clock: Clock, people: People, *, device: str) -> None:
        self._link, self._clock, self._people, self._device = link, clock, people, device
        self._number = clock.wall_us() // 1000  # far above the numbers of the registry's own orders
        self._asked: dict[int, int] = {}  # number → when it was last said, µs UTC
        self._answers: dict[int, Answer] = {}
        self._signs_us: list[int] = []
        self._pinged_s = -np.inf
        self._round_trips: list[tuple[int, float]] = []  # µs it took, how far the device's clock is ahead (s)
        self._has_left = False
        self.slowest_s = 0.0  # answer to what it decides
        self.warned: list[Warned] = []
        self.unreadable: list[str] = []
        self.frames: list[Said] = []
        self._exchanges: list[Exchange] = []

    def await_ready(self, about: Mapping[str, Any], timeout_s: float) -> None:
        """Tell it what begins, until it says that it is ready. NotThereError."""
        answer = self._ask({"command": _FORM, "action": "ready", **about}, timeout_s)
        if answer is None:
            raise NotThereError(self._device, f"did not answer within {timeout_s:g} s")
        if answer.code:
            raise NotThereError(self._device, f"is not ready: {answer.detail or f'error {answer.code}'}")
        self.warned.clear()  # what it said before is about something else
        self.unreadable.clear()
        self.frames.clear()
        self._exchanges.clear()
        self._signs_us, self._has_left = self._signs_us[-1:], False

    def turn(self) -> None:
        """Now and then during a run: take in what it has said, and ask whether it is there."""
        self._listen(0.0)
        if self._clock.monotonic_s() - self._pinged_s >= PING_S:
            self._pinged_s = self._clock.monotonic_s()
            self._command({"command": "ping"}, self._next())

    def exchanged(self) -> list[Exchange]:
        """What was said of cooperation since this was asked last: by the device, and to it by others than the rig."""
        found, self._exchanges = self._exchanges, []
        return found

    def decide(self, document: Mapping[str, Any], timeout_s: float) -> Answer | None:
        """Ask what it decides at a step, until it answers; None when it does not, or goes on no more: it is away from then on."""
        begun_s = self._clock.monotonic_s()
        answer = None if self._has_left else self._ask({"command": _FORM, "action": "step", **document}, timeout_s)
        self.slowest_s = max(self.slowest_s, self._clock.monotonic_s() - begun_s)
        self._has_left = self._has_left or answer is None or bool(answer.code)
        return None if self._has_left else answer

    def ask_to_decide(self, document: Mapping[str, Any]) -> int:
        """The same without waiting: the number under which it answers."""
        number = self._next()
        self._command({"command": _FORM, "action": "step", **document}, number)
        return number

    def decided(self, numbers: Sequence[int]) -> Answer | None:
        """Its newest answer to one of these, if there is any yet."""
        self._listen(0.0)
        found = [self._answers[number] for number in numbers if number in self._answers]
        for one in found:
            self.slowest_s = max(self.slowest_s, (one.arrival_us - self._asked[one.number]) / 1e6)
        return found[-1] if found else None

    def leave(self) -> None:
        """Count it as away from now on."""
        self._has_left = True

    def end(self, timeout_s: float) -> None:
        """Tell it that the run is over, and see that it was there until then."""
        if self._ask({"command": _FORM, "action": "end"}, timeout_s) is None:
            self._has_left = True

    @property
    def absence_s(self) -> float:
        """The longest time during which it gave no sign of life; inf when it left, or is not there any more."""
        if self._has_left or len(self._signs_us) < 2:
            return np.inf
        return float(np.diff(self._signs_us).max() / 1e6)

    @property
    def clock_offset_s(self) -> float:
        """How far its clock is ahead of the rig's, by the quickest answer that has a time; NaN without one."""
        return min(self._round_trips)[1] if self._round_trips else np.nan

    def _ask(self, document: Mapping[str, Any], timeout_s: float) -> Answer | None:
        """Say it again and again until it is answered."""
        number, until_s, again_s = self._next(), self._clock.monotonic_s() + timeout_s, -np.inf
        while (now_s := self._clock.monotonic_s()) < until_s:
            if now_s >= again_s:
                self._command(document, number)
                again_s = now_s + AGAIN_S
            self._listen(TURN_S)
            if number in self._answers:
                return self._answers[number]
        return None

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _command(self, document: Mapping[str, Any], number: int) -> None:
        self._asked[number] = self._clock.wall_us()
        self._link.command({"seqNum": number, "ack": True, **document})

    def _listen(self, wait_s: float) -> None:
        for said in self._link.heard(wait_s):
            try:
                self._take(said)
            except MalformedError as error:
                self.unreadable.append(str(error))

    def _take(self, said: Said) -> None:
        if said.stream == TOLD:
            one = read_exchange(said, Direction.DOWN)
            self._exchanges += [one] * (one.number <= FIRST_NUMBER)  # the broker gives the rig back what it said itself
            return
        if said.stream == "state":
            self._has_left = self._has_left or not read_state(said)
        elif said.stream == "command/ack":
            self._answered(read_answer(said), said.arrival_us)
        elif said.stream == FRAME:
            self.frames.append(said)
        elif said.stream == COOP:
            self._exchanges.append(read_exchange(said, Direction.UP))
        else:
            self.warned.append(read_warning(said, self._people))
        self._signs_us.append(said.arrival_us)

    def _answered(self, answer: Answer, arrival_us: int) -> None:
        asked_us = self._asked.get(answer.number)
        if asked_us is None:
            return
        self._answers[answer.number] = answer
        if answer.time_us is not None:
            middle_us = (asked_us + arrival_us) / 2
            self._round_trips.append((arrival_us - asked_us, (answer.time_us - middle_us) / 1e6))
