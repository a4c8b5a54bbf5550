"""The life of a warning: raised once it is confirmed, updated at most five times a second, cleared when its reason is gone.

A warning is of road users by their names (`services.inference.seats`): it goes on whoever of their tracks leads. Advice lives
likewise, updated less often and only when it changes or would lapse, and its level is 0 throughout. Warnings are few, so they
are objects here; what they are made from are arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import repeat

import numpy as np

from chelu.applications.common import LifeParameters
from services.inference.picture import Picture
from services.inference.reports import Track
from services.inference.seats import Seats
from services.inference.v2x.assessment import Assessment, Subject


class State(StrEnum):
    """Where in its life a warning is."""

    RAISED = "raised"
    UPDATED = "updated"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two road users at this moment."""

    slot: int
    generation: int
    vehicle_id: int  # 8-byte id where it has one, else 0
    participant_id: int | None  # of one that a roadside device sees, its number there
    device_key: int  # who reported it last
    own_key: int  # its own OBU, 0 when it did not speak on obu/{id}/bsm/up
    east_m: float
    north_m: float
    up_m: float
    speed_mps: float
    heading_deg: float
    time_us: int
    arrival_us: int
    message_count: int
    sec_mark_ms: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A change in a warning's life, to be published and stored. cause: the party whose message triggered it.

    It is about another road user, or about a thing: one of `other` and `subject` is None. valid_until_us: it holds until then
    unless it is renewed; 0 when it is cleared.
    """

    warning_id: str
    application: str
    state: State
    level: int
    host: Party
    other: Party | None
    cause: Party
    ttc_s: float
    required_mps2: float
    distance_m: float
    decided_us: int
    valid_until_us: int
    subject: Subject | None = None

    @property
    def event_us(self) -> int:
        """When what it tells of was so: the newer of both parties' reports."""
        return max(one.time_us for one in (self.host, self.other) if one is not None)


@dataclass(slots=True)
class _Active:
    last: Notice
    seen_us: int
    sent_us: int
    raised_us: int


@dataclass(frozen=True, slots=True)
class Up:
    """A warning that is up: as it was told last, when it was raised (µs), and which slots host and other have now."""

    notice: Notice
    raised_us: int
    host: int
    other: int | None


Key = tuple[str, int, int, int]  # application, names of host and other, thing; of a thing the other's name is `_NOBODY`
_NOBODY = 0


class Life:
    """Warnings that are up and findings that wait for confirmation. Owned by one thread."""

    def __init__(self, parameters: LifeParameters, new_id: Callable[[], str]) -> None:
        self._parameters, self._new_id = parameters, new_id
        self._active: dict[Key, _Active] = {}
        self._pending: dict[Key, tuple[int, int]] = {}  # event times of the first finding and the last

    def use(self, parameters: LifeParameters) -> None:
        """From the next step on."""
        self._parameters = parameters

    def __len__(self) -> int:
        return len(self._active)

    def levels(self, seats: Seats) -> dict[int, int]:
        """Host slot → highest level of its warnings now."""
        levels: dict[int, int] = {}
        for (_, host, _, _), active in self._active.items():
            slot = seats.leads().get(host)
            if slot is not None:
                levels[slot] = max(levels.get(slot, 0), active.last.level)
        return levels

    def up(self, seats: Seats) -> list[Up]:
        """The warnings that are up, advice left out; the severest first, then the newest."""
        leads = seats.leads()
        found = [
            Up(one.last, one.raised_us, leads[host], leads.get(other))
            for (_, host, other, _), one in self._active.items()
            if one.last.level and host in leads
        ]
        return sorted(found, key=lambda one: (-one.notice.level, -one.raised_us))

    def step(self, assessments: Iterable[Assessment], picture: Picture, seats: Seats, now_us: int) -> list[Notice]:
        """What changes now. `now_us`: wall clock; every finding is of this moment."""
        changes = self._follow(picture, seats, now_us)
        for assessment in assessments:
            for row, key in enumerate(_keys(assessment, seats)):
                change = self._finding(key, assessment, row, picture, now_us)
                if change is not None:
                    changes.append(change)
        return changes + self._clear(picture, seats.leads(), now_us)

    def _follow(self, picture: Picture, seats: Seats, now_us: int) -> list[Notice]:
        """Who proves to be one with somebody known for longer takes that name: of two warnings of the same one ends."""
        gone, leads = list[Notice](), seats.leads()
        for key in [key for key in self._active if not _are_there(key, leads)]:
            active = self._active.pop(key)
            renamed = _renamed(key, active.last, picture, seats)
            if renamed in self._active or renamed[1] == renamed[2]:
                gone.append(_cleared(active.last, now_us))
            else:
                self._active[renamed] = active
        return gone

    def _finding(self, key: Key, found: Assessment, row: int, picture: Picture, now_us: int) -> Notice | None:
        active = self._active.get(key)
        if active is None:
            return self._raise(key, found, row, picture, now_us)
        active.seen_us = now_us
        rest_s = self._parameters.advise_s if found.is_advice else self._parameters.update_s
        is_worse = not found.is_advice and int(found.level[row]) > active.last.level  # that waits for nothing
        if now_us - active.sent_us < rest_s * 1e6 and not is_worse:
            return None
        told = self._told(active.last.warning_id, State.UPDATED, found, row, picture, now_us)
        lapses = active.last.valid_until_us - now_us < 2 * rest_s * 1e6  # before it can be told the next time but one
        if found.is_advice and _advises_the_same(active.last, told) and not lapses:
            active.sent_us = now_us
            return None
        active.last, active.sent_us = told, now_us
        return told

    def _raise(self, key: Key, found: Assessment, row: int, picture: Picture, now_us: int) -> Notice | None:
        level = int(found.level[row])
        if not level:
            return None
        slots = [slot for slot in (int(found.host[row]), int(found.other[row])) if slot >= 0]
        event_us = max(int(picture.ints["time_us"][slot]) for slot in slots)
        first_us, last_us = self._pending.get(key, (event_us, event_us))
        if event_us - last_us > self._parameters.forget_s * 1e6:
            first_us = event_us
        self._pending[key] = first_us, event_us
        waited_us = event_us - first_us
        if level < 2 and waited_us < self._parameters.confirm_s * 1e6:
            return None
        del self._pending[key]
        warning = self._told(self._new_id(), State.RAISED, found, row, picture, now_us)
        self._active[key] = _Active(warning, now_us, now_us, now_us)
        return warning

    def _clear(self, picture: Picture, leads: Mapping[int, int], now_us: int) -> list[Notice]:
        self._pending = {key: first for key, first in self._pending.items() if _are_there(key, leads)}
        gone = [key for key, active in self._active.items() if self._is_over(key, active, picture, leads, now_us)]
        return [_cleared(self._active.pop(key).last, now_us) for key in gone]

    def _is_over(self, key: Key, active: _Active, picture: Picture, leads: Mapping[int, int], now_us: int) -> bool:
        if not _are_there(key, leads):
            return True
        # Whether a thing still concerns a host, only the host tells: while it is silent nothing is known to have changed.
        is_silent = key[2] == _NOBODY and int(picture.ints["arrival_us"][leads[key[1]]]) <= active.seen_us
        return now_us - active.seen_us >= self._parameters.clear_s * 1e6 and not is_silent

    def _told(self, warning_id: str, state: State, found: Assessment, row: int, picture: Picture, now_us: int) -> Notice:
        host, slot = party(picture, int(found.host[row])), int(found.other[row])
        other = party(picture, slot) if slot >= 0 else None
        valid_s = self._parameters.advice_valid_s if found.is_advice else self._parameters.valid_s
        return Notice(
            warning_id=warning_id,
            application=found.application,
            state=state,
            level=0 if found.is_advice else max(1, int(found.level[row])),
            host=host,
            other=other,
            cause=host if other is None or host.arrival_us >= other.arrival_us else other,
            ttc_s=float(found.ttc_s[row]),
            required_mps2=float(found.required_mps2[row]),
            distance_m=float(found.distance_m[row]),
            decided_us=now_us,
            valid_until_us=now_us + round(valid_s * 1e6),
            subject=found.subject(row) if found.subject else None,
        )


