"""What devices say of their orders and of themselves, read. Pure: nothing of it is trusted before it has been compared.

An answer has ``seqNum``, ``errorCode`` (0 for done) and ``errorDesc`` (T/ITS 0117, annex A). Ours may also have ``state``
(``received``: it is at it, the end is told later), ``config`` (the configuration that is in force now) and ``versions``. Of a
frame, which has no number, it has ``sha256``.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chelu import topics
from chelu.bus import Received
from chelu.codec.documents import read_object
from chelu.errors import MalformedError
from services.registry.orders import frames
from services.registry.orders.machine import Answered, Event, Moment, Progressed

MOST_BYTES = 64 << 10
LONGEST_DETAIL = 200
LONGEST_VERSION = 100
MOST_VERSIONS = 50
ANSWERS = {
    **{f"{topic}/ack": topic for topic in ("config", "command", "upgrade", "event", "traffic", "om-config")},
    **{f"{topic}/ack": topic for topic in frames.ROWS},
    "upgrade-status": "upgrade",
}
REPORTS = frozenset({"info", "versions"})
PROGRESS = frozenset({"received", "downloading", "verifying", "installing"})
PATTERNS = (
    "{kind}/{id}/config/down/ack",
    "{kind}/{id}/upgrade/down/ack",
    "{kind}/{id}/upgrade-status/up",
    "{kind}/{id}/info/up",
    "{kind}/{id}/versions/up",
    "{kind}/{id}/om-config/down/ack",
    "rscu/{id}/event/down/ack",
    "rscu/{id}/traffic/down/ack",
    *(f"{row.pattern}/ack" for row in frames.ROWS.values()),
)
FILTERS = tuple((name, 1) for pattern in PATTERNS for name in topics.row(pattern).subscriptions())
STOPPED = {"stop": True, "release": False}  # what a device is after these commands
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
LATEST = datetime.timedelta(days=31)  # as long as an order may last: what is stamped earlier yet is so by a wrong clock


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a device. number: of the order it speaks of, None for none; config, versions: what it says it has."""

    device_id: str
    topic: str
    at: Moment
    number: int | None = None
    code: int = 0
    detail: str = ""
    state: str = ""
    is_online: bool = False
    config: Mapping[str, Any] | None = None
    versions: Mapping[str, str] | None = None
    said: Moment | None = None
    document: Mapping[str, Any] | None = None
    digest: str = ""  # of the frame it speaks of, where that has no number

    @property
    def is_progress(self) -> bool:
        """Whether the end is still to be told."""
        return self.code == 0 and self.state in PROGRESS


def read(message: Received) -> Said | None:
    """What one message says; None for what is nothing to orders."""
    match = topics.find(message.topic)
    if match is None or match.place or match.topic.is_by_serial or len(message.payload) > MOST_BYTES:
        return None
    stream = match.topic.stream
    if stream not in ANSWERS and stream not in REPORTS | {"state"}:
        return None
    try:
        document = read_object(message.payload)
        at = EPOCH + datetime.timedelta(microseconds=message.arrival_us)
        return _said(match.device, stream, document, at)
    except MalformedError:
        return None


def _said(device_id: str, stream: str, document: Mapping[str, Any], at: Moment) -> Said | None:
    if stream == "state":
        return Said(device_id, stream, at, is_online=True) if document.get("state") == "online" else None
    config, versions, said = _config(document), _versions(document), _instant(document.get("time_us"), at)
    if stream in REPORTS:
        return Said(device_id, stream, at, config=config, versions=versions, said=said)
    named = document.get("sha256", document.get("eTag"))  # a MAP's tag is its frame's digest
    digest = frames.digest_of(named) if ANSWERS[stream] in frames.ROWS else ""
    number = None if digest else document.get("seqNum")
    if "verifier" in document or not (digest or _is_number(number)):
        return None  # the first: a credential's change, which is the doorkeeper's
    return Said(
        device_id,
        ANSWERS[stream],
        at,
        number=number,
        code=_code(document.get("errorCode", 0)),
        detail=str(document.get("errorDesc", ""))[:LONGEST_DETAIL],
        state=str(document.get("state", "received" if stream == "upgrade/ack" else ""))[:LONGEST_DETAIL],
        config=config,
        versions=versions,
        said=said,
        document={name: value for name, value in document.items() if name not in {"seqNum", "config"}},
        digest=digest,
    )


