"""Leads a run on the track: asks participants to arm, whether they are ready, starts, watches, and says when it is over."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from chelu.clock import Clock
from chelu.errors import MalformedError
from simulators.scenario.dut.said import Answer, Said, read_answer, read_state
from simulators.scenario.track.hub import Hub
from simulators.scenario.track.states import Session, State

TURN_S = 0.05
ASK_S = 0.5  # between two words to a participant: arm, ready or ping, each under a number of its own
LAST_WORD_S = 5.0  # how long the end is said again to those who have not answered it
_ASKED = {State.ARMING: "arm", State.ARMED: "ready", State.READY: "ready"}


class Conductor:
    """One run's. devices: by participant its device's id. wants_start(): asked when everybody is ready. Owned by one thread."""

    def __init__(
        self,
        session: Session,
        hub: Hub,
        clock: Clock,
        *,
        devices: Mapping[str, str],
        about: Mapping[str, Any],
        wants_start: Callable[[], bool],
        tell: Callable[[str], None],
    ) -> None:
        self._session, self._hub, self._clock, self._about = session, hub, clock, about
        self._devices, self._names = devices, {device: name for name, device in devices.items()}
        self._wants_start, self._tell = wants_start, tell
        self._numbers = itertools.count(clock.wall_us() // 1000)  # far above the numbers of the registry's own orders
        self._asked: dict[int, tuple[str, str]] = {}  # number → participant and what it was asked
        self._due_s = dict.fromkeys(devices, clock.monotonic_s())
        self._is_told = set[str]()
        self._why: dict[str, str] = {}
        self.started_us: int | None = None

    def run(self) -> State:
        """Until it is done or aborted, by Ctrl-C too; everybody has then been told."""
        try:
            while not self._session.state.is_over:
                self._turn()
        except KeyboardInterrupt:
            self._session.abort("by hand", self._clock.monotonic_s())
        self._last_word()
        return self._session.state

    def _turn(self) -> None:
        before = self._session.state
        self._listen()
        self._session.turn(self._clock.monotonic_s())
        if self._session.state is State.READY and self._wants_start() and self._session.start(self._clock.monotonic_s()):
            self.started_us = self._clock.wall_us()
            for name in self._devices:
                self._say(name, "start")
        elif not self._session.state.is_over:
            self._ask()
        if self._session.state is not before:
            self._tell(self._word())

    def _word(self) -> str:
        change, wanting = self._session.log[-1], self._session.wanting
        waits = f", waiting for {', '.join(wanting)}" if wanting and not change.state.is_over else ""
        return f"{change.state}{f': {change.reason}' if change.reason else ''}{waits}"

    def _ask(self) -> None:
        now_s = self._clock.monotonic_s()
        for name, due_s in self._due_s.items():
            if now_s >= due_s:
                self._due_s[name] = now_s + ASK_S
                self._say(name, _ASKED.get(self._session.state, "ping"))

    def _say(self, name: str, what: str, **more: Any) -> None:
        number = next(self._numbers)
        self._asked[number] = name, what
        word = (
            {"command": "ping"} if what == "ping" else {"command": "scenario", "action": what, **self._about, "participant": name}
        )
        self._hub.command(self._devices[name], {"seqNum": number, "ack": True, **word, **more})

    def _listen(self) -> None:
        for device, said in self._hub.heard(TURN_S):
            try:
                self._take(self._names[device], said)
            except MalformedError as error:
                self._tell(f"{self._names[device]} says what is no answer: {error.detail}")

    def _take(self, name: str, said: Said) -> None:
        now_s = self._clock.monotonic_s()
        if said.stream == "state":
            if not read_state(said):
                self._session.abort(f"{name} has left", now_s)
            return
        answer = read_answer(said)
        asked = self._asked.pop(answer.number, None)
        if asked is not None and asked[0] == name:  # one that answers what it was not asked is not believed
            self._session.seen(name, now_s)
            self._answered(name, asked[1], answer, now_s)

    def _answered(self, name: str, what: str, answer: Answer, now_s: float) -> None:
        if what in {"abort", "end"}:
            self._is_told.add(name)
        elif what == "start" and answer.code:
            self._session.abort(f"{name} does not start: {answer.detail or answer.code}", now_s)
        elif what == "arm" and not answer.code:
            self._session.armed(name, now_s)
        elif what == "ready":
            self._is_ready(name, answer, now_s)

    def _is_ready(self, name: str, answer: Answer, now_s: float) -> None:
        if not answer.code:
            self._session.ready(name, now_s)
            return
        self._session.unready(name, now_s)
        if self._why.get(name) != answer.detail:
            self._why[name] = answer.detail
            self._tell(f"{name} is not ready: {answer.detail or answer.code}")

    def _last_word(self) -> None:
        """Abort, or end, to everybody until they have answered."""
        change = self._session.log[-1]
        what, more = ("end", {}) if change.state is State.DONE else ("abort", {"reason": change.reason})
        until_s, again_s = self._clock.monotonic_s() + LAST_WORD_S, self._clock.monotonic_s()
        while (now_s := self._clock.monotonic_s()) < until_s and len(self._is_told) < len(self._devices):
            if now_s >= again_s:
                again_s = now_s + ASK_S
                for name in self._devices.keys() - self._is_told:
                    self._say(name, what, **more)
            self._listen()
        self._tell(self._word())
        if missing := sorted(self._devices.keys() - self._is_told):
            self._tell(f"{', '.join(missing)} did not answer that it is over")
