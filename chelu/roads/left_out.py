"""What of a road file is not read: counted by where it stands in the file, so that nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Elements of one kind that are not read: where in the file's tree, how many, the first one's line."""

    element: str
    count: int
    line: int

    def sentence(self) -> str:
        """For a person."""
        return f"{self.element} × {self.count} (first in line {self.line})"


def tally(found: Iterable[tuple[str, int]]) -> tuple[LeftOut, ...]:
    """Of (element, line), one of each kind in the order of their first ones."""
    kinds: dict[str, LeftOut] = {}
    for element, line in found:
        before = kinds.get(element, LeftOut(element, 0, line))
        kinds[element] = LeftOut(element, before.count + 1, before.line)
    return tuple(kinds.values())