def passed_over(said: Said) -> tuple[str, str]:
    """Whose word it is, and what is told when it cannot be worked off."""
    return said.device_id, f"an answer of {said.device_id} about {said.topic} is passed over, since it breaks the work on orders"


def numbered(said: Iterable[Said], numbers: Mapping[tuple[str, str], int]) -> list[Said]:
    """The same, with the numbers of frames by device and digest; 0 for one that its device was never sent."""
    return [replace(one, number=numbers.get((one.device_id, one.digest), 0)) if one.digest else one for one in said]


def event(said: Said, against: str = "") -> Event:
    """What a device's word means for its order."""
    if said.is_progress:
        return Progressed(said.at, said.document or {})
    return Answered(said.at, said.code, said.detail, said.document, against)


def contradiction(body: Mapping[str, Any], said: Said) -> str:
    """What a device that says it has obeyed reports otherwise: of a configuration, or of being stopped; nothing when of neither.

    It does nothing about a stop whose number is lower than one it knows, of another installation perhaps, and says so.
    """
    wanted = STOPPED.get(str(body.get("command")))
    is_stopped = (said.document or {}).get("is_stopped")
    if said.code == 0 and wanted is not None and isinstance(is_stopped, bool) and is_stopped is not wanted:
        return f"it says that it is {'' if is_stopped else 'not '}stopped" + (
            ", since it knows an order with a higher number" if (said.document or {}).get("is_older") is True else ""
        )
    if said.code != 0 or said.config is None:
        return ""
    found = differences(body, said.config)
    return "; ".join(f"it reports {name} = {has!r} where {wanted!r} was sent" for name, (wanted, has) in found.items())[
        :LONGEST_DETAIL
    ]


def differences(desired: Mapping[str, Any], reported: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """By name, what is desired and what is reported, where they differ; lists in any order are the same."""
    return {
        name: (wanted, reported.get(name)) for name, wanted in desired.items() if _plain(wanted) != _plain(reported.get(name))
    }


def newest(said: Iterable[Said]) -> dict[str, Said]:
    """Of each device the last of what was said."""
    found: dict[str, Said] = {}
    for one in said:
        if one.device_id not in found or _order(one) >= _order(found[one.device_id]):
            found[one.device_id] = one
    return found


def since(said: Iterable[Said], anew: Collection[tuple[str, int]]) -> list[Said]:
    """The same without what devices said before these answers (device, number): by another clock than they have now."""
    kept: dict[str, list[Said]] = {}
    for one in said:
        if (one.device_id, one.number) in anew:
            kept[one.device_id] = []
        kept.setdefault(one.device_id, []).append(one)
    return [one for each in kept.values() for one in each]


def _order(said: Said) -> Moment:
    return said.said or said.at


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(map(repr, value))
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value


def _is_number(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**63


def _code(code: object) -> int:
    return code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 2**31 else 2


def _config(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    config = document.get("config")
    return config if isinstance(config, dict) else None


def _versions(document: Mapping[str, Any]) -> Mapping[str, str] | None:
    versions = document.get("versions")
    if not isinstance(versions, dict) or len(versions) > MOST_VERSIONS:
        return None
    return {name[:LONGEST_VERSION]: str(version)[:LONGEST_VERSION] for name, version in versions.items()}


def _instant(time_us: object, heard: Moment) -> Moment:
    """When the device says it said so, by its own clock, which may be wrong: never later than it was heard, nor long before."""
    if isinstance(time_us, bool) or not isinstance(time_us, int) or not 0 < time_us < 4_102_444_800_000_000:
        return heard
    said = EPOCH + datetime.timedelta(microseconds=time_us)
    return said if heard - LATEST < said < heard else heard
