"""What the registry hears at the broker, read: hellos, what strangers say besides, who is online, secrets that were made. Pure.

Anybody with a provisioning key writes this, so nothing of it is trusted: what cannot be read as what it claims to be is kept as
it is, in quarantine, and what is outside every bound is passed over.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from chelu import provisioning, topics, verifiers
from chelu.bus import Received
from chelu.codec.documents import read_object
from chelu.errors import MalformedError
from services.registry.joining_models import Hello
from services.registry.joining_rows import KEPT_A_SERIAL, Heard, Kept
from services.registry.models import DEVICE_ID
from services.registry.problems import fault_of

MOST_SAID_BYTES = 4096  # of a hello
MOST_KEPT_BYTES = 64 << 10  # of one message in quarantine; a longer one is cut
CONNECTED = re.compile(r"New client connected from (?P<address>\S+):\d+ as (?P<account>join\+\S+) \(")
SAID = frozenset({"state", "command/ack"})  # of what devices say, what concerns joining and secrets
SERIAL = re.compile(DEVICE_ID.removesuffix("$") + r"\Z")


@dataclass(frozen=True, slots=True)
class Online:
    """A device that says that it is there."""

    device_id: str


@dataclass(frozen=True, slots=True)
class Ack:
    """A device has made a secret, and kept it: its verifier, and which order it obeys."""

    device_id: str
    rotation: int
    verifier: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A stranger's session has begun, from this address."""

    account: str
    address: str


Word = Heard | Kept | Online | Ack | Arrival


def read(message: Received) -> Word | None:
    """What one message says; None for what is nothing to the registry."""
    if message.topic == topics.CONNECTIONS:
        found = CONNECTED.search(message.payload.decode("utf-8", "replace"))
        return Arrival(found["account"], found["address"]) if found else None
    match = topics.find(message.topic)
    if match is None:
        return None
    if match.place:
        return _stranger(match, message) if SERIAL.match(match.device) and match.device not in {".", ".."} else None
    if match.topic.stream not in SAID:
        return None
    try:
        return _device(match, read_object(message.payload))
    except MalformedError:
        return None


def _device(match: topics.Match, document: Mapping[str, Any]) -> Word | None:
    if match.topic.stream == "state":
        return Online(match.device) if document.get("state") == "online" else None
    if match.topic.stream != "command/ack":
        return None
    rotation = document.get("seqNum")
    if document.get("errorCode") != 0 or not isinstance(rotation, int) or not 0 < rotation < 2**63:
        return None
    return Ack(match.device, rotation, verifiers.check(document.get("verifier")))


class Addresses:
    """From where the session of each stranger's account came last. For one thread; the longest unheard are forgotten."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._known: OrderedDict[str, str] = OrderedDict()

    def add_to(self, words: Iterable[Word]) -> list[Word]:
        """The words in order, arrivals noted and left out, hellos with their address."""
        found: list[Word] = []
        for word in words:
            if isinstance(word, Arrival):
                self._known[word.account] = word.address
                self._known.move_to_end(word.account)
                if len(self._known) > self._most:
                    self._known.popitem(last=False)
            elif isinstance(word, Heard):
                found.append(replace(word, address=self._known.get(provisioning.account_of(word.place).user)))
            else:
                found.append(word)
        return found


def sort(words: Iterable[Word]) -> tuple[list[Heard], list[Kept], list[str], list[Ack]]:
    """Hellos (the last of each device), quarantine (no more of a serial than is kept), who is online, and secrets."""
    heard: dict[tuple[str, str], Heard] = {}
    kept: dict[str, list[Kept]] = {}
    online: dict[str, None] = {}
    acks: list[Ack] = []
    for word in words:
        if isinstance(word, Heard):
            heard[word.serial, word.fingerprint] = word
        elif isinstance(word, Kept):
            kept.setdefault(word.serial, []).append(word)
        elif isinstance(word, Online):
            online[word.device_id] = None
        elif isinstance(word, Ack):
            acks.append(word)
    return list(heard.values()), _newest(list(kept.values())), list(online), acks


def _newest(kept: Sequence[Sequence[Kept]]) -> list[Kept]:
    return [one for of_serial in kept for one in of_serial[-KEPT_A_SERIAL:]]


def _stranger(match: topics.Match, message: Received) -> Word:
    if match.topic.pattern.endswith("/hello/up"):
        try:
            return _hello(match, message.payload)
        except MalformedError:
            pass
    return Kept(match.device, message.topic.replace("\0", ""), message.payload[:MOST_KEPT_BYTES])


def _hello(match: topics.Match, payload: bytes) -> Heard:
    if len(payload) > MOST_SAID_BYTES:
        raise MalformedError("overlong", f"{len(payload)} bytes where {MOST_SAID_BYTES} are allowed")
    said = read_object(payload)
    line = verifiers.check(said.pop("verifier", None))
    try:
        Hello.model_validate(said)
    except ValidationError as error:
        fault = fault_of(error.errors(include_url=False)[0])
        raise MalformedError("undecodable", f"{fault.field} = {fault.value} is not allowed: {fault.allowed}") from None
    return Heard(match.device, match.place, provisioning.account_of(match.place).key, line, verifiers.fingerprint(line), said)
