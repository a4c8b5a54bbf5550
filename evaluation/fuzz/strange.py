"""JSON documents made wrong: strange values in any place, or damaged as text."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

STRANGE: tuple[Any, ...] = (
    *(None, True, False, "", "5", "-1", "7-12", "motor", "NaN", "\ud800", "\x00", "渝A12345"),
    *([], [1], [{}], {}, {"lat": 1}, {"a": {"b": [[]]}}),
    *(-1, 0, 1.5, 255, 281, -4096, 8191, 28800, 65536, 2**31, 2**63, 10**25, 10**400, 1e308, -0.0, 1_700_000_000_000),
)


def damaged(random: Random, document: Any) -> bytes:
    """A document as text: half of them sound or nearly, the others cut, with a byte changed, or joined with a piece of itself."""
    kind = random.randrange(6)
    if kind in {1, 2}:
        _make_strange(random, document)
    text = json.dumps(document, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    at = random.randrange(len(text))
    if kind == 3:
        return text[:at]
    if kind == 4:
        return text[:at] + bytes([random.randrange(256)]) + text[at + 1 :]
    if kind == 5:
        return text[:at] + text[random.randrange(len(text)) :]
    return text


def _make_strange(random: Random, document: Any) -> None:
    """Put something strange at a random place in the document."""
    here: Any = [document]
    key: Any = 0
    while True:
        value = here[key]
        keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
        if not keys or random.random() < 0.15:
            here[key] = copy.deepcopy(random.choice(STRANGE))  # else the next change would be in all documents
            return
        here, key = value, random.choice(keys)
