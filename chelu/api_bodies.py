"""Bodies of requests as JSON: what JSON cannot hold, a number or a text that is none, is refused by its field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chelu.errors import ConfigurationError

HEADERS = {"Content-Type": "application/json"}


def encoded(body: Any) -> bytes:
    """UTF-8 without blanks; ConfigurationError names the first field that cannot be written."""
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        for field, value in _unsayable(body, ""):
            allowed = "a finite number" if isinstance(value, float) else "text in UTF-8"
            raise ConfigurationError(field or "the request", value, allowed) from None
        raise


def _unsayable(value: Any, field: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _unsayable(name, field)
            yield from _unsayable(each, f"{field}.{name}" if field else str(name))
    elif isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            yield field, value.encode(errors="surrogateescape")
    elif isinstance(value, Sequence):
        for place, each in enumerate(value):
            yield from _unsayable(each, f"{field}[{place}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield field, value
