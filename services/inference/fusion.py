"""Fusion: what several roadside devices see, and what a vehicle says of itself, become one road user with one name that stays.

A track of the picture is what one source says. Tracks of one road user have one of them as their *twin*, the lead: only the lead
is paired and counted. Who belongs together is found once (`unite.py`) and then kept, so that noise does not tear a road user in
two; a member that goes its own way leaves. Meanwhile a filter (`estimate.py`) blends all that is said, each at its own event
time, however late it came.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from services.inference.estimate import Estimate, apart, together
from services.inference.picture import Picture, ranks, resized
from services.inference.reports import Ints, Track
from services.inference.seats import ALONE, Seats
from services.inference.sightings import agility, sightings
from services.inference.types import Mask
from services.inference.unite import Gate, Users, united

_STRIKES = 3  # so often in a row a member must lie elsewhere before it leaves
_SILENT_US = 500_000  # a lead that says nothing for so long, while others do, leads no more
_NEW_US = 1_000_000  # who was not heard of before is looked at with each report
_LOOK_US = 300_000  # and others so often
_AROUND_M = 60.0  # somebody further away is nobody's twin, and was not two seconds ago
_WIDE = ("xy", "velocity")
_STATE = ("time_us", *_WIDE, "place_m2", "mixed", "speed_m2ps2")


class Twins:
    """By slot: `twin`, the lead of its road user, −1 for leads. Owned by one thread.

    seats: who is of one road user. Leads that a roadside device sees have an estimate; who only speaks for itself has none,
    and costs nothing.
    """

    def __init__(self, gate: Gate | None = None) -> None:
        self._gate, self.seats = gate or Gate(), Seats()
        self._generation: Ints = np.empty(0, np.int64)
        self._strikes: Ints = np.empty(0, np.int64)
        self._since_us: Ints = np.empty(0, np.int64)
        self._looked_us: Ints = np.empty(0, np.int64)
        self._rival: Ints = np.empty(0, np.int64)  # of leads: with whom they may be one, and how often in a row that was so
        self._often: Ints = np.empty(0, np.int64)
        self._has_estimate: Mask = np.empty(0, np.bool_)
        self._state: dict[str, npt.NDArray[Any]] = {
            name: np.empty((0, 2)) if name in _WIDE else np.empty(0, np.int64 if name == "time_us" else np.float64)
            for name in _STATE
        }

    @property
    def twin(self) -> Ints:
        return self.seats.twin

    def names(self, leads: Ints) -> Ints:
        """What these road users are called as long as any source tells of them."""
        return self.seats.name[leads]

    def estimates(self, picture: Picture, leads: Ints) -> Estimate:
        """Where these are, each at its own instant: by all that was said, or of who has no estimate by what it says."""
        own, chosen = sightings(picture, leads), self._has_estimate[leads]
        is_lost = picture.is_reckoned[leads] & (own.time_us - self._state["time_us"][leads] > _SILENT_US)
        chosen = chosen & ~is_lost  # nobody has seen it for so long: by now its own reckoning knows better
        return Estimate(*(_where(chosen, self._state[name][leads], getattr(own, name)) for name in _STATE))

    def known(self, slots: Ints) -> tuple[Mask, Estimate]:
        """Whether by others than themselves, too, it is known where these are, and what was known last; not of this moment."""
        lead = self.seats.lead(slots)
        return self._has_estimate[lead], Estimate(*(self._state[name][lead] for name in _STATE))

    def are_perhaps_one(self, picture: Picture, one: Ints, two: Ints) -> Mask:
        """Whether of these pairs (p,) one is where it is reckoned to be, and it is not decided yet whether it is the other."""
        is_reckoned = picture.is_reckoned[one] | picture.is_reckoned[two]
        return np.asarray(is_reckoned & ((self._rival[one] == two) | (self._rival[two] == one)))

    def update(self, picture: Picture, changed: Ints) -> None:
        """Take in what these tracks newly say."""
        self._fit(picture.capacity)
        self._greet(picture, changed)
        changed = changed[np.isfinite(picture.xyz[changed, 0]) & np.isfinite(picture.xyz[changed, 1])]
        is_seen = picture.kind[changed] == Track.SEEN
        followed = changed[is_seen | (self._has_estimate[self.seats.lead(changed)] & ~picture.is_reckoned[changed])]
        if not len(followed):
            return
        self._follow(picture, followed)
        due = self._due(picture, np.unique(self.seats.lead(changed[is_seen | self._is_new(picture, changed)])))
        if len(due):
            self._unite(picture, due)
        self._elect(picture, np.unique(self.seats.lead(followed)))

    def forget(self, slots: Ints) -> None:
        """These slots were freed."""
        slots = slots[slots < len(self.twin)]
        if len(slots):
            self._hand_over(*self.seats.heirs(slots))
            self.seats.free(slots)
            self._generation[slots], self._has_estimate[slots] = ALONE, False

    def _greet(self, picture: Picture, changed: Ints) -> None:
        """Who is new gets a name, and is alone."""
        new = changed[self._generation[changed] != picture.generation[changed]]
        if len(new):
            self._generation[new], self._since_us[new] = picture.generation[new], picture.ints["time_us"][new]
            self._begin(new)

    def _is_new(self, picture: Picture, slots: Ints) -> Mask:
        """Who was first heard of lately."""
        return np.asarray(picture.ints["time_us"][slots] - self._since_us[slots] <= _NEW_US)

    def _due(self, picture: Picture, leads: Ints) -> Ints:
        """Those of whom it is time to see whether they are one with another: of who is known for long now and then."""
        now_us = picture.ints["time_us"][leads]
        waited = now_us - self._looked_us[leads] >= _LOOK_US
        due = leads[waited | self._is_new(picture, leads) | (self._rival[leads] >= 0)]
        self._looked_us[due] = picture.ints["time_us"][due]
        return due

    def _begin(self, slots: Ints) -> None:
        self.seats.begin(slots)
        self._has_estimate[slots], self._strikes[slots] = False, 0
        self._rival[slots], self._often[slots], self._looked_us[slots] = ALONE, 0, 0

    def _follow(self, picture: Picture, slots: Ints) -> None:
        """Blend what they say into their road users' estimates; of several sources of one, one after the other."""
        lead = self.seats.lead(slots)
        slots = slots[np.lexsort((picture.ints["time_us"][slots], lead))]
        for chosen in ranks(self.seats.lead(slots)):
            self._blend(picture, slots[chosen])

    def _blend(self, picture: Picture, slots: Ints) -> None:
        told = sightings(picture, slots)
        has = self._has_estimate[self.seats.lead(slots)]
        self._begin_estimates(slots[~has], told.take(np.flatnonzero(~has)))
        known = np.flatnonzero(has)
        slots, told = slots[known], told.take(known)
        lead = self.seats.lead(slots)
        before, said = together(self.estimates(picture, lead), told, agility(picture, slots))
        off = apart(before, said, bias_m=self._gate.bias_m, bias_mps=self._gate.bias_mps)
        fits = (off.unlikeliness <= self._gate.stays) & (off.distance_m <= self._gate.stays_m)
        kept = np.flatnonzero(fits)
        self._write(lead[kept], before.take(kept).blended(said.take(kept)))
        self._strikes[slots] = np.where(fits, 0, self._strikes[slots] + 1)
        is_out = (self._strikes[slots] >= _STRIKES) | (off.distance_m > 2.0 * self._gate.stays_m)
        goes = np.flatnonzero(~fits & (is_out | self.seats.is_only(lead)))
        self._leave(slots[goes], told.take(goes))

    def _leave(self, slots: Ints, told: Estimate) -> None:
        """These go their own ways from where they are now; who led hands the others over."""
        self._hand_over(*self.seats.heirs(slots))
        self._begin(slots[self.twin[slots] >= 0])
        self._strikes[slots] = 0
        self._begin_estimates(slots, told)

    def _unite(self, picture: Picture, touched: Ints) -> None:
        """Those that are one road user from now on."""
        leads = self._about(picture, touched)
        users = Users(leads, self.estimates(picture, leads), self.names(leads), self.seats.members(leads), self._since_us)
        found = united(picture, touched, users, self._gate)
        self._rival[np.setdiff1d(touched, found.younger)] = ALONE
        again = self._rival[found.younger] == found.elder
        self._often[found.younger] = np.where(again, self._often[found.younger] + 1, 1)
        self._rival[found.younger] = found.elder
        now = found.is_sure | (self._often[found.younger] >= self._gate.often)
        self._join(picture, found.younger[now], found.elder[now])

    def _about(self, picture: Picture, touched: Ints) -> Ints:
        """Leads within the box around these, with them; ascending."""
        leads = picture.live()
        leads = leads[(self.twin[leads] < 0) & (self._generation[leads] == picture.generation[leads])]
        places = self.estimates(picture, touched).xy
        low, high = places.min(axis=0) - _AROUND_M, places.max(axis=0) + _AROUND_M
        xy = _where(self._has_estimate[leads], self._state["xy"][leads], picture.xyz[leads, :2])
        return np.asarray(leads[((xy >= low) & (xy <= high)).all(axis=1)])

    def _join(self, picture: Picture, younger: Ints, elder: Ints) -> None:
        order = np.argsort(elder, kind="stable")
        younger, elder = younger[order], elder[order]
        for chosen in ranks(elder):
            one, two = younger[chosen], elder[chosen]
            both = together(self.estimates(picture, two), self.estimates(picture, one), agility(picture, two))
            self._begin_estimates(two, both[0].blended(both[1]))
        self._has_estimate[younger], self._rival[younger] = False, ALONE
        self.seats.join(younger, elder)

    def _elect(self, picture: Picture, leads: Ints) -> None:
        """Who leads is heard and has a place; of those, who speaks for itself, else who led before.

        In a tunnel a vehicle goes on speaking without knowing where it is: then what the roadside sees of it leads.
        """
        table = self.seats.members(leads)
        if len(table.member) == len(leads):
            return
        first, count = table.first(), table.count()
        time_us = picture.ints["time_us"][table.member]
        is_heard = np.repeat(np.maximum.reduceat(time_us, first), count) - time_us <= _SILENT_US
        is_heard &= np.isfinite(picture.xyz[table.member, 0])
        speaks = picture.kind[table.member] == Track.SPEAKS
        worth = 4 * is_heard + 2 * speaks + (table.member == table.lead)
        best = np.lexsort((table.member, -worth, table.lead))[first]
        old, new = table.lead[best], table.member[best]
        self._hand_over(old[old != new], new[old != new])

    def _hand_over(self, old: Ints, new: Ints) -> None:
        """Road users are led by another of their members."""
        if not len(old):
            return
        self.seats.hand_over(old, new)
        for column in (*self._state.values(), self._has_estimate, self._rival, self._often):
            column[new] = column[old]
        self._has_estimate[old] = False

    def _begin_estimates(self, slots: Ints, told: Estimate) -> None:
        self._write(slots, told)
        self._has_estimate[slots] = True

    def _write(self, slots: Ints, told: Estimate) -> None:
        for name, column in self._state.items():
            column[slots] = getattr(told, name)

    def _fit(self, capacity: int) -> None:
        if capacity != len(self.twin):
            self.seats.fit(capacity)
            self._generation, self._rival = resized(self._generation, capacity, ALONE), resized(self._rival, capacity, ALONE)
            self._since_us, self._looked_us = resized(self._since_us, capacity), resized(self._looked_us, capacity)
            self._strikes, self._often = resized(self._strikes, capacity), resized(self._often, capacity)
            self._has_estimate = resized(self._has_estimate, capacity)
            self._state = {name: resized(column, capacity) for name, column in self._state.items()}


def _where(chosen: Mask, one: npt.NDArray[Any], two: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.where(chosen if one.ndim == 1 else chosen[:, None], one, two)
