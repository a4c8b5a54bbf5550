"""What lanelet2's subtypes and participants mean for the house's road model: who may use a lanelet, and how fast."""

from __future__ import annotations

import math
from collections.abc import Mapping

from chelu.roads.network import VEHICLES, User

_DRIVEN = VEHICLES | User.BICYCLE
# Subtypes that are not here are no lanes to go on: they are listed as left out.
USERS: Mapping[str, User] = {
    "road": _DRIVEN,
    "highway": VEHICLES,
    "play_street": _DRIVEN | User.PEDESTRIAN,
    "exit": _DRIVEN | User.PEDESTRIAN,
    "emergency_lane": User.EMERGENCY,
    "bus_lane": User.BUS | User.EMERGENCY,
    "bicycle_lane": User.BICYCLE,
    "shared_walkway": User.PEDESTRIAN | User.BICYCLE,
    "walkway": User.PEDESTRIAN,
    "pedestrian_lane": User.PEDESTRIAN,
    "crosswalk": User.PEDESTRIAN,
    "stairs": User.PEDESTRIAN,
    "rail": User.RAIL,
}
_PARTICIPANTS: Mapping[str, User] = {
    "vehicle": VEHICLES,
    "vehicle:car": User.CAR,
    "vehicle:truck": User.TRUCK,
    "vehicle:bus": User.BUS,
    "vehicle:motorcycle": User.MOTORCYCLE,
    "vehicle:taxi": User.CAR,
    "vehicle:emergency": User.EMERGENCY,
    "bicycle": User.BICYCLE,
    "pedestrian": User.PEDESTRIAN,
    "train": User.RAIL,
}
PARTICIPANT = "participant:"
DEFAULT_SUBTYPE = "road"  # a lanelet that says none
MPS: Mapping[str, float] = {"km/h": 1 / 3.6, "kmh": 1 / 3.6, "mph": 0.44704, "m/s": 1.0, "mps": 1.0}


def users_of(tags: Mapping[str, str]) -> User:
    """Who may use a lanelet: as its participants say, else as its subtype does; none for a subtype that is no lane."""
    said = {key.removeprefix(PARTICIPANT): value for key, value in tags.items() if key.startswith(PARTICIPANT)}
    named = User(0)
    for name in (name for name, value in said.items() if value in {"yes", "true", "1"}):
        named |= _PARTICIPANTS.get(name, User(0))
    if named:
        return named
    users = USERS.get(tags.get("subtype", DEFAULT_SUBTYPE), User(0))
    for name in said:
        users &= ~_PARTICIPANTS.get(name, User(0))
    return users


def limit_mps(text: str) -> float:
    """A speed limit: a number of km/h, or one with its unit; ValueError for anything else, NaN for an empty text."""
    number, _, unit = text.strip().partition(" ")
    if not number:
        return math.nan
    value = float(number)
    if not (math.isfinite(value) and value > 0.0 and (not unit or unit.strip() in MPS)):
        raise ValueError(f"speed_limit = {text[:40]!r}: km/h, or a number and one of {', '.join(MPS)}")
    return value * MPS[unit.strip() if unit else "km/h"]
