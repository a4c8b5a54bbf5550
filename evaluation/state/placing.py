"""How often map matching finds the right segment, with places and heights that are off, against matching without memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.roads.matching import match
from chelu.roads.network import RoadNetwork
from evaluation.state.drive import WARM_UP_S
from evaluation.state.judge import Drive, Floats, placed
from services.inference.city.state.layout import layout_of
from services.inference.city.state.matching import Matcher
from services.inference.city.state.reach import reach_of

JUDGED_S = 300


@dataclass(frozen=True, slots=True)
class Errors:
    """Of places: what stays the same for a vehicle (plan, height), what changes each second, and whether it knows its height."""

    bias_m: float = 0.0
    jitter_m: float = 0.0
    height_m: float = 0.0
    has_height: bool = True


TRIALS: Mapping[str, Errors] = {
    "exact": Errors(),
    "exact, no heights": Errors(has_height=False),
    "2 m off": Errors(1.6, 1.2, 2.0),
    "2 m off, heights 15 m off": Errors(1.6, 1.2, 15.0),
    "2 m off, no heights": Errors(1.6, 1.2, has_height=False),
    "4 m off, no heights": Errors(3.2, 2.4, has_height=False),
}


def judge(network: RoadNetwork, drive: Drive, errors: Errors) -> dict[str, float]:
    """Shares of sightings on the right segment, and on the right deck, by the model and without memory; of those on segments."""
    layout = layout_of(network)
    link_m = np.where(layout.first_lane >= 0, layout.length_m[layout.first_lane], 0.0)
    matcher = Matcher(network, layout, reach_of(network, link_m))
    off = _Offsets(drive, errors)
    right = np.zeros((2, 2))
    total = 0
    for second in range(WARM_UP_S - 60, WARM_UP_S + min(JUDGED_S, drive.seconds)):
        rows = np.arange(drive.start[second], drive.start[second + 1])
        fronts = placed(drive.columns, rows) + off.of(rows, second)
        vehicle, heading = drive.columns["vehicle"][rows].astype(np.int64), drive.columns["heading"][rows]
        now = np.full(len(rows), second * 1_000_000)
        ours = matcher.match(vehicle, np.zeros(len(rows), np.int64), now, fronts, heading).lane
        plain = match(network, fronts, heading).lane.astype(np.int64)
        if second >= WARM_UP_S:
            true = drive.columns["lane"][rows].astype(np.int64)
            known = (true >= 0) & (layout.segment[true] >= 0)
            total += int(known.sum())
            for row, lane in enumerate((ours, plain)):
                right[row] += _right(network, lane[known], true[known])
    shares = 100.0 * right / max(total, 1)
    names = ("segment_percent", "deck_percent"), ("plain_segment_percent", "plain_deck_percent")
    told = {
        name: float(value) for row, values in zip(names, shares, strict=True) for name, value in zip(row, values, strict=True)
    }
    return {"sightings": total, **told}


def _right(network: RoadNetwork, lane: npt.NDArray[np.int64], true: npt.NDArray[np.int64]) -> Floats:
    """How many are on the right segment, and how many on the right deck."""
    is_on = lane >= 0
    link, deck = network.lanes.link, network.lanes.deck
    return np.array([np.sum(is_on & (link[lane] == link[true])), np.sum(is_on & (deck[lane] == deck[true]))], np.float64)


class _Offsets:
    """How far each sighting is off, from a seed."""

    def __init__(self, drive: Drive, errors: Errors) -> None:
        self._errors, self._vehicle = errors, drive.columns["vehicle"].astype(np.int64)
        spread = np.array([errors.bias_m, errors.bias_m, errors.height_m])
        self._bias = np.random.default_rng(0).normal(0.0, 1.0, (len(drive.columns["names"]), 3)) * spread

    def of(self, rows: npt.NDArray[np.int64], second: int) -> Floats:
        """Of sightings in a second (n, 3); NaN where a height is not known."""
        jitter = self._errors.jitter_m * np.array([1.0, 1.0, 0.5])
        off = self._bias[self._vehicle[rows]] + np.random.default_rng(second).normal(0.0, 1.0, (len(rows), 3)) * jitter
        if not self._errors.has_height:
            off[:, 2] = np.nan
        return np.asarray(off)
