"""What the platform tells a device over MQTT, as pure decisions: documents in, answers out.

Answers follow T/ITS 0117 annex A: seqNum, errorCode (0 ok, 1 bad parameter, 2 local error), errorDesc of 1..128 characters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from chelu.errors import ConfigurationError, MalformedError
from chelu.settings import Settings

OK, BAD_PARAMETER, LOCAL_ERROR = 0, 1, 2
MAX_DOCUMENT_BYTES = 1 << 20
MAX_SEQUENCE = (1 << 63) - 1


class Desired(Settings):
    """What may be changed while the agent runs; what is absent is as the agent's file says."""

    heartbeat_s: float | None = Field(default=None, ge=0.1, le=3600)
    run_status_s: float | None = Field(default=None, ge=0.1, le=3600)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = None
    muted_streams: frozenset[Literal["bsm", "rsm", "spat", "map", "rsi"]] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement; `extra` is what a command returns."""

    sequence: int
    code: int
    description: str = ""
    extra: Mapping[str, Any] | None = None

    def encode(self) -> bytes:
        document: dict[str, Any] = {"seqNum": self.sequence, "errorCode": self.code, **(self.extra or {})}
        if self.description:
            document["errorDesc"] = self.description[:128]
        return json.dumps(document, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Receipt:
    """stored: stream → highest sequence number stored; again: streams whose pass has to begin anew before they get a receipt."""

    stored: Mapping[str, int]
    again: frozenset[str] = frozenset()


def read_document(payload: bytes) -> dict[str, Any]:
    """One JSON object; raises MalformedError for anything else."""
    if len(payload) > MAX_DOCUMENT_BYTES:
        raise MalformedError("overlong", f"{len(payload)} bytes where {MAX_DOCUMENT_BYTES} are allowed")
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise MalformedError("undecodable", f"it is not JSON ({error})") from None
    if not isinstance(document, dict):
        raise MalformedError("undecodable", "it is not a JSON object")
    return document


def read_configuration(payload: bytes) -> tuple[Desired | None, Answer]:
    """What to apply, if anything, and the answer when applying it succeeds."""
    try:
        document = read_document(payload)
        sequence = _sequence(document)
    except MalformedError as error:
        return None, Answer(0, BAD_PARAMETER, error.detail)
    values = {name: value for name, value in document.items() if name not in {"seqNum", "ack"}}
    try:
        return Desired.check(values, source=""), Answer(sequence, OK)
    except ConfigurationError as error:
        return None, Answer(sequence, BAD_PARAMETER, str(error))


@dataclass(frozen=True, slots=True)
class Command:
    """One command as it was sent."""

    sequence: int
    name: str
    values: Mapping[str, Any]


def read_command(payload: bytes) -> Command | Answer:
    """The command, or the answer to what is none."""
    try:
        document = read_document(payload)
        sequence = _sequence(document)
    except MalformedError as error:
        return Answer(0, BAD_PARAMETER, error.detail)
    name = document.get("command")
    if not isinstance(name, str):
        return Answer(sequence, BAD_PARAMETER, f"command = {name!r} is not the name of one")
    return Command(sequence, name, document)


def number_of(payload: bytes) -> int:
    """The seqNum of a document that may be none; 0 when it has none."""
    try:
        return _sequence(read_document(payload))
    except MalformedError:
        return 0


def read_receipt(payload: bytes) -> Receipt:
    """Raises MalformedError."""
    document = read_document(payload)
    stored, again = document.get("stored"), document.get("again", [])
    if not isinstance(stored, dict):
        raise MalformedError("undecodable", "a receipt has an object named 'stored'")
    for stream, number in stored.items():
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MAX_SEQUENCE:
            raise MalformedError("out_of_range", f"stored.{stream} = {number!r} is outside 0 … {MAX_SEQUENCE}")
    if not isinstance(again, list) or not all(isinstance(stream, str) for stream in again):
        raise MalformedError("undecodable", f"again = {again!r} is not a list of streams")
    return Receipt(stored, frozenset(again))


def _sequence(document: Mapping[str, Any]) -> int:
    sequence = document.get("seqNum")
    if isinstance(sequence, bool) or not isinstance(sequence, int):
        raise MalformedError("undecodable", f"seqNum = {sequence!r} is not a whole number")
    return sequence
