"""What a device of each kind can be configured with, and which commands there are, as JSON schemas (2020-12). Pure.

Names without a capital are our agent's (docs/edge.md); ``bsmConfig`` and its like are T/ITS 0117's, for other makers' units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jsonschema_rs

from chelu.topics import Kind, Payload, Standard, of_kind
from services.registry.problems import Fault, shown

Schema = dict[str, Any]
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LONGEST_CAPTURE_S = 600
MOST_FAULTS = 20
PERIOD: Schema = {"type": "number", "minimum": 0.1, "maximum": 3600}
LIMIT: Schema = {"type": "integer", "minimum": 0, "maximum": 10_000}


def _object(properties: Mapping[str, Schema], *, required: tuple[str, ...] = (), about: str = "") -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return schema | ({"required": list(required)} if required else {}) | ({"description": about} if about else {})


COMMON: Mapping[str, Schema] = {
    "heartbeat_s": {**PERIOD, "description": "seconds between heartbeats"},
    "run_status_s": {**PERIOD, "description": "seconds between run-status reports"},
    "log_level": {"enum": list(LEVELS)},
}
RSU: Mapping[str, Schema] = {
    "bsmConfig": _object(
        {
            "sampleMode": {"enum": ["ByAll", "ByID"]},
            "sampleRate": LIMIT,
            "upLimit": LIMIT,
            "upFilters": {"type": "array", "maxItems": 100, "items": {"type": "object"}},
        },
        about="T/ITS 0117",
    ),
    "rsiConfig": _object({"maxRsiNum": LIMIT}, about="T/ITS 0117"),
    "spatConfig": _object({"upLimit": LIMIT, "downLimit": LIMIT}, about="T/ITS 0117"),
    "rsmConfig": _object({"upLimit": LIMIT, "downLimit": LIMIT}, about="T/ITS 0117"),
}


@cache
def configuration(kind: Kind) -> Schema:
    """The schema of the documents that configure a device of this kind."""
    properties = dict(COMMON)
    if streams := _streams(kind):
        properties["muted_streams"] = {"type": "array", "uniqueItems": True, "items": {"enum": streams}}
    if kind is Kind.RSU:
        properties |= RSU
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"configuration of a device of kind {kind}",
        **_object(properties),
    }


def _streams(kind: Kind) -> list[str]:
    rows = of_kind(kind, from_device=True)
    return [row.stream for row in rows if row.payload is Payload.FRAMES and row.standard is not Standard.OPENV2X]


@dataclass(frozen=True, slots=True)
class Command:
    """One command. lasting_s: how long an answer is waited for; slot: a newer order of it takes an older one's place."""

    about: str
    parameters: Schema = field(default_factory=lambda: _object({}))
    lasting_s: float = 60.0
    slot: str | None = None


COMMANDS: Mapping[str, Command] = {
    "ping": Command("answer with your time", lasting_s=30),
    "reboot": Command("end in order and start anew; answered after the start", lasting_s=300, slot="reboot"),
    "log_level": Command(
        "log at this level until the next start", _object({"level": {"enum": list(LEVELS)}}, required=("level",))
    ),
    "capture": Command(
        "write what you hear and send to a file for so many seconds; answered with its name, size and SHA-256",
        _object({"seconds": {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_CAPTURE_S}}, required=("seconds",)),
        lasting_s=LONGEST_CAPTURE_S + 60,
        slot="capture",
    ),
}


def find_faults(schema: Schema, document: Mapping[str, Any], *, at: str) -> list[Fault]:
    """What of a document its schema does not allow, field by field below `at`."""
    errors = jsonschema_rs.Draft202012Validator(schema).iter_errors(dict(document))
    found = []
    for error, _ in zip(errors, range(MOST_FAULTS), strict=False):
        path = ".".join(str(part) for part in (at, *error.instance_path))
        found.append(Fault(path, shown(error.instance), _allowed(schema, error)))
    return found


def _names(schema: Schema, path: Iterable[str | int]) -> list[str]:
    """The names that an object at this path of a document may have."""
    for part in path:
        schema = schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {})
    return sorted(schema.get("properties", {}))


def _allowed(schema: Schema, error: jsonschema_rs.ValidationError) -> str:
    """What would have been; the library names two values and counts the others, and of names only those that are too many."""
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Enum):
        return f"one of {', '.join(map(str, kind.options))}"
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        return f"without {', '.join(kind.unexpected)}: there are {', '.join(_names(schema, error.instance_path)) or 'none'}"
    return error.message[:300]
