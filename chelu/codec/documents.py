"""JSON documents: read, checked as far as the database needs it, and asked for the time they speak of."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from chelu.errors import MalformedError
from chelu.messages import DropReason

DEEPEST = 64  # nested lists and objects; PostgreSQL's own limit depends on its stack
# A NUL cannot be stored in jsonb: \\u0000 preceded by an even number of backslashes.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_MS, _US = 10**11, 10**14  # a time stamp of this century is above these in milliseconds and in microseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_object(payload: bytes) -> dict[str, Any]:
    """One JSON object in UTF-8, which jsonb need not be able to hold; MalformedError (undecodable) for anything else."""
    try:
        document = json.loads(payload.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _undecodable(f"it is not JSON in UTF-8 ({error})") from None
    if not isinstance(document, dict):
        raise _undecodable(f"a JSON object is expected, not {type(document).__name__}")
    return document


def read_object(payload: bytes) -> dict[str, Any]:
    """One JSON object in UTF-8 that jsonb can hold; MalformedError (undecodable) for anything else."""
    document = parse_object(payload)
    check_storable(document)
    return document


def check_storable(document: dict[str, Any]) -> None:
    """MalformedError (undecodable) for what jsonb cannot hold."""
    try:
        text = json.dumps(document, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise _undecodable(f"it is not JSON in UTF-8 ({error})") from None
    if is_nested_deeply(document, text):
        raise _undecodable(f"lists and objects are nested more than {DEEPEST} deep")
    if _NUL.search(text):
        raise _undecodable("a text holds the character NUL")


def named_twice(pairs: Sequence[tuple[str, Any]]) -> tuple[str, int] | None:
    """The first name that an object gives more than one value, and how many; None for one that does not.

    For the hook of `json.loads`, which would take the last of them and say nothing.
    """
    if len(dict(pairs)) == len(pairs):  # nearly always, and there are many
        return None
    counts = Counter(name for name, _ in pairs)
    return next((name, count) for name, count in counts.items() if count > 1)


def is_nested_deeply(value: object, text: bytes) -> bool:
    """Whether lists and objects are nested more than `DEEPEST` deep. text: the value as JSON; most are seen by it not to be."""
    return text.count(b"[") + text.count(b"{") > DEEPEST and is_deeper(value, DEEPEST)


def is_deeper(value: object, most: int) -> bool:
    """Whether lists and objects are nested more than so many deep."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most):
        if not level:
            break
        level = [child for each in level for child in _children(each) if isinstance(child, dict | list)]
    return bool(level)


def printable(text: str) -> str:
    """A text without what cannot be printed, which a database may not be able to hold: NUL, or half of a surrogate pair."""
    return "".join(filter(str.isprintable, text))


def event_time_us(document: dict[str, Any]) -> int | None:
    """The instant a document gives at its top level, or None: ``time_us``, or ``timestamp``/``timeStamp`` in ms or ISO 8601."""
    for name in ("time_us", "timestamp", "timeStamp"):
        if (found := instant_us(document.get(name))) is not None:
            return found
    return None


def instant_us(value: object) -> int | None:
    """Microseconds, milliseconds or ISO 8601 with an offset from UTC as microseconds UTC; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float) and _MS < value < 100 * _US:
        return int(value) if value > _US else int(value * 1000)
    if isinstance(value, str):
        return _iso_us(value)
    return None


def _iso_us(text: str) -> int | None:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            return None  # local time of an unknown zone tells nothing
        span = instant - _EPOCH
    except (ValueError, OverflowError):
        return None
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def _children(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _undecodable(detail: str) -> MalformedError:
    return MalformedError(DropReason.UNDECODABLE, detail)
