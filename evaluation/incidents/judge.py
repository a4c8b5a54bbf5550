"""What was detected of the staged incidents, how soon, and what was raised for nothing, by share of vehicles that speak."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chelu.roads.network import RoadNetwork
from evaluation.incidents.staging import SAMPLES, STAGED, Staged
from services.inference.city.incidents.lanes import LaneSpots
from services.inference.city.incidents.parameters import IncidentParameters
from services.inference.city.incidents.watch import Incident, IncidentWatch, Kind, Tracks
from services.inference.reports import Floats

PLACE_SIGMA_M, SPEED_SIGMA_MPS = 0.5, 0.2
DAY_S = 86_400.0
AFTER_S = 120.0  # what an incident leaves behind is not over with it
BASE_US = 1_767_571_200_000_000


@dataclass(frozen=True, slots=True)
class Drive:
    """samples (n, 6): second, vehicle, x, y, z, speed, by time; what was staged; seconds."""

    samples: Floats
    staged: tuple[Staged, ...]
    seconds: int

    @classmethod
    def read(cls, home: Path, seconds: int) -> Drive:
        """Of a recording."""
        with np.load(home / SAMPLES, allow_pickle=False) as archive:
            samples = archive["samples"]
        staged = json.loads((home / STAGED).read_text(encoding="utf-8"))
        return cls(samples, tuple(Staged(**one) for one in staged), seconds)


def detect(drive: Drive, spots: LaneSpots, parameters: IncidentParameters, *, penetration: float, seed: int) -> list[Incident]:
    """All incidents that were raised; so many of the vehicles speak, with places and speeds that are off."""
    rng = np.random.default_rng(seed)
    vehicles = int(drive.samples[:, 1].max()) + 1
    speaks = rng.random(vehicles) < penetration
    samples = drive.samples[speaks[drive.samples[:, 1].astype(np.int64)]]
    start = np.searchsorted(samples[:, 0], np.arange(1, drive.seconds + 2))
    watch, raised = IncidentWatch(spots, parameters), list[Incident]()
    for second in range(1, drive.seconds + 1):
        rows = samples[start[second - 1] : start[second]]
        if not len(rows):
            continue
        xyz = rows[:, 2:5] + rng.normal(0.0, PLACE_SIGMA_M, (len(rows), 3))
        speed = np.abs(rows[:, 5] + rng.normal(0.0, SPEED_SIGMA_MPS, len(rows)))
        tracks = Tracks(rows[:, 1].astype(np.int64), np.zeros(len(rows), np.int64), xyz, speed)
        raised += [one for one in watch.update(tracks, BASE_US + second * 1_000_000) if not one.over_us]
    return raised


def judge(drive: Drive, raised: list[Incident], network: RoadNetwork) -> dict[str, Any]:
    """By kind what was staged, found and how soon; the rest is false, but what lies in the queue behind a staged one."""
    found: dict[str, list[float]] = {kind: [] for kind in Kind}
    explained = np.zeros(len(raised), np.bool_)
    edges = [str(network.links.id[network.lanes.link[one.finding.lane]]) for one in raised]
    at_s = [(one.raised_us - BASE_US) / 1e6 for one in raised]
    for staged in drive.staged:
        near = [_is_near(staged, edge, at, network) for edge, at in zip(edges, at_s, strict=True)]
        explained |= np.array(near, np.bool_)
        hits = [at for at, edge, one, is_near in zip(at_s, edges, raised, near, strict=True)
                if is_near and edge == staged.edge and one.finding.kind == staged.kind and at <= staged.end_s]  # fmt: skip
        if hits:
            found[staged.kind].append(min(hits) - staged.begin_s)
    counts = Counter(one.kind for one in drive.staged)
    false = Counter(str(one.finding.kind) for one, is_true in zip(raised, explained, strict=True) if not is_true)
    delays = [delay for of in found.values() for delay in of]
    return {
        **_figures(len(drive.staged), delays),
        "kinds": {kind: _figures(counts[kind], found[kind]) for kind in Kind},
        "false": dict(false),
    }


def false_a_day(raised: list[Incident], seconds: int) -> dict[str, float]:
    """Of ordinary traffic, in which nothing was staged: by kind."""
    counts = Counter(str(one.finding.kind) for one in raised)
    return {kind: round(counts[kind] * DAY_S / seconds, 1) for kind in Kind}


def _is_near(staged: Staged, edge: str, at_s: float, network: RoadNetwork) -> bool:
    """Whether it was raised while it lasted or left its queue, on its road or one that leads there."""
    if not staged.begin_s <= at_s <= staged.end_s + AFTER_S:
        return False
    return edge == staged.edge or edge in _upstream(network, staged.edge)


def _upstream(network: RoadNetwork, edge: str) -> set[str]:
    """Roads from which one comes to a road directly, or over one between."""
    links, lanes = network.connections, network.lanes
    of_from, of_to = network.links.id[lanes.link[links.from_lane]], network.links.id[lanes.link[links.to_lane]]
    first = {str(one) for one in of_from[of_to == edge]}
    return first | {str(one) for one in of_from[np.isin(of_to, list(first))]}


def _figures(staged: int, delays: list[float]) -> dict[str, Any]:
    return {
        "staged": staged,
        "detected": len(delays),
        "detection_percent": round(100.0 * len(delays) / staged, 1) if staged else None,
        "seconds_to_detect_p50": round(float(np.median(delays)), 1) if delays else None,
        "seconds_to_detect_p95": round(float(np.percentile(delays, 95)), 1) if delays else None,
    }
