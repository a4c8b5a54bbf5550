"""Who may say and hear what at the broker: mosquitto's ``acl_file``, derived from `chelu.topics`. Pure.

A device is let in by ``pattern`` lines with its user name in them, so 10,000 devices cost no line each; only a gateway, which
speaks for others, has lines of its own: one per child, because mosquitto walks them all for every message it sends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from chelu.errors import ConfigurationError
from chelu.provisioning import Account
from chelu.topics import OF_SITES, TOPICS, Kind, Topic

USER = "%u"
PLACE = "{place}"
JOINING = tuple(row for row in TOPICS if PLACE in row.pattern)  # what a device may do that is not registered
MESSAGE_TABLES = frozenset({"bsm", "participant", "spat", "telemetry", "message", "observation"})


@dataclass(frozen=True, slots=True)
class Child:
    """A device that a gateway speaks for."""

    gateway: str
    kind: Kind
    device_id: str


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who may speak under a serial number, on the topics that have one: the device that has it, or a gateway above it."""

    user: str
    serial: str


@dataclass(frozen=True, slots=True)
class Role:
    """What a service account may do: which rows of the topic table it reads and writes, and what it does with sites' own.

    is_listening: it reads all that lies below the table's first levels too, to count what is outside the table. hears_broker: it
    reads what the broker says of itself.
    """

    reads: Callable[[Topic], bool]
    writes: Callable[[Topic], bool]
    picture: str = ""  # "read", "write" or nothing
    is_listening: bool = False
    hears_broker: bool = False


def _nothing(_: Topic) -> bool:
    return False


def is_ingests_answer(row: Topic) -> bool:
    """Whether this says that a roadside computer's rows are stored."""
    return not row.from_device and row.pattern.startswith("rscu/") and row.pattern.endswith("/up/ack")


SPOKEN_BY_INFERENCE = frozenset({"warning", "coop", "priority", "stage"})
SPOKEN_BY_RIGS = frozenset({"air"})  # by a gateway, to the device under test that hangs on it
SPOKEN_BY_OTHERS = SPOKEN_BY_INFERENCE | SPOKEN_BY_RIGS | {"receipt"}
ROLES: Mapping[str, Role] = {
    "ingest": Role(reads=_nothing, writes=lambda row: row.stream == "receipt" or is_ingests_answer(row), is_listening=True),
    "inference": Role(
        reads=lambda row: row.from_device and row.table in MESSAGE_TABLES | {"report", "traffic"},
        writes=lambda row: not row.from_device and row.stream in SPOKEN_BY_INFERENCE,
        picture="write",
    ),
    "registry": Role(
        reads=lambda row: row.from_device and row.table not in MESSAGE_TABLES,
        writes=lambda row: not (row.from_device or row.stream in SPOKEN_BY_OTHERS or is_ingests_answer(row)),
        picture="read",
        hears_broker=True,
    ),
    "live": Role(reads=lambda row: row.from_device or row.stream == "warning", writes=_nothing, picture="read"),
    "console": Role(reads=lambda row: row.stream == "warning", writes=_nothing, picture="read", hears_broker=True),
}
_WORKER = re.compile(r"ingest-[2-9]|ingest-1[0-6]")


def service_of(account: str) -> str:
    """The service whose role an account has: ingest's workers are called ``ingest``, ``ingest-2`` … ``ingest-16``."""
    return "ingest" if _WORKER.fullmatch(account) else account


def is_service(name: str) -> bool:
    """Whether a name is kept for a service's account."""
    return service_of(name) in ROLES


def acl_lines(
    accounts: Iterable[str],
    children: Iterable[Child],
    strangers: Iterable[Account] = (),
    speakers: Iterable[Speaker] = (),
) -> Iterator[str]:
    """The lines of the acl_file; a service account without a role raises ConfigurationError."""
    for account in sorted(accounts):
        yield from _account_lines(account)
    yield from _gateway_lines(children)
    for speaker in sorted(speakers, key=lambda speaker: (speaker.user, speaker.serial)):
        yield f"user {speaker.user}"
        yield from (f"topic {access} {topic}" for access, topic in speaker_rights(speaker))
    for stranger in strangers:
        yield f"user {stranger.user}"
        yield from (f"topic {_device_access(row)} {row.joining('+', stranger.place)}" for row in JOINING)
    yield from device_patterns()


def device_patterns() -> Iterator[str]:
    """What every device may do under its own name: the frequent first, since mosquitto tries them in order."""
    yield from (f"pattern {access} {topic}" for access, topic in device_rights())


def device_rights() -> Iterator[tuple[str, str]]:
    """("read" or "write", topic) of a device, with `USER` where its name stands."""
    for row in _by_rate(row for row in TOPICS if not row.is_by_serial):
        yield from ((_device_access(row), row.topic(kind, USER)) for kind in row.kinds)


def speaker_rights(speaker: Speaker) -> Iterator[tuple[str, str]]:
    """("read" or "write", topic) of whoever speaks under a serial number."""
    for row in _by_rate(row for row in TOPICS if row.is_by_serial):
        yield from ((_device_access(row), row.topic(kind, speaker.serial)) for kind in row.kinds)


def _device_access(row: Topic) -> str:
    return "write" if row.from_device else "read"


def _account_lines(account: str) -> Iterator[str]:
    granted = list(account_rights(account))
    yield f"user {account}"
    yield from (f"topic {access} {topic}" for access, topic in granted)


def account_rights(account: str) -> Iterator[tuple[str, str]]:
    """("read" or "write", filter) of a service account; ConfigurationError for one without a role."""
    role = ROLES.get(service_of(account))
    if role is None:
        raise ConfigurationError("accounts_file", account, f"a service account is one of {', '.join(sorted(ROLES))}")
    if role.picture:
        yield from ((role.picture, topic.format(site="+")) for topic in OF_SITES)
    if role.hears_broker:
        yield "read", "$SYS/#"
    if role.is_listening:
        yield from (("read", f"{level}/#") for level in _first_levels())
    for access, may in (("read", role.reads), ("write", role.writes)):
        for row in _by_rate(filter(may, TOPICS)):
            yield from ((access, topic) for topic in _filters(row))


def _first_levels() -> list[str]:
    filters = (topic for row in _by_rate(TOPICS) for topic in _filters(row))
    return list(dict.fromkeys(topic.partition("/")[0] for topic in filters))


def _gateway_lines(children: Iterable[Child]) -> Iterator[str]:
    gateway = None
    for child in sorted(children, key=lambda child: (child.gateway, child.kind, child.device_id)):
        if child.gateway != gateway:
            gateway = child.gateway
            yield f"user {gateway}"
        yield from (f"topic readwrite {root}/#" for root in roots(child.kind, child.device_id))


def roots(kind: Kind, device_id: str) -> list[str]:
    """The topic levels up to and with the device's id, of every row of its kind that has an id."""
    rows = (row for row in TOPICS if kind in row.kinds and not row.is_by_serial)
    return list(dict.fromkeys(row.pattern.partition("{id}")[0].format(kind=kind.value) + device_id for row in rows))


def _filters(row: Topic) -> tuple[str, ...]:
    return row.subscriptions() or (row.joining("+", "+"),)


def _by_rate(rows: Iterable[Topic]) -> list[Topic]:
    return sorted(rows, key=lambda row: -(row.rate_hz or 0))
