"""A road file in the metres of a site, ready to be driven on: what the registry keeps of maps is what inference drives on."""

from __future__ import annotations

import math
from dataclasses import replace

from chelu.errors import CheluError, MalformedError
from chelu.geo import LocalFrame
from chelu.messages import DropReason
from chelu.roads.assemble import assemble
from chelu.roads.network import RoadNetwork
from chelu.roads.opening import Opened, open_roads
from chelu.roads.pairing import placed_in

EARTH_M = 6_371_000.0
FURTHEST_M = 200_000.0  # as the readers have it for a point of a file from its own origin
ZERO = LocalFrame(0.0, 0.0)
DISTANCES = (
    "its places lie around 0° N, 0° E, as in a file whose degrees stand for distances: a site at 0, 0 takes it; elsewhere its "
    "nodes need places of their own, or metres from the site's origin (local_x and local_y)"
)


def open_at(content: bytes, file: str, frame: LocalFrame) -> Opened:
    """The roads in a file of any format, in the site's metres; those of a file that has only metres begin at the site's origin.

    Raises what `open_roads` raises, and MalformedError for roads that lie somewhere else on Earth.
    """
    try:
        found = open_roads(content, file, origin=frame)
    except MalformedError as error:
        if _lies_at_zero(content, file, frame):
            raise MalformedError(DropReason.UNDECODABLE, f"{error.detail}; {DISTANCES}") from None
        raise
    if found.frame is None or found.frame == frame:
        return found
    if (away_m := apart_m(found.frame, frame)) > FURTHEST_M:
        what = f"{file}: it lies {away_m / 1000:.0f} km from the site's origin, the limit is {FURTHEST_M / 1000:.0f} km"
        hint = f"; {DISTANCES}" if apart_m(found.frame, ZERO) < FURTHEST_M else ""
        raise MalformedError(DropReason.UNDECODABLE, what + hint)
    return replace(found, network=_anew(placed_in(found.network, found.frame, frame)), frame=frame)


def _lies_at_zero(content: bytes, file: str, frame: LocalFrame) -> bool:
    """Whether a file can be read by itself, and lies around 0° N 0° E, while the site does not."""
    if apart_m(frame, ZERO) < FURTHEST_M:
        return False
    try:
        own = open_roads(content, file).frame
    except CheluError:
        return False
    return own is not None and apart_m(own, ZERO) < FURTHEST_M


def apart_m(one: LocalFrame, other: LocalFrame) -> float:
    """Between two origins, along a great circle."""
    a, b = ((math.radians(each.latitude_deg), math.radians(each.longitude_deg)) for each in (one, other))
    square = math.sin((b[0] - a[0]) / 2) ** 2 + math.cos(a[0]) * math.cos(b[0]) * math.sin((b[1] - a[1]) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(square)))


def _anew(network: RoadNetwork) -> RoadNetwork:
    """A network whose points have moved, with all that is worked out from them."""
    lanes = network.lanes
    return assemble(
        nodes=network.nodes,
        links=network.links,
        lane_id=lanes.id,
        lane_link=lanes.link,
        lane_index=lanes.index,
        width_m=lanes.width_m,
        speed_limit_mps=lanes.speed_limit_mps,
        length_m=lanes.length_m,
        users=lanes.users,
        shape=lanes.shape,
        connections=network.connections,
        signals=network.signals,
    )
