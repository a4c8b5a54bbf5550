"""What the registry hears at the broker, read: hellos, what strangers say besides, who is online, secrets that were made. Pure.

Anybody with a provisioning key writes this, so nothing of it is trusted: what cannot be read as what it claims to be is kept as
it is, in quarantine, and what is outside every bound is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from chelu import provisioning, topics, verifiers
from chelu.bus import Received
from chelu.errors import MalformedError
from services.registry.joining_models import Hello
from services.registry.joining_rows import KEPT_A_SERIAL, Heard, Kept
from services.registry.models import DEVICE_ID

MOST_SAID_BYTES = 4096  # of a hello
MOST_KEPT_BYTES = 64 << 10  # of one message in quarantine; a longer one is cut
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


Word = Heard | Kept | Online | Ack


def read(message: Received) -> Word | None:
    """What one message says; None for what is nothing to the registry."""
    match = topics.find(message.topic)
    if match is None:
        return None
    if match.place:
        return _stranger(match, message) if SERIAL.match(match.device) and match.device not in {".", ".."} else None
    try:
        document = _document(message.payload)
        if match.topic.stream == "state":
            return Online(match.device) if document.get("state") == "online" else None
        rotation = document.get("seqNum")
        if document.get("errorCode") != 0 or not isinstance(rotation, int) or not 0 < rotation < 2**63:
            return None
        return Ack(match.device, rotation, verifiers.check(document.get("verifier")))
    except MalformedError:
        return None


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
        else:
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
    said = _document(payload)
    line = verifiers.check(said.pop("verifier", None))
    try:
        Hello.model_validate(said)
    except ValidationError as error:
        raise MalformedError("undecodable", str(error)) from None
    return Heard(match.device, match.place, provisioning.key_of(match.place), line, verifiers.fingerprint(line), said)


def _document(payload: bytes) -> dict[str, Any]:
    """A JSON object that the database can keep: no NUL, no half of a surrogate pair, no NaN."""
    try:
        document = json.loads(payload, parse_constant=_refuse_constant)
        if not isinstance(document, dict):
            raise MalformedError("undecodable", "it is not a JSON object")
        text = json.dumps(document, ensure_ascii=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise MalformedError("undecodable", f"it is not JSON ({error})") from None
    if "\\u0000" in text:
        raise MalformedError("undecodable", "it has a NUL")
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
