"""Commands of the platform, carried out: ping, rotate, log_level, capture, reboot; stop and release.

A command comes until it is answered, so it may come again: one that was answered is answered the same once more, and not done
again; the reboot's number is kept on disk for that. Belongs to the agent's thread.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chelu.clock import Clock
from chelu.errors import CheluError
from edge import state_file
from edge.capture import FOLDER, Capture
from edge.control import BAD_PARAMETER, LOCAL_ERROR, OK, Answer, Command, read_command
from edge.emergency import RELEASE, STOP, Emergency

log = logging.getLogger(__name__)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LONGEST_CAPTURE_S = 600.0
REMEMBERED = 100
REBOOT = "reboot.json"  # beside the spools
RECEIVED = {"state": "received"}  # the end is told later


class Commands:
    """answer(bytes) queues an answer; rotate() makes a secret; restart() begins the agent's end, and its new start by others.

    restart is None where nobody would start it anew.
    """

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        *,
        answer: Callable[[bytes], None],
        rotate: Callable[[], str],
        restart: Callable[[], None] | None,
        emergency: Emergency | None = None,
    ) -> None:
        self._directory, self._clock = directory, clock
        self._answer, self._rotate, self._restart = answer, rotate, restart
        self._known: OrderedDict[tuple[int, str], Answer] = OrderedDict()
        self.capture: Capture | None = None
        self._by_name: Mapping[str, Callable[[Command], Answer]] = {
            "ping": self._ping,
            "rotate": self._new_secret,
            "log_level": self._log_level,
            "capture": self._begin_capture,
            "reboot": self._reboot,
            **({STOP: emergency.obey, RELEASE: emergency.obey} if emergency else {}),
        }
        self._emergency = emergency

    def begin(self) -> None:
        """After a start that a reboot asked for: answer it. After one in an emergency stop: it is still in force."""
        if self._emergency is not None:
            self._emergency.begin()
        kept = state_file.read(self._directory / REBOOT)
        number = kept.get("seqNum")
        if not isinstance(number, int):
            return
        done = Answer(number, OK, extra={"time_us": self._clock.wall_us()})
        self._remember("reboot", done)
        if not kept.get("is_answered"):
            self._answer(done.encode())
            self._keep_reboot(number, is_answered=True)

    def obey(self, payload: bytes) -> None:
        """Carry out one command, and answer it."""
        command = read_command(payload)
        if isinstance(command, Answer):
            self._answer(command.encode())
            return
        known = self._known.get((command.sequence, command.name))
        if known is None:
            known = self._obeyed(command)
            self._remember(command.name, known)
        self._answer(known.encode())
        if command.name == "reboot" and known.extra == RECEIVED and self._restart is not None:
            self._restart()

    @property
    def is_stopped(self) -> bool:
        """Whether an emergency stop is in force here."""
        return self._emergency is not None and self._emergency.is_stopped

    @property
    def due_s(self) -> float | None:
        """When `turn` has something to do."""
        return self.capture.due_s if self.capture else None

    def turn(self, now_s: float) -> None:
        """End a capture whose time is over."""
        if self.capture is not None and now_s >= self.capture.due_s:
            self.end_capture()

    def end_capture(self, why: str = "") -> None:
        """End the capture at hand, if there is one, and answer it."""
        capture, self.capture = self.capture, None
        if capture is None:
            return
        found, trouble = capture.end(), why or capture.trouble
        answer = Answer(capture.number, LOCAL_ERROR if trouble else OK, trouble, extra=found)
        self._remember("capture", answer)
        self._answer(answer.encode())

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _obeyed(self, command: Command) -> Answer:
        carry_out = self._by_name.get(command.name)
        if carry_out is None:
            allowed = ", ".join(sorted(self._by_name))
            return Answer(command.sequence, BAD_PARAMETER, f"command = {command.name!r} is not allowed: {allowed}")
        try:
            return carry_out(command)
        except CheluError as error:
            return Answer(command.sequence, LOCAL_ERROR, str(error))
        except OSError as error:
            return Answer(command.sequence, LOCAL_ERROR, error.strerror or str(error))

    def _remember(self, name: str, answer: Answer) -> None:
        self._known[answer.sequence, name] = answer
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _ping(self, command: Command) -> Answer:
        return Answer(command.sequence, OK, extra={"time_us": self._clock.wall_us()})

    def _new_secret(self, command: Command) -> Answer:
        return Answer(command.sequence, OK, extra={"verifier": self._rotate()})

    def _log_level(self, command: Command) -> Answer:
        level = command.values.get("level")
        if level not in LEVELS:
            return Answer(command.sequence, BAD_PARAMETER, f"level = {level!r} is not allowed: {', '.join(LEVELS)}")
        logging.getLogger("edge").setLevel(level)
        log.warning("logs at level %s until the next start, or the next configuration", level)
        return Answer(command.sequence, OK)

    def _begin_capture(self, command: Command) -> Answer:
        seconds = command.values.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= LONGEST_CAPTURE_S:
            allowed = f"above 0, and at most {LONGEST_CAPTURE_S:g}"
            return Answer(command.sequence, BAD_PARAMETER, f"seconds = {seconds!r} is not allowed: {allowed}")
        self.end_capture("another capture has begun")
        self.capture = Capture(self._directory / FOLDER, command.sequence, float(seconds), self._clock)
        return Answer(command.sequence, OK, extra=RECEIVED)

    def _reboot(self, command: Command) -> Answer:
        if self._restart is None:
            return Answer(command.sequence, LOCAL_ERROR, "this agent is part of another program, which would not start it anew")
        self._keep_reboot(command.sequence, is_answered=False)
        return Answer(command.sequence, OK, extra=RECEIVED)

    def _keep_reboot(self, number: int, *, is_answered: bool) -> None:
        document: dict[str, Any] = {"seqNum": number, "is_answered": is_answered}
        state_file.write(self._directory / REBOOT, document)
