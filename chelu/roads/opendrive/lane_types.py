"""What OpenDRIVE's lane types mean for the house's road model: who may use them."""

from __future__ import annotations

from collections.abc import Mapping

from chelu.roads.network import VEHICLES, User

_DRIVEN = VEHICLES | User.BICYCLE
# Types that are not here (none, border, curb, median, restricted, shoulder, stop, parking, roadWorks, …) are no lanes to go on.
USERS: Mapping[str, User] = {
    **dict.fromkeys(("driving", "bidirectional", "connectingRamp", "slipLane", "special1", "special2", "special3"), _DRIVEN),
    **dict.fromkeys(("entry", "exit", "offRamp", "onRamp", "mwyEntry", "mwyExit", "HOV", "shared"), VEHICLES),
    "bus": User.BUS | User.EMERGENCY,
    "taxi": User.CAR | User.EMERGENCY,
    "biking": User.BICYCLE,
    "sidewalk": User.PEDESTRIAN,
    "walking": User.PEDESTRIAN,
    "tram": User.RAIL,
    "rail": User.RAIL,
}
