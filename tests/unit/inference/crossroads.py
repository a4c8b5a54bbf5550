"""A crossing without a map's file: a lane from the south that leads straight on, left or right, and one from the west."""

import numpy as np

from chelu.roads import sumo
from services.inference.network import NetworkRoads
from services.inference.placing import CANDIDATES, Placed
from services.inference.ways import STEP_M, Ways
from tests.unit.roads.networks import edge, net

OWN_M = 190.0  # of the lanes, which begin 200 m before the middle
_COUNT = 200


def _line(turn: int) -> np.ndarray:
    """From the south: straight on (0), or round a quarter of a circle of 10 m to the right (1) or left (−1)."""
    along = np.arange(_COUNT) * STEP_M
    arc = np.clip(along - OWN_M, 0.0, 5.0 * np.pi) / 10.0
    rest = np.maximum(along - OWN_M - 5.0 * np.pi, 0.0)
    if not turn:
        return np.stack([np.zeros(_COUNT), along - 200.0], axis=1)
    east = 10.0 * (1.0 - np.cos(arc)) + rest
    north = np.minimum(along, OWN_M) - 200.0 + 10.0 * np.sin(arc)
    return np.stack([turn * east, north], axis=1)


def ways() -> Ways:
    """Lane 0 comes from the south, lane 1 from the west."""
    lines = [_line(0), _line(-1), _line(1), _line(0)[:, ::-1]]
    return Ways(
        points=np.concatenate(lines),
        first=np.arange(4) * _COUNT,
        count=np.full(4, _COUNT),
        of_lane=np.array([[0, 1, 2, -1], [3, -1, -1, -1]]),
        own_m=np.full(4, OWN_M),
        turn_deg=np.array([0.0, -90.0, 90.0, 0.0]),
        limit_mps=np.full(4, 14.0),
    )


class Crossroads(NetworkRoads):
    """Everybody is on lane 0 or 1, by the heading."""

    def __init__(self):
        super().__init__(sumo.read(net(edge("south", "0,-200,0 0,400,0") + edge("west", "-200,0,0 400,0,0"))))
        self.ways = ways()  # elsewhere worked out of a map

    def place(self, xyz, heading_deg, before):
        lane = np.where(np.abs(heading_deg - 90.0) < 45.0, 1, 0)
        zero = np.zeros(len(xyz))
        heights = np.full((len(xyz), CANDIDATES), np.nan)
        heights[:, 0] = xyz[:, 2]
        along = np.where(lane == 1, xyz[:, 0], xyz[:, 1]) + 200.0
        return Placed(lane, along, zero, zero, zero, zero, heights)

    def leads_to(self, lane, other):
        return np.ones(len(lane), bool)

    may_cross = leads_to

    def is_single_lane(self, lane):
        return np.ones(len(lane), bool)

    def is_in_junction(self, lane):
        return np.zeros(len(lane), bool)

    def are_beside(self, lane, other):
        return np.zeros(len(lane), bool)
