"""All sessions of a site: bounded in number, by device too; a request is known again by its sender and number. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chelu.coop.parts import Message
from services.inference.coop.session import Session
from services.inference.parameters import parameter
from services.inference.register import Device

Key = tuple[int, int]  # device key, its number


@dataclass(frozen=True, slots=True)
class SessionParameters:
    """What one device may ask, and how long what has ended is known."""

    most_sessions: float = parameter(
        2000, "1", "open at a site: a hundred vehicles at each of twenty crossings", low=1, high=20_000
    )
    most_of_device: float = parameter(8, "1", "open of one device: every application once, and a spare few", low=1, high=100)
    most_per_s: float = parameter(
        20, "1/s", "messages of one device: 10 Hz, twice; beyond, dropped and counted", low=1, high=1000
    )
    remember_s: float = parameter(60, "s", "an ended one: five sendings again at 2, 4, 8 … s", high=3600)
    step_s: float = parameter(0.1, "s", "between two looks at an open one: 10 Hz", low=0.02, high=5)


class FullError(Exception):
    """There is no room for another session; the text says whose bound is reached."""


class SessionTable:
    """Owned by one thread."""

    def __init__(self, parameters: SessionParameters, new_id: Callable[[], str]) -> None:
        self.parameters, self._new_id = parameters, new_id
        self._open: OrderedDict[Key, Session] = OrderedDict()
        self._ended: OrderedDict[Key, Session] = OrderedDict()
        self._of_application: dict[str, dict[Key, Session]] = {}
        self._by_device: dict[int, int] = {}
        self._round: deque[Session] = deque()

    def __len__(self) -> int:
        return len(self._open)

    def known(self, device: Device, number: int) -> Session | None:
        """The session that this number of this device's began, open or ended a while ago."""
        key = device.key, number
        return self._open.get(key) or self._ended.get(key)

    def open(self, device: Device, application: str, request: Message, now_us: int, lasting_s: float) -> Session:
        """A new session; FullError when the device, or the site, has too many that are open."""
        mine, most = self._by_device.get(device.key, 0), int(self.parameters.most_of_device)
        if mine >= most:
            raise FullError(f"{device.device_id} has {mine} open requests, {most} are allowed: end one first")
        if len(self._open) >= (limit := int(self.parameters.most_sessions)):
            raise FullError(f"the site has {limit} open requests, which is the limit: ask again later")
        session = Session(
            self._new_id(), application, device, request.seqNum, request, now_us, now_us + round(lasting_s * 1e6), due_us=now_us
        )
        key = device.key, request.seqNum
        self._ended.pop(key, None)
        self._open[key] = session
        self._of_application.setdefault(application, {})[key] = session
        self._by_device[device.key] = mine + 1
        self._round.append(session)
        return session

    def settle(self, session: Session) -> None:
        """It has ended: only remembered from now on."""
        key = session.device.key, session.number
        if self._open.pop(key, None) is None:
            return
        del self._of_application[session.application][key]
        self._ended[key] = session
        left = self._by_device[session.device.key] - 1
        if left:
            self._by_device[session.device.key] = left
        else:
            del self._by_device[session.device.key]
        while len(self._ended) > 2 * self.parameters.most_sessions:
            self._ended.popitem(last=False)

    def forget(self, now_us: int) -> None:
        """Let go what ended long ago, or seemingly will only: clocks jump."""
        keep_us = round(self.parameters.remember_s * 1e6)
        while self._ended and not 0 <= now_us - next(iter(self._ended.values())).ended_us <= keep_us:
            self._ended.popitem(last=False)

    def open_of(self, application: str) -> list[Session]:
        """Those of one application, the oldest first."""
        return list(self._of_application.get(application, {}).values())

    def all_open(self) -> list[Session]:
        """The oldest first."""
        return list(self._open.values())

    def due(self, now_us: int, limit: int) -> Iterator[Session]:
        """Open sessions that are to be looked at now, at most `limit`; each comes again after all others have."""
        step_us = round(self.parameters.step_s * 1e6)
        for _ in range(min(len(self._round), 4 * limit)):
            session = self._round.popleft()
            if not session.is_open:
                continue
            self._round.append(session)
            if session.due_us <= now_us or session.due_us > now_us + 10 * step_us:  # the latter: the clock was set back
                session.due_us = now_us + step_us
                limit -= 1
                yield session
                if not limit:
                    return
