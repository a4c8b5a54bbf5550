"""Who is let in, and who may say and hear what, decided one question at a time for brokers that ask by HTTP. Pure.

The answers are those of the files that mosquitto is given (`services.registry.rights`), out of the same topic table: a test asks
both. Looked up by topic level, so that an answer costs the same for ten devices and ten thousand.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Mapping

from chelu.verifiers import is_verified
from services.registry import rights
from services.registry.broker_files import BrokerState

SHARED = "$share/"
ROOT_LEVELS = 2  # of a child's topics: obu/ID
Filters = tuple[tuple[str, ...], ...]


class Admission(enum.Enum):
    """What becomes of a client that wants to come in."""

    NO = enum.auto()
    YES = enum.auto()
    WITH_NEXT = enum.auto()  # with the new secret, which was made by hand: the old one has done its duty


class Decider:
    """Decides by one state of the register; for any thread."""

    def __init__(self, state: BrokerState) -> None:
        self._verifiers, self._next = state.verifiers, state.next_verifiers
        self._strangers = {account.user: account for account in state.strangers}
        self._accounts = {name: _service(name) for name in state.accounts}
        self._roots: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
        for child in state.children:
            self._roots[child.gateway].update(tuple(root.split("/")) for root in rights.roots(child.kind, child.device_id))
        self._by_serial: defaultdict[tuple[str, bool], set[tuple[str, ...]]] = defaultdict(set)
        for speaker in state.speakers:
            for access, topic in rights.speaker_rights(speaker):
                self._by_serial[speaker.user, access == "write"].add(tuple(topic.split("/")))

    def admit(self, user: str, password: str, client_id: str) -> Admission:
        """Whether the password is the user's. The client id has to be the user name: nobody takes another's session."""
        line = self._verifiers.get(user)
        if line is None or client_id != user:
            return Admission.NO
        if is_verified(password, line):
            return Admission.YES
        following = self._next.get(user)
        return Admission.WITH_NEXT if following is not None and is_verified(password, following) else Admission.NO

    def may_publish(self, user: str, topic: str) -> bool:
        """Whether the user may say something on this topic."""
        levels = tuple(topic.split("/"))
        return not {"+", "#"} & set(levels) and self._may(user, levels, is_write=True)

    def may_subscribe(self, user: str, name: str) -> bool:
        """Whether the user may hear all that this filter matches; mosquitto grants every filter, and decides at each message."""
        if name.startswith(SHARED):
            name = name.split("/", 2)[-1]
        return self._may(user, tuple(name.split("/")), is_write=False)

    def _may(self, user: str, levels: tuple[str, ...], *, is_write: bool) -> bool:
        if user in self._accounts:
            return any(_covers(granted, levels) for granted in self._accounts[user][is_write])
        if user in self._strangers:
            place = self._strangers[user].place
            return any(_covers(_at(granted, place), levels) for granted in STRANGERS[is_write])
        if user not in self._verifiers:
            return False
        if levels in self._by_serial.get((user, is_write), ()):
            return True
        return _is_own(user, levels, is_write=is_write) or self._is_childs(user, levels)

    def _is_childs(self, gateway: str, levels: tuple[str, ...]) -> bool:
        found = self._roots.get(gateway)
        return found is not None and levels[:ROOT_LEVELS] in found


def _is_own(user: str, levels: tuple[str, ...], *, is_write: bool) -> bool:
    patterns = PATTERNS[is_write]
    return any((*levels[:at], rights.USER, *levels[at + 1 :]) in patterns for at, level in enumerate(levels) if level == user)


def _covers(granted: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Whether every topic that the filter `wanted` matches is matched by the filter `granted`; a topic is a filter, too."""
    for index, level in enumerate(granted):
        if level == "#":
            return len(wanted) >= index
        if index >= len(wanted) or wanted[index] == "#" or level not in {"+", wanted[index]}:
            return False
    return len(granted) == len(wanted)


def _at(granted: tuple[str, ...], place: str) -> tuple[str, ...]:
    return tuple(place if level == rights.PLACE else level for level in granted)


def _filters(lines: Mapping[bool, list[str]]) -> dict[bool, Filters]:
    return {is_write: tuple(tuple(line.split("/")) for line in found) for is_write, found in lines.items()}


def _service(name: str) -> dict[bool, Filters]:
    granted: dict[bool, list[str]] = {False: [], True: []}
    for access, topic in rights.account_rights(name):
        granted[access == "write"].append(topic)
    return _filters(granted)


def _patterns() -> dict[bool, frozenset[tuple[str, ...]]]:
    granted: dict[bool, list[str]] = {False: [], True: []}
    for access, topic in rights.device_rights():
        granted[access == "write"].append(topic)
    return {is_write: frozenset(found) for is_write, found in _filters(granted).items()}


PATTERNS = _patterns()
STRANGERS = _filters(
    {
        is_write: [row.joining("+", rights.PLACE) for row in rights.JOINING if row.from_device is is_write]
        for is_write in (True, False)
    }
)
