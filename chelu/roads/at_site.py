"""A road file in the metres of a site, ready to be driven on: what the registry keeps of maps is what inference drives on."""

from __future__ import annotations

from dataclasses import replace

from chelu.geo import LocalFrame
from chelu.roads.assemble import assemble
from chelu.roads.network import RoadNetwork
from chelu.roads.opening import Opened, open_roads
from chelu.roads.pairing import placed_in


def open_at(content: bytes, file: str, frame: LocalFrame) -> Opened:
    """The roads in a file of any format, in the site's metres; those of a file that has only metres begin at the site's origin.

    Raises what `open_roads` raises.
    """
    found = open_roads(content, file, origin=frame)
    if found.frame is None or found.frame == frame:
        return found
    return replace(found, network=_anew(placed_in(found.network, found.frame, frame)), frame=frame)


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
