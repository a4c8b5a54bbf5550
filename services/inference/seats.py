"""Which tracks are of one road user: each has its lead, by whose slot the road user is known, and a name that outlives leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.inference.picture import resized
from services.inference.reports import Ints
from services.inference.types import Mask

ALONE = -1


@dataclass(frozen=True, slots=True)
class Members:
    """Members (m,) of road users and their leads, who are members, too; sorted by lead."""

    lead: Ints
    member: Ints

    def first(self) -> Ints:
        """Where each road user begins."""
        return np.flatnonzero(np.concatenate([[True], self.lead[1:] != self.lead[:-1]])[: len(self.lead)])

    def count(self) -> Ints:
        """Members of each."""
        return np.diff(np.append(self.first(), len(self.lead)))


class Seats:
    """By slot: twin, the lead, `ALONE` for leads and who is alone; name, of those, 0 where nobody is. Owned by one thread."""

    def __init__(self) -> None:
        self._named = 0
        self._known: dict[int, int] | None = None
        self.twin: Ints = np.empty(0, np.int64)
        self.name: Ints = np.empty(0, np.int64)

    def lead(self, slots: Ints) -> Ints:
        """Of each its lead, itself where it has none."""
        twin = self.twin[slots]
        return np.where(twin >= 0, twin, slots)

    def leads(self) -> Mapping[int, int]:
        """By name the lead, of all road users that are there."""
        if self._known is None:
            slots = np.flatnonzero((self.twin < 0) & (self.name > 0))
            self._known = dict(zip(self.name[slots].tolist(), slots.tolist(), strict=True))
        return self._known

    def begin(self, slots: Ints) -> None:
        """These are alone, and new."""
        self._known = None
        self.twin[slots] = ALONE
        self.name[slots] = self._named + 1 + np.arange(len(slots))
        self._named += len(slots)

    def free(self, slots: Ints) -> None:
        """These, who lead nobody else, are gone."""
        self._known = None
        self.twin[slots], self.name[slots] = ALONE, 0

    def join(self, younger: Ints, elder: Ints) -> None:
        """Road users led by `younger`, each once, are those led by `elder`, none of whom is younger; the older name stays."""
        self._known = None
        order = np.argsort(younger)
        younger, elder = younger[order], elder[order]
        np.minimum.at(self.name, elder, self.name[younger])
        self._follow(younger, elder)
        self.twin[younger] = elder

    def hand_over(self, old: Ints, new: Ints) -> None:
        """Road users led by `old`, ascending and each once, are led by `new`, each a member of it."""
        self._known = None
        self._follow(old, new)
        self.twin[old], self.twin[new] = new, ALONE
        self.name[new] = self.name[old]

    def heirs(self, leaving: Ints) -> tuple[Ints, Ints]:
        """Leads that leave while others stay, ascending, and for each one who stays."""
        member = np.flatnonzero(self.twin >= 0)
        stays = member[np.isin(self.twin[member], leaving) & ~np.isin(member, leaving)]
        old, first = np.unique(self.twin[stays], return_index=True)
        return old, stays[first]

    def members(self, leads: Ints) -> Members:
        """Of these leads, each once."""
        member = np.flatnonzero(self.twin >= 0)
        member = member[np.isin(self.twin[member], leads)]
        lead, member = np.concatenate([leads, self.twin[member]]), np.concatenate([leads, member])
        order = np.argsort(lead, kind="stable")
        return Members(lead[order], member[order])

    def is_only(self, leads: Ints) -> Mask:
        """Whether these have no other member."""
        return ~np.isin(leads, self.twin[self.twin >= 0])

    def fit(self, capacity: int) -> None:
        """The picture has so many slots now."""
        if capacity == len(self.twin):
            return
        self._known = None
        self.twin, self.name = resized(self.twin, capacity, ALONE), resized(self.name, capacity)

    def _follow(self, old: Ints, new: Ints) -> None:
        if not len(old):
            return
        member = np.flatnonzero(self.twin >= 0)
        place = np.minimum(np.searchsorted(old, self.twin[member]), len(old) - 1)
        is_theirs = old[place] == self.twin[member]
        self.twin[member[is_theirs]] = new[place[is_theirs]]
