"""JSON as it comes from the database: what is nested deeper than anything that is taken today is shortened, and says so.

Older versions took what pydantic cannot give out, so that no page could be read on which it stood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from chelu.codec.documents import DEEPEST, is_nested_deeply

SHORTENED = f"… (nested more than {DEEPEST} deep, not shown)"
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')


def read(text: str | bytes) -> Any:
    """A value; in place of each list or object in more than `DEEPEST` others stands `SHORTENED`."""
    data = text.encode() if isinstance(text, str) else text
    try:
        value = json.loads(data)
    except RecursionError:
        return json.loads(shortened(data))
    return json.loads(shortened(data)) if is_nested_deeply(value, data) else value


def shortened(data: bytes) -> bytes:
    """The same JSON, shortened."""
    return b"".join(_pieces(data))


def _pieces(data: bytes) -> Iterator[bytes]:
    depth = begin = 0
    for token in _TOKEN.finditer(data):
        match token[0]:
            case b"[" | b"{":
                if depth == DEEPEST:
                    yield data[begin : token.start()] + json.dumps(SHORTENED).encode()
                depth += 1
            case b"]" | b"}":
                depth -= 1
                if depth == DEEPEST:
                    begin = token.end()
    yield data[begin:]
