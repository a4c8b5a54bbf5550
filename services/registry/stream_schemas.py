"""The JSON schema of a stream's rows as the read API writes them, for files that carry their schema. Pure."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np

from chelu.messages import Field, Stream

JSON_TYPES = {"f": "number", "i": "integer", "u": "integer", "b": "boolean"}


@cache
def row_schema(stream: Stream) -> bytes:
    """Fields with type, unit and what they are."""
    properties: dict[str, Any] = {field.name: _property(field) for field in stream.fields}
    document = {"title": f"chelu.{stream.name}", "description": stream.row, "type": "object", "properties": properties}
    return json.dumps(document, ensure_ascii=False).encode()


def _property(field: Field) -> dict[str, Any]:
    kind = "string" if field.dtype == "u8" else JSON_TYPES[np.dtype(field.dtype).kind]
    about = " ".join(part for part in (field.about, f"[{field.unit}]" if field.unit else "") if part)
    return {"type": [kind, "null"] if field.optional else kind, "description": about}
