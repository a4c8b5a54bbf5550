"""The emergency stop at a device: handed to its own software, remembered over a restart, undone by a release.

A stop comes until it is answered, and a release may overtake a stop that was sent before it: of orders with an older number than
the last one nothing is done. What the agent cannot hand on it does not acknowledge as done. Belongs to the agent's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from chelu.clock import Clock
from chelu.topics import Kind
from edge import state_file
from edge.control import LOCAL_ERROR, OK, Answer, Command
from edge.state_file import NotKeptError

FILE = "emergency.json"  # beside the spools
STOP, RELEASE = "stop", "release"
ACTIONS: Mapping[Kind, tuple[str, str]] = {Kind.SIGNAL: ("safe plan", "usual plan")}
USUAL = ("stop", "go on")
HandOver = Callable[[Mapping[str, Any]], str]


class Emergency:
    """hand_over(document) gives it to the device's own software, and says what went wrong, nothing when it went out."""

    def __init__(self, directory: Path, kind: Kind, clock: Clock, hand_over: HandOver) -> None:
        self._file, self._clock, self._hand_over = directory / FILE, clock, hand_over
        self._actions = ACTIONS.get(kind, USUAL)
        kept = state_file.read(self._file)
        number = kept.get("seqNum")
        self._number = number if isinstance(number, int) else 0
        self.is_stopped = kept.get("is_stopped") is True

    def begin(self) -> None:
        """After a start in a stop: the device's own software may have started anew, too."""
        if self.is_stopped:
            self._hand_over(self._document(self._number, "the agent has started anew in a stop"))

    def obey(self, command: Command) -> Answer:
        """Stop or go on."""
        if command.sequence < self._number:
            return Answer(command.sequence, OK, extra={"is_stopped": self.is_stopped, "is_older": True})
        before = self._number, self.is_stopped
        self._number, self.is_stopped = command.sequence, command.name == STOP
        trouble = self._hand_over(self._document(command.sequence, str(command.values.get("reason", ""))))
        if trouble:  # not remembered: it comes again, and may be handed on then
            self._number, self.is_stopped = before
            return Answer(command.sequence, LOCAL_ERROR, trouble)
        return Answer(command.sequence, OK, extra={"is_stopped": self.is_stopped, **self._kept()})

    def _kept(self) -> dict[str, Any]:
        """Keep it over a restart. A full disk is no reason not to say that it was handed on: it only says so, too."""
        try:
            state_file.write(self._file, {"seqNum": self._number, "is_stopped": self.is_stopped})
        except NotKeptError as error:
            return {"is_kept": False, "why": str(error)}
        return {}

    def _document(self, number: int, reason: str) -> dict[str, Any]:
        action = self._actions[0 if self.is_stopped else 1]
        word = STOP if self.is_stopped else RELEASE
        return {"emergency": word, "action": action, "reason": reason, "seqNum": number, "time_us": self._clock.wall_us()}
