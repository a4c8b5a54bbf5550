"""Orders that are frames: a MAP or an RSI goes to a unit as the bare MessageFrame, and its answer names it by its SHA-256. Pure.

A frame has no room for a number; so two orders of the same bytes are one to the unit, and the newest of them is the one answered.
"""

from __future__ import annotations

import hashlib
from typing import Any

from chelu.topics import row

ROWS = {name: row(f"rsu/{{id}}/{name}/down") for name in ("map", "rsi")}
DIGITS = 64  # of a SHA-256 in hexadecimal


def body_of(frame: bytes, **about: Any) -> dict[str, Any]:
    """What is kept of such an order; about: what it is for, in words of whoever gives it."""
    return {"sha256": hashlib.sha256(frame).hexdigest(), "frame": frame.hex(), **about}


def payload_of(body: Any) -> bytes:
    """What is sent."""
    return bytes.fromhex(body["frame"])


def digest_of(value: object) -> str:
    """The digest that an answer names, "" when it names none."""
    is_one = isinstance(value, str) and len(value) == DIGITS and all(digit in "0123456789abcdef" for digit in value.lower())
    return str(value).lower() if is_one else ""
