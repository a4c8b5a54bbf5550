"""What a device under test says, read: warnings, answers to commands, whether it is there. Pure: nothing of it is trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chelu.codec.documents import parse_object
from chelu.errors import MalformedError

STATES = ("raised", "updated", "cleared")
LONGEST = 16  # characters of an application's name
LARGEST_BYTES = 64 << 10
LARGEST = 1 << 63
_VEHICLE = re.compile(r"[0-9a-fA-F]{16}")


@dataclass(frozen=True, slots=True)
class Said:
    """One message: the stream of its topic, its bytes, when the rig had it (µs UTC)."""

    stream: str
    payload: bytes
    arrival_us: int


@dataclass(frozen=True, slots=True)
class Answer:
    """To a command. code: 0 for done; time_us: by the device's clock, None when it does not say; document: all it says."""

    number: int
    code: int
    detail: str
    time_us: int | None
    document: Mapping[str, Any] = field(default_factory=dict)
    arrival_us: int = 0


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning. other: an actor's name, `kind id` of a thing, or nothing; is_known: whether whom it names is there.

    cause: id and secMark of the BSM that gave rise to it, None when it does not say.
    """

    application: str
    state: str
    other: str
    is_known: bool
    arrival_us: int
    cause: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class People:
    """Who is on the road: names by BSM id and by the number that a roadside unit gives; own: the device's own BSM id."""

    by_vehicle: Mapping[int, str]
    by_participant: Mapping[int, str]
    own: int


def read_warning(said: Said, people: People) -> Warned:
    """The warning; MalformedError for a document that is none."""
    document = _object(said.payload)
    application, state = document.get("application"), document.get("state")
    if not isinstance(application, str) or not 1 <= len(application) <= LONGEST:
        raise _malformed("application", application, f"a text of at most {LONGEST} characters")
    if state not in STATES:
        raise _malformed("state", state, "raised, updated or cleared")
    host = _party(document, "host")
    is_own = "vehicle_id" not in host or _vehicle_id(host) == people.own
    other, is_known = _about(document, people)
    return Warned(application, str(state), other, is_known and is_own, said.arrival_us, _cause(document))


def read_answer(said: Said) -> Answer:
    """An answer to a command; MalformedError for a document that is none."""
    document = _object(said.payload)
    number, code, time_us = (_whole(document, name) for name in ("seqNum", "errorCode", "time_us"))
    if number is None or code is None:
        raise _malformed("seqNum, errorCode", None, "two whole numbers")
    return Answer(number, code, str(document.get("errorDesc", ""))[:128], time_us, document, said.arrival_us)


def read_state(said: Said) -> bool:
    """Whether it says that it is there; MalformedError for a document that says neither."""
    state = _object(said.payload).get("state")
    if state not in ("online", "offline"):
        raise _malformed("state", state, "online or offline")
    return bool(state == "online")


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > LARGEST_BYTES:
        raise MalformedError("overlong", f"{len(payload)} bytes where {LARGEST_BYTES} are allowed")
    return parse_object(payload)


def _about(document: Mapping[str, Any], people: People) -> tuple[str, bool]:
    other, subject = _party(document, "other"), _party(document, "subject")
    if "vehicle_id" in other:
        number = _vehicle_id(other)
        name = people.by_vehicle.get(number)
        return (name, number != people.own) if name else (f"vehicle {number:016x}", False)
    if "participant_id" in other:
        participant = _whole(other, "participant_id")
        known = None if participant is None else people.by_participant.get(participant)
        return (known, True) if known else (f"participant {participant}", False)
    if subject:
        return f"{subject.get('kind')} {subject.get('id')}"[:48], True
    return "", True


def _party(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object of the document without what is null in it; empty when it is null or missing."""
    found = document.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _malformed(name, found, "an object or null")
    return {key: value for key, value in found.items() if value is not None}


def _vehicle_id(party: Mapping[str, Any]) -> int:
    text = party["vehicle_id"]
    if not isinstance(text, str) or not _VEHICLE.fullmatch(text):
        raise _malformed("vehicle_id", text, "16 hexadecimal digits")
    return int(text, 16)


def _cause(document: Mapping[str, Any]) -> tuple[int, int] | None:
    cause = _party(document, "cause")
    mark = _whole(cause, "sec_mark_ms")
    return None if mark is None or "vehicle_id" not in cause else (_vehicle_id(cause), mark)


def _whole(document: Mapping[str, Any], name: str) -> int | None:
    value = document.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or abs(value) >= LARGEST):
        raise _malformed(name, value, "a whole number of at most 63 bits")
    return value


def _malformed(name: str, value: object, allowed: str) -> MalformedError:
    return MalformedError("undecodable", f"{name} = {str(value)[:80]!r} is not allowed: {allowed}")
