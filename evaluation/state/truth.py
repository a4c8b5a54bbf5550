"""What SUMO's detectors counted in a drive, as columns by lane, segment and minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from evaluation.state.drive import AREA_S, EDGE_S, LOOP_S, WARM_UP_S

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Truth:
    """After the warm-up.

    By segment and minute (s, m): seconds spent and metres driven (edgeData; it counts a vehicle until its rear has left),
    vehicles that entered, those over the loops at its middle with their mean speed (NaN without any), seconds lost. By lane and
    five seconds (n, k): vehicles in the longest jam, in the mean (`jam`) and at most. turns: (segment, segment) → vehicles.
    trips: (first segment, last segment) → vehicles that arrived.
    """

    time_s: Floats
    way_m: Floats
    entered: Floats
    loops: Floats
    loop_speed_mps: Floats
    lost_s: Floats
    jam: Floats
    jam_most: Floats
    turns: Counter[tuple[int, int]]
    trips: Counter[tuple[int, int]]


def read(home: Path, segment_of: dict[str, int], lane_of: dict[str, int], seconds: int) -> Truth:
    """Truth of a drive of so many seconds; segment_of, lane_of: rows of edges and of lanes."""
    segments, minutes = len(segment_of), seconds // EDGE_S
    time_s, way_m, entered, lost, loops, speeds = (np.zeros((segments, minutes)) for _ in range(6))
    for column, element in _intervals(home / "edges.xml", "edge", EDGE_S):
        row = segment_of.get(element.get("id", ""))
        if row is not None and 0 <= column < minutes:
            spent = float(element.get("sampledSeconds", 0.0))
            time_s[row, column] = spent
            way_m[row, column] = spent * float(element.get("speed", 0.0))
            entered[row, column] = float(element.get("entered", 0))
            lost[row, column] = float(element.get("timeLoss", 0.0))
    for begin, element in _flat(home / "loops.xml", LOOP_S):
        row = segment_of.get(element.get("id", "")[2:].rpartition("_")[0])
        if row is not None and 0 <= begin < minutes:
            count = float(element.get("nVehContrib", 0))
            loops[row, begin] += count
            speeds[row, begin] += count * max(float(element.get("speed", 0.0)), 0.0)
    jam, jam_most = (np.zeros((len(lane_of), seconds // AREA_S)) for _ in range(2))
    for begin, element in _flat(home / "areas.xml", AREA_S):
        row = lane_of.get(element.get("id", "")[2:])
        if row is not None and 0 <= begin < jam.shape[1]:
            jam[row, begin] = float(element.get("meanMaxJamLengthInVehicles", 0.0))
            jam_most[row, begin] = float(element.get("maxJamLengthInVehicles", 0.0))
    speed = np.where(loops > 0, speeds / np.maximum(loops, 1.0), np.nan)
    turns, trips = _routes(home / "routes.xml", segment_of, seconds)
    return Truth(time_s, way_m, entered, loops, speed, lost, jam, jam_most, turns, trips)


def _intervals(file: Path, tag: str, period_s: int) -> Iterator[tuple[int, ElementTree.Element]]:
    """The elements of every interval with the interval's number after the warm-up."""
    column = -1
    for event, element in ElementTree.iterparse(file, ("start", "end")):  # noqa: S314 (SUMO wrote it just now)
        if event == "start" and element.tag == "interval":
            column = round((float(element.get("begin", 0.0)) - WARM_UP_S) / period_s)
        elif event == "end" and element.tag == tag:
            yield column, element
        elif event == "end" and element.tag == "interval":
            element.clear()


def _flat(file: Path, period_s: int) -> Iterator[tuple[int, ElementTree.Element]]:
    """Intervals that are elements of their own."""
    for _, element in ElementTree.iterparse(file):  # noqa: S314 (SUMO wrote it just now)
        if element.tag == "interval":
            yield round((float(element.get("begin", 0.0)) - WARM_UP_S) / period_s), element
            element.clear()


Pairs = Counter[tuple[int, int]]


def _routes(file: Path, segment_of: dict[str, int], seconds: int) -> tuple[Pairs, Pairs]:
    """Turns that were taken and trips that ended after the warm-up."""
    turns, trips = Pairs(), Pairs()
    for _, element in ElementTree.iterparse(file):  # noqa: S314 (SUMO wrote it just now)
        if element.tag != "route" or not element.get("exitTimes"):
            continue
        edges = [segment_of[name] for name in (element.get("edges") or "").split()]
        times = [float(text) for text in (element.get("exitTimes") or "").split()]
        inside = [WARM_UP_S <= left_s < WARM_UP_S + seconds for left_s in times]
        turns.update(pair for pair, is_in in zip(pairwise(edges), inside, strict=False) if is_in)
        if inside[-1]:
            trips[edges[0], edges[-1]] += 1
    return turns, trips
