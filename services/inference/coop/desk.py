"""One site's desk of cooperation: reads what devices say, keeps their sessions, lets the applications answer. No I/O, no clock.

What is heard waits in a bounded queue and is worked off a few at a time, so that warnings never wait for it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chelu.codec.documents import parse_object
from chelu.coop.catalogue import Direction, check
from chelu.coop.parts import Cancel, Message
from chelu.errors import MalformedError, NotAllowedError
from chelu.geo import LocalFrame
from services.inference.coop.application import Application
from services.inference.coop.live import Live
from services.inference.coop.session import Session, State
from services.inference.coop.streets import Streets, UnknownPlaceError
from services.inference.coop.table import FullError, SessionParameters, SessionTable
from services.inference.coop.turn import DeclinedError, Note, Post, Turn
from services.inference.register import Device, Register

MOST_WAITING = 4096
WAITING_OF_DEVICE = 64
MESSAGES_A_TURN = 50
SESSIONS_A_TURN = 50
MOST_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it came. stream: ``coop``, or ``priority/ack`` of a signal."""

    device: Device
    stream: str
    payload: bytes


@dataclass(slots=True)
class _Allowance:
    """Tokens of one device."""

    left: float
    at_us: int


@dataclass(slots=True)
class Desk:
    """Owned by one thread. new_id makes sessions' ids; next_number gives what the platform says its numbers."""

    parameters: SessionParameters
    applications: Sequence[Application]
    new_id: Callable[[], str]
    next_number: Callable[[], int]
    streets: Streets | None
    frame: LocalFrame
    counts: Counter[str] = field(default_factory=Counter)
    table: SessionTable = field(init=False)
    _by_type: dict[str, Application] = field(init=False)
    _waiting: deque[Heard] = field(default_factory=deque)
    _waiting_of: Counter[int] = field(default_factory=Counter)
    _allowances: dict[int, _Allowance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.table = SessionTable(self.parameters, self.new_id)
        self._by_type = {kind: one for one in self.applications for kind in (*one.opens, *one.hears)}

    def hear(self, heard: Heard, now_us: int) -> None:
        """Take a message in; beyond a device's rate or the queue's room it is dropped and counted."""
        key = heard.device.key
        if not self._may_speak(key, now_us):
            self.counts["too_often"] += 1
        elif len(self._waiting) >= MOST_WAITING or self._waiting_of[key] >= WAITING_OF_DEVICE:
            self.counts["queue_full"] += 1
        else:
            self._waiting.append(heard)
            self._waiting_of[key] += 1

    @property
    def is_idle(self) -> bool:
        """Whether a turn would have nothing to do."""
        return not self._waiting and not len(self.table)

    def turn(self, live: Live, register: Register, is_over: Callable[[], bool] = bool) -> tuple[list[Post], list[Note]]:
        """Work off what waits and look at open sessions, a bounded number of each; what is to be said, and to be stored.

        After each one is_over is asked whether the turn has taken long enough: what is left has its turn next.
        """
        by_name = {one.name: one for one in self.applications}
        turn = Turn(
            now_us=live.now_us, live=live, streets=self.streets, frame=self.frame, register=register, table=self.table,
            next_number=self.next_number, ended=lambda session: by_name[session.application].ended(session, turn),
        )  # fmt: skip
        for _ in range(min(len(self._waiting), MESSAGES_A_TURN)):
            heard = self._waiting.popleft()
            self._waiting_of[heard.device.key] -= 1
            self._take(heard, turn)
            if is_over():
                break
        for session in self.table.due(live.now_us, SESSIONS_A_TURN):
            self._look_at(session, by_name[session.application], turn)
            if is_over():
                break
        self.table.forget(live.now_us)
        self._waiting_of += Counter()  # drops who has nothing waiting
        return turn.posts, turn.notes

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _may_speak(self, key: int, now_us: int) -> bool:
        most = self.parameters.most_per_s
        mine = self._allowances.get(key)
        if mine is None:
            if len(self._allowances) >= MOST_WAITING:
                self._allowances.clear()
            mine = self._allowances[key] = _Allowance(most, now_us)
        mine.left = min(most, mine.left + max(0, now_us - mine.at_us) / 1e6 * most)
        mine.at_us = now_us
        if mine.left < 1:
            return False
        mine.left -= 1
        return True

    def _take(self, heard: Heard, turn: Turn) -> None:
        number: int | None = None
        try:
            document = _read(heard.payload)
            number = _number(document)
            if heard.stream != "coop":
                self._acknowledged(heard.device, document, turn)
                return
            self._said(heard.device, check(document, Direction.UP), turn)
            self.counts["heard"] += 1
        except (MalformedError, NotAllowedError, DeclinedError, UnknownPlaceError) as error:
            self.counts["declined"] += 1
            if heard.stream == "coop":
                turn.refuse(heard.device, number, str(error))

    def _said(self, device: Device, message: Message, turn: Turn) -> None:
        if isinstance(message, Cancel):
            self._cancel(device, message, turn)
            return
        kind = str(getattr(message, "type", ""))
        application = self._by_type.get(kind)
        if application is None:
            raise DeclinedError(f"type = {kind!r} is of an application that is not on at this site")
        if kind in application.opens:
            self._open(device, application, message, turn)
        else:
            application.heard(device, message, turn)

    def _open(self, device: Device, application: Application, request: Message, turn: Turn) -> None:
        known = turn.table.known(device, request.seqNum)
        if known is not None and known.request == request:
            self.counts["again"] += 1
            if known.answer is not None:
                turn.posts.append(Post(device, "coop", known.answer))
            return
        if known is not None and (known.is_open or request.time_us <= known.request.time_us):
            raise DeclinedError(f"seqNum = {request.seqNum} was used for another request ({known.application}, {known.state})")
        self._refuse_old(request, turn)
        others = [one.number for one in turn.table.open_of(application.name) if one.device.key == device.key]
        if others and application.is_single:
            raise DeclinedError(f"{device.device_id} has a request of {application.name} open ({others[0]}): end it first")
        try:
            session = turn.table.open(device, application.name, request, turn.now_us, application.lasting_s(request))
        except FullError as error:
            raise DeclinedError(str(error)) from None
        turn.heard(session, device, request, what="asked")
        try:
            application.opened(session, turn)
        except (DeclinedError, UnknownPlaceError) as error:
            application.refused(session, str(error), turn)

    def _refuse_old(self, request: Message, turn: Turn) -> None:
        age_s = (turn.now_us - request.time_us) / 1e6
        if not -MOST_EARLY_S <= age_s <= MOST_LATE_S:
            bounds = f"{MOST_LATE_S:g} s before to {MOST_EARLY_S:g} s after"
            raise DeclinedError(f"time_us is {age_s:.1f} s before the platform's clock: {bounds} is allowed")

    def _cancel(self, device: Device, message: Cancel, turn: Turn) -> None:
        session = turn.table.known(device, message.answers)
        if session is None or not session.is_open:
            raise DeclinedError(f"answers = {message.answers} is none of {device.device_id}'s open requests")
        turn.heard(session, device, message)
        turn.end(session, State.CANCELLED, "by whoever asked")

    def _acknowledged(self, device: Device, document: Mapping[str, Any], turn: Turn) -> None:
        for one in self.applications:
            one.acknowledged(device, document, turn)

    def _look_at(self, session: Session, application: Application, turn: Turn) -> None:
        if turn.now_us >= session.until_us or turn.now_us < session.opened_us - round(MOST_EARLY_S * 1e6):
            turn.end(session, State.EXPIRED, "its time is over")
            return
        try:
            application.step(session, turn)
        except (DeclinedError, UnknownPlaceError) as error:
            if session.is_open:
                turn.end(session, State.REVOKED if session.state is State.GRANTED else State.EXPIRED, str(error))


MOST_LATE_S, MOST_EARLY_S = 5.0, 5.0  # as rows of the picture: older data decides nothing, and a clock that is ahead is wrong


def _read(payload: bytes) -> dict[str, Any]:
    if len(payload) > MOST_BYTES:
        raise DeclinedError(f"{len(payload)} bytes where {MOST_BYTES} are allowed")
    return parse_object(payload)


def _number(document: Mapping[str, Any]) -> int | None:
    number = document.get("seqNum")
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**31 else None
