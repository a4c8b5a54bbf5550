"""Things that belong together because some of them are joined to one another."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class Unions(Generic[Thing]):
    """Groups of things; joining two joins their groups. A thing that nobody joined is in no group."""

    def __init__(self) -> None:
        self._parent: dict[Thing, Thing] = {}

    def join(self, one: Thing, other: Thing) -> None:
        """Put two in one group; a thing with itself: in a group of its own."""
        a, b = self.root(one), self.root(other)
        self._parent[b] = a

    def root(self, one: Thing) -> Thing:
        """The thing that stands for its group; a new one stands for itself."""
        parent = self._parent
        parent.setdefault(one, one)
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    def groups(self) -> list[list[Thing]]:
        """All groups, things in the order in which they came."""
        found: dict[Thing, list[Thing]] = {}
        for one in list(self._parent):
            found.setdefault(self.root(one), []).append(one)
        return list(found.values())
