"""What the codes of road events and signs mean to the applications.

Events: GB/T 29100-2012; the class is the hundreds of the code, the number within the class the rest. Signs: the number in the
index of GB 5768.2-2009. Single codes that are only known by report are parameters: a site says its own.
"""

from __future__ import annotations

import re
from enum import IntEnum, IntFlag

from chelu.applications.common import EventParameters
from chelu.road_events.catalogue import LAST_SIGN, find


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
