"""Who may have an area when: whole hours, and which bookings and permits stand against each other. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from services.registry.track.geometry import Mask

MOST_DAYS = 31  # of one booking
AHEAD_DAYS = 400  # a booking or permit ends at most so far from now


@dataclass(frozen=True, slots=True)
class Claim:
    """An area for a team for a time; what names it is what a refusal shows."""

    name: str
    area_id: str
    team: str | None
    starts: datetime.datetime
    ends: datetime.datetime

    def meets(self, other: Claim) -> bool:
        """Whether there is a time at which both hold; one may begin when the other ends."""
        return self.starts < other.ends and other.starts < self.ends

    def __str__(self) -> str:
        return self.at("UTC")

    def at(self, zone: str) -> str:
        """As a person at a place of this time zone reads it."""
        starts, ends = (_local(instant, zone).isoformat(timespec="minutes") for instant in (self.starts, self.ends))
        return f"{self.name} of {self.area_id} for {self.team}, {starts} to {ends}"


@dataclass(frozen=True, slots=True)
class Ground:
    """A site's areas as rules need them: `overlap` (a, a) by number, how many bookings each takes at a time."""

    ids: tuple[str, ...]
    overlap: Mask
    shares: Mapping[str, int]

    def meet(self, left: str, right: str) -> bool:
        """Whether two areas have ground in common."""
        return bool(self.overlap[self.ids.index(left), self.ids.index(right)])


def fault_in_hours(
    starts: datetime.datetime, ends: datetime.datetime, zone: str, now: datetime.datetime
) -> tuple[str, str] | None:
    """(field, what is allowed) of the first thing wrong with a booking's time; hours are those of the site's clocks."""
    for name, instant in (("starts", starts), ("ends", ends)):
        local = instant.astimezone(ZoneInfo(zone))
        if (local.minute, local.second, local.microsecond) != (0, 0, 0):
            return name, f"a whole hour in {zone}, where it is {local.isoformat()}"
    if ends - starts > datetime.timedelta(days=MOST_DAYS):
        return "ends", f"at most {MOST_DAYS} days after starts"
    return fault_in_future(ends, now)


def fault_in_future(ends: datetime.datetime, now: datetime.datetime) -> tuple[str, str] | None:
    """(field, what is allowed) of an end that lies behind, or too far ahead."""
    if not now < ends <= now + datetime.timedelta(days=AHEAD_DAYS):
        return "ends", f"after now ({now.isoformat(timespec='seconds')}) and at most {AHEAD_DAYS} days ahead"
    return None


def against_booking(new: Claim, bookings: Sequence[Claim], permits: Sequence[Claim], ground: Ground) -> list[Claim]:
    """The bookings and permits that stand against a new booking.

    In one area as many bookings hold at a time as it takes. Where two areas overlap and one of them is for one team alone, two
    teams cannot have them at the same time; nor can a team have alone what another's vehicles may be in.
    """
    held = [one for one in bookings if one.meets(new)]
    here = [one for one in held if one.area_id == new.area_id]
    full = here if _most_at_once(new, here) >= ground.shares[new.area_id] else []
    others = [one for one in held if one.area_id != new.area_id and _is_against(new, one, ground)]
    is_alone = ground.shares[new.area_id] == 1
    guests = [
        one for one in permits if is_alone and one.meets(new) and one.team != new.team and ground.meet(new.area_id, one.area_id)
    ]
    return [*full, *others, *guests]


def against_permit(new: Claim, bookings: Sequence[Claim], ground: Ground) -> list[Claim]:
    """The bookings of other teams, of what is theirs alone, that stand against a new permit."""
    return [
        one
        for one in bookings
        if one.meets(new) and one.team != new.team and ground.shares[one.area_id] == 1 and ground.meet(new.area_id, one.area_id)
    ]


def _local(instant: datetime.datetime, zone: str) -> datetime.datetime:
    """On a site's clocks; as it is where those have no such date, as for a permit of the year 1 that an older version took."""
    try:
        return instant.astimezone(ZoneInfo(zone))
    except OverflowError:
        return instant


def _is_against(new: Claim, other: Claim, ground: Ground) -> bool:
    is_alone = 1 in {ground.shares[new.area_id], ground.shares[other.area_id]}
    return is_alone and other.team != new.team and ground.meet(new.area_id, other.area_id)


def _most_at_once(new: Claim, held: Sequence[Claim]) -> int:
    """How many of these hold at the worst instant of the new claim; one that ends makes room at that instant."""
    steps = sorted([(max(one.starts, new.starts), 1) for one in held] + [(min(one.ends, new.ends), -1) for one in held])
    count = most = 0
    for _, step in steps:  # at one instant −1 sorts before 1
        count += step
        most = max(most, count)
    return most
