"""What the end of an export's file is made of: of each part that has rows, the bytes that its format remembers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remembered:
    """Of so many parts with so many rows together; each: the bytes of one after the other, to be gone through once.

    They are read as they are asked for: those of an export of ten million rows would be tens of megabytes.
    """

    parts: int
    rows: int
    each: Iterable[bytes]
