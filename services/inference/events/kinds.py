"""What the codes of road events and signs mean to the applications.

Events: GB/T 29100-2012; the class is the hundreds of the code, the number within the class the rest. Signs: the number in the
index of GB 5768.2-2009. Single codes that are only known by report are parameters: a site says its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from chelu.road_events.catalogue import CONGESTION, LAST_SIGN, find
from services.inference.parameters import parameter

_CODE = 65_535.0


class Meaning(IntEnum):
    """What an event or a sign is for. Nothing is made of what is unknown."""

    UNKNOWN = 0
    HAZARD = 1
    WEATHER = 2
    CONGESTION = 3
    SIGN = 4


class Users(IntFlag):
    """For which vehicles a sign holds; 0 stands for all."""

    CAR = 1
    TRUCK = 2
    BUS = 4


@dataclass(frozen=True, slots=True)
class EventParameters:
    """How events are kept and placed; docs/events.md carries this as a table."""

    kept_s: float = parameter(
        600.0, "s", "an RSI without an end holds so long after it was last told: units tell them on change", high=86_400.0
    )
    perceived_kept_s: float = parameter(
        5.0, "s", "what a roadside computer perceives: T/ITS 0180.1 has it repeated every second", low=0.2, high=3600.0
    )
    same_m: float = parameter(30.0, "m", "two senders' events of one code that lie so near are one", low=1.0, high=500.0)
    same_deg: float = parameter(60.0, "°", "unless their paths point so far apart", high=180.0)
    heading_deg: float = parameter(45.0, "°", "who drives along a path is turned from it by less", low=5.0, high=90.0)
    reach_m: float = parameter(500.0, "m", "how far ahead events are looked for along the lanes", low=50.0, high=2000.0)
    straight_m: float = parameter(
        200.0, "m", "without a map: how far ahead a way is taken for straight where no path leads", high=500.0
    )
    straight_deg: float = parameter(10.0, "°", "and is taken so only for who is turned from the path's begin by less", high=45.0)
    loose_share: float = parameter(
        1.6,
        "1",
        "hysteresis: so much further aside than its reach an event is still held on to, though not begun with",
        low=1.0,
        high=5.0,
    )
    half_lane_m: float = parameter(1.75, "m", "a place this near to a way lies on it: half a lane of 3.5 m", high=10.0)
    congestion_code: float = parameter(float(CONGESTION), "1", "GB/T 29100-2012, as public code tables have it", high=_CODE)


_EVENT_CLASSES = {
    1: Meaning.HAZARD,  # accidents and breakdowns
    2: Meaning.HAZARD,  # disasters
    3: Meaning.WEATHER,
    4: Meaning.HAZARD,  # state of the road: objects, people, water, ice
    5: Meaning.HAZARD,  # works
    6: Meaning.HAZARD,  # gatherings
    9: Meaning.HAZARD,  # vehicles that do what they must not
}


def meaning_of(*, is_sign: bool, code: int, text: str, p: EventParameters) -> Meaning:
    """What this code is for; a sign that the index does not have says something by its text only."""
    if is_sign:
        return Meaning.SIGN if 0 < code <= LAST_SIGN or text else Meaning.UNKNOWN
    if code == round(p.congestion_code):
        return Meaning.CONGESTION
    return _EVENT_CLASSES.get(code // 100, Meaning.UNKNOWN)


def name_of(*, is_sign: bool, code: int) -> str:
    """In words, "" where the code says nothing."""
    entry = find(code, is_sign=is_sign)
    return "" if entry is None else entry.english


_SIGN_CODE = re.compile(r"^\s*\d{16}")  # GB/T 30699-2014: a sign's own number, before its text
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LOWEST_KMH, _HIGHEST_KMH = 5.0, 120.0
_WORDS = {
    Users.CAR: re.compile(r"小型|小客车|轿车|\bcars?\b"),
    Users.BUS: re.compile(r"(?<!小型)(?<!小)客车|\b(bus|coach)(es)?\b"),
    Users.TRUCK: re.compile(r"货车|\b(truck|lorr(y|ie))s?\b"),
}


def limit_of(text: str) -> float:
    """The limit that a sign's text names, m/s; NaN unless it names one and only one between 5 and 120 km/h."""
    numbers = [float(one) for one in _NUMBER.findall(_SIGN_CODE.sub("", text))]
    if len(numbers) != 1 or not _LOWEST_KMH <= numbers[0] <= _HIGHEST_KMH:
        return float("nan")
    return numbers[0] / 3.6


def users_of(text: str) -> Users:
    """For which vehicles a sign's text says that it holds; none named: for all."""
    found = Users(0)
    for users, words in _WORDS.items():
        if words.search(text.lower()):
            found |= users
    return found
