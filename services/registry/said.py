"""JSON that devices and strangers wrote, read so that the database can keep it. Pure."""

from __future__ import annotations

import json
from typing import Any

from chelu.errors import MalformedError


def read_object(payload: bytes) -> dict[str, Any]:
    """A JSON object with no NUL, no half of a surrogate pair, no NaN; MalformedError for anything else."""
    try:
        document = json.loads(payload, parse_constant=_refuse_constant)
        if not isinstance(document, dict):
            raise MalformedError("undecodable", "it is not a JSON object")
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)  # 1e999 is infinite
        text.encode()
    except (ValueError, RecursionError) as error:
        raise MalformedError("undecodable", f"it is not JSON ({error})") from None
    if "\\u0000" in text:
        raise MalformedError("undecodable", "it has a NUL")
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