def _advises_the_same(one: Notice, two: Notice) -> bool:
    return one.subject is not None and two.subject is not None and one.subject.advice == two.subject.advice


def _cleared(last: Notice, now_us: int) -> Notice:
    return replace(last, state=State.CLEARED, level=0, decided_us=now_us, valid_until_us=0)


def _keys(found: Assessment, seats: Seats) -> Iterable[Key]:
    """Of every row."""
    host = seats.name[seats.lead(found.host)]
    other = np.where(found.other >= 0, seats.name[seats.lead(np.maximum(found.other, 0))], _NOBODY)
    return zip(repeat(found.application), host.tolist(), other.tolist(), found.thing.tolist(), strict=False)


def _are_there(key: Key, leads: Mapping[int, int]) -> bool:
    """Whether those whom the key names are."""
    return key[1] in leads and (key[2] == _NOBODY or key[2] in leads)


def _renamed(key: Key, last: Notice, picture: Picture, seats: Seats) -> Key:
    """The same with the names that the road users have now whom the last notice was about."""
    application, host, other, thing = key
    now_other = _name_of(last.other, other, picture, seats) if last.other else other
    return application, _name_of(last.host, host, picture, seats), now_other, thing


def _name_of(party: Party, name: int, picture: Picture, seats: Seats) -> int:
    """What the party is called now: as before, unless its track is a member of another road user."""
    if name in seats.leads() or int(picture.generation[party.slot]) != party.generation:
        return name
    return int(seats.name[seats.lead(np.array([party.slot]))][0])


def party(picture: Picture, slot: int) -> Party:
    """A snapshot of one slot."""
    east, north, up = picture.xyz[slot].tolist()
    return Party(
        slot=slot,
        generation=int(picture.generation[slot]),
        vehicle_id=int(picture.own_id[slot]),
        participant_id=int(picture.key[slot]) & 0xFFFF if picture.kind[slot] == Track.SEEN else None,
        device_key=int(picture.ints["device_key"][slot]),
        own_key=int(picture.own_key[slot]),
        east_m=east,
        north_m=north,
        up_m=up,
        speed_mps=float(picture.floats["speed_mps"][slot]),
        heading_deg=float(picture.floats["heading_deg"][slot]),
        time_us=int(picture.ints["time_us"][slot]),
        arrival_us=int(picture.ints["arrival_us"][slot]),
        message_count=int(picture.ints["message_count"][slot]),
        sec_mark_ms=int(picture.ints["sec_mark_ms"][slot]),
    )
