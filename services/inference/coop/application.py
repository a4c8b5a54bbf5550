"""The contract of an application of cooperation, and what most of them share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from chelu.coop.parts import Message
from services.inference.coop.session import Session, State
from services.inference.coop.turn import DeclinedError, Turn
from services.inference.register import Device

LONGEST_S = 3600.0  # whatever is asked for


class Application:
    """One application at one site. The desk calls it from the stage's thread, within a turn; no call may wait.

    opens: types that begin a session; hears: types that belong to one, or to none. `opened`, `heard` and `ended` may raise
    DeclinedError: the first refuses the session, the others the message.
    """

    name: ClassVar[str]
    answer: ClassVar[str]  # type of its answer; "" where there is none
    opens: ClassVar[frozenset[str]]
    hears: ClassVar[frozenset[str]] = frozenset()
    parameters: ClassVar[type[Any]]
    is_single: ClassVar[bool] = True  # of one device only one session at a time

    def __init__(self, parameters: Any) -> None:
        self.p = parameters

    def lasting_s(self, request: Message) -> float:
        """How long a session lasts at most."""
        return min(float(getattr(request, "duration_s", 0.0) or 0.0) or 60.0, LONGEST_S)

    def opened(self, session: Session, turn: Turn) -> None:
        """A new session: answer it, or leave it asked."""
        raise NotImplementedError

    def heard(self, sender: Device, message: Message, turn: Turn) -> None:
        """Something that belongs to a session, or to none."""
        raise DeclinedError(f"{message.__class__.__name__} means nothing here, {sender.device_id}, at {turn.now_us}")

    def step(self, session: Session, turn: Turn) -> None:
        """Look at an open session, some ten times a second."""

    def ended(self, session: Session, turn: Turn) -> None:
        """A session has ended, however: let go what it held."""

    def acknowledged(self, device: Device, document: Mapping[str, Any], turn: Turn) -> None:
        """What a signal answers to a wish for green."""

    def refused(self, session: Session, reason: str, turn: Turn) -> None:
        """Say no to a session."""
        if self.answer:
            turn.answer(session, State.REFUSED, self.answer, reason=reason, **self.told_with(session))
        else:
            turn.end(session, State.REFUSED, reason)

    def told_with(self, session: Session) -> Mapping[str, Any]:  # noqa: ARG002 - some of them need it
        """Fields that its answer must have, whatever it says."""
        return {}


def own_session(application: str, sender: Device, number: int, turn: Turn) -> Session:
    """The open session of this sender's request; DeclinedError says what is wrong with the number."""
    session = turn.table.known(sender, number)
    if session is None:
        raise DeclinedError(f"answers = {number} is none of {sender.device_id}'s requests")
    if session.application != application:
        raise DeclinedError(f"answers = {number} is a request of {session.application}, not of {application}")
    if not session.is_open:
        raise DeclinedError(f"answers = {number} is over: {session.state}" + (f", {session.reason}" if session.reason else ""))
    return session
