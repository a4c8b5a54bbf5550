"""Who may use a lane, and which way one turns from it, in a MAP's words and in the road model's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chelu.roads.network import VEHICLES, User

Json = dict[str, Any]
_VEHICLE = "vehicle"
_BUS_ONLY, _BRIDGE = "restrictedToBusUse", "isVehicleFlyOverLane"
_SHARED: Mapping[str, User] = {
    "cyclistVehicleTraffic": User.BICYCLE,
    "pedestriansTraffic": User.PEDESTRIAN,
    "trackedVehicleTraffic": User.RAIL,
}
_OWN: Mapping[str, User] = {
    "bikeLane": User.BICYCLE,
    "sidewalk": User.PEDESTRIAN,
    "crosswalk": User.PEDESTRIAN,
    "trackedVehicle": User.RAIL,
}
_ALSO: Mapping[str, User] = {"pedestrianTraffic": User.PEDESTRIAN, "busVehicleTraffic": User.BUS}
_MANEUVERS = {"s": "Straight", "l": "Left", "L": "Left", "r": "Right", "R": "Right", "t": "UTurn"}
_DIRECTIONS = {f"maneuver{name}Allowed": letter for letter, name in _MANEUVERS.items() if letter.islower()}


def attributes(users: int, *, is_bridge: bool = False) -> Json:
    """LaneAttributes of a lane for these users; is_bridge: it lies on one, which is said of lanes for vehicles alone.

    What has no word there (a lane for cars without trucks) is lost.
    """
    who = User(users)
    if who & VEHICLES:
        bits = [_BUS_ONLY] if who & VEHICLES & ~User.EMERGENCY == User.BUS else []
        own, lane_type = VEHICLES, {_VEHICLE: [*([_BRIDGE] if is_bridge else []), *bits]}
    else:
        name = next((name for name, user in _OWN.items() if who & user), "sidewalk")
        own, lane_type = _OWN[name], {name: []}
    shared = [name for name, user in _SHARED.items() if who & user & ~own]
    return {"share_with": shared, "lane_type": lane_type} if shared else {"lane_type": lane_type}


def is_bridge(lane_attributes: Json | None) -> bool:
    """Whether a lane for vehicles is said to lead over others."""
    return lane_attributes is not None and _BRIDGE in lane_attributes["lane_type"].get(_VEHICLE, ())


def users_of(lane_attributes: Json | None) -> User:
    """Who may use a lane; one that says nothing is for vehicles. No one for medians, striping and parking."""
    if lane_attributes is None:
        return VEHICLES
    ((name, bits),) = lane_attributes["lane_type"].items()
    if name == _VEHICLE:
        who = User.BUS | User.EMERGENCY if _BUS_ONLY in bits else VEHICLES
    elif name in _OWN:
        who = _OWN[name]
    else:
        return User(0)
    for shared, user in (*_SHARED.items(), *_ALSO.items()):
        if shared in lane_attributes.get("share_with", ()):
            who |= user
    return who


def maneuvers(directions: Iterable[str]) -> list[str]:
    """AllowedManeuvers of directions as the road model has them."""
    return sorted({f"maneuver{_MANEUVERS[one]}Allowed" for one in directions if one in _MANEUVERS})


def direction(allowed: Iterable[str]) -> str | None:
    """The direction that a MAP says, when it says one alone."""
    found = {_DIRECTIONS[name] for name in allowed if name in _DIRECTIONS}
    return found.pop() if len(found) == 1 else None
