"""Signal phases by number: what a phase is for, by either of the two rules that roadside computers follow. Pure tables.

*annex_b*: T/ITS 0180.1-2021, tables B.3 to B.5. *entry*: four bits of the entry's side above four of the lamp's kind, table 23;
the sides are numbered as in GB/T 20999, clockwise from north.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Rule = Literal["annex_b", "entry"]
RULES: tuple[Rule, ...] = ("annex_b", "entry")
SIDES = 8
UNSAID = 255  # in columns, where a number says nothing
EAST = 2


class Movement(enum.IntEnum):
    """What a lamp lets through."""

    STRAIGHT = 1
    LEFT = 2
    RIGHT = 3
    TURN_BACK = 4
    RESERVED = 5
    STRAIGHT_TO_WAIT = 6
    LEFT_TO_WAIT = 7


class User(enum.IntEnum):
    """Whom a lamp is for: ParticipantType of YD/T 3709."""

    MOTOR = 1
    NON_MOTOR = 2
    PEDESTRIAN = 3


@dataclass(frozen=True, slots=True)
class Phase:
    """approach: 0 north, clockwise to 7 north-west; movement None: the number does not say."""

    approach: int
    movement: Movement | None
    user: User


# Kind of lamp (table 23) → movement and user.
LAMPS: Mapping[int, tuple[Movement | None, User]] = {
    1: (Movement.STRAIGHT, User.MOTOR),
    2: (Movement.LEFT, User.MOTOR),
    3: (Movement.RIGHT, User.MOTOR),
    4: (None, User.MOTOR),
    5: (Movement.LEFT, User.NON_MOTOR),
    6: (Movement.RIGHT, User.NON_MOTOR),
    7: (None, User.NON_MOTOR),
    8: (None, User.PEDESTRIAN),
    9: (Movement.TURN_BACK, User.MOTOR),
    10: (None, User.MOTOR),
    11: (None, User.MOTOR),
    12: (None, User.MOTOR),
    13: (Movement.STRAIGHT, User.MOTOR),
    14: (Movement.LEFT, User.MOTOR),
    15: (Movement.RIGHT, User.MOTOR),
}


@cache
def phases(rule: Rule) -> Mapping[int, Phase]:
    """Every number that a rule knows."""
    return dict(_annex_b() if rule == "annex_b" else _entry())


@dataclass(frozen=True, slots=True)
class Columns:
    """Of numbers 0 … 280: is_known, and approach, movement, road_user, `UNSAID` where nothing is said."""

    is_known: npt.NDArray[np.bool_]
    approach: npt.NDArray[np.uint8]
    movement: npt.NDArray[np.uint8]
    road_user: npt.NDArray[np.uint8]


LARGEST = 280


@cache
def columns(rule: Rule) -> Columns:
    """A rule as columns to be looked up in."""
    known = np.zeros(LARGEST + 1, np.bool_)
    said = [np.full(LARGEST + 1, UNSAID, np.uint8) for _ in range(3)]
    for number, phase in phases(rule).items():
        known[number] = True
        for column, value in zip(said, (phase.approach, phase.movement, phase.user), strict=True):
            column[number] = UNSAID if value is None else int(value)
    return Columns(known, *said)


def number_of(rule: Rule, phase: Phase) -> int | None:
    """The lowest number of a phase by a rule; None where the rule has none for it."""
    return min((number for number, known in phases(rule).items() if known == phase), default=None)


def side_of(heading_deg: float) -> int:
    """The side, 0 north … 7 north-west, that lies in a direction clockwise from north."""
    return int(np.floor(heading_deg / 45 + 0.5)) % SIDES


def _annex_b() -> list[tuple[int, Phase]]:
    found = []
    for place in range(SIDES):  # east first, clockwise
        side, first = (EAST + place) % SIDES, 1 + 5 * place
        for movement in range(5):
            found.append((first + movement, Phase(side, Movement(1 + movement), User.MOTOR)))
            found.append((200 + first + movement, Phase(side, Movement(1 + movement), User.NON_MOTOR)))
            found.append((240 + first + movement, Phase(side, None, User.PEDESTRIAN)))
        found.append((100 + first, Phase(side, Movement.STRAIGHT_TO_WAIT, User.MOTOR)))
        found.append((101 + first, Phase(side, Movement.LEFT_TO_WAIT, User.MOTOR)))
    return found


def _entry() -> list[tuple[int, Phase]]:
    return [(side << 4 | lamp, Phase(side, *said)) for side in range(SIDES) for lamp, said in LAMPS.items()]
