"""Traffic state of a large network: ten thousand segments, a hundred thousand vehicles, a step a second, against a plain loop.

A step is measured whole: map matching, what each vehicle drove and passed, queues, emissions; every fifth one ends five seconds
and makes rows for all segments, lane groups, junctions and the network. Judged is the slowest step.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.geo import heading_of
from chelu.roads.assemble import assemble
from chelu.roads.network import Connections, Kind, Links, Nodes, RoadNetwork, Signals, User, lines_of
from evaluation.bench.plain_state import PlainState
from evaluation.bench.report import Figure
from services.inference.city.state.layout import Scope
from services.inference.city.state.monitor import StateMonitor
from services.inference.city.state.sightings import Sightings

SIDE, QUICK_SIDE = 51, 17  # crossings along each side of the town
TRACKS, QUICK_TRACKS = 100_000, 10_000
STEPS, QUICK_STEPS = 16, 7
PLAIN_TRACKS = 2_000
BLOCK_M, HALF_M, ASIDE_M = 200.0, 12.0, 1.75
MOST_MS = 1000.0
NOW_US = 1_777_622_400_000_000
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def run(*, quick: bool = False) -> list[Figure]:
    """`state_100000_ms`, and how many times a plain loop takes."""
    network = town(QUICK_SIDE if quick else SIDE)
    monitor = StateMonitor(network)
    drive = Drive(network, QUICK_TRACKS if quick else TRACKS)
    taken, cpu = [], []
    for _ in range(QUICK_STEPS if quick else STEPS):
        seen, now_us = drive.next()
        began, began_cpu = time.perf_counter(), time.process_time()
        monitor.step(seen, now_us)
        taken.append((time.perf_counter() - began) * 1000.0)
        cpu.append((time.process_time() - began_cpu) * 1000.0)
    plain = PlainState(network)
    some = drive.next()[0].take(np.arange(PLAIN_TRACKS))
    plain.step(some)
    began_cpu = time.process_time()
    plain.step(drive.next()[0].take(np.arange(PLAIN_TRACKS)))
    plain_ms = (time.process_time() - began_cpu) * 1000.0 * len(drive) / PLAIN_TRACKS
    what = f"state of {len(monitor.layout.places[Scope.SEGMENT]):,} segments from {len(drive):,} vehicles"
    return [
        Figure(
            what=f"{what}, the slowest of {len(taken) - 1} steps",
            values=(max(taken[1:]),),
            unit="ms",
            key="state_100000_ms",
            bar=MOST_MS,
            is_limit=True,
        ),
        Figure(what=f"{what}, a step", values=tuple(taken[1:]), unit="ms"),
        Figure(
            what="a plain loop over the vehicles, by processor time",
            values=tuple(plain_ms / one for one in cpu[1:]),
            unit="×",
            key="state_vs_plain",
        ),
    ]


def town(side: int) -> RoadNetwork:
    """Streets in a square grid, a lane each way, ways across every crossing."""
    rows, columns = np.divmod(np.arange(side * side), side)
    place = np.column_stack([columns * BLOCK_M, rows * BLOCK_M, np.zeros(side * side)])
    one, two = _neighbours(rows, columns, side)
    unit = (place[two] - place[one]) / BLOCK_M
    right = np.column_stack([unit[:, 1], -unit[:, 0], unit[:, 2]]) * ASIDE_M
    begin, end = place[one] + HALF_M * unit + right, place[two] - HALF_M * unit + right
    turns = [(a, b) for a, ahead in enumerate(two.tolist()) for b in np.flatnonzero(one == ahead).tolist() if two[b] != one[a]]
    before, after = np.array(turns).T
    shapes = [np.stack(ends) for ends in zip(begin, end, strict=True)] + [np.stack([end[a], begin[b]]) for a, b in turns]
    count, ways = len(one), len(turns)
    length = np.array([float(np.linalg.norm(shape[1] - shape[0])) for shape in shapes])
    names = np.array([f"s{row}" for row in range(count)] + [f":w{row}" for row in range(ways)])
    lane = np.arange(count + ways, dtype=np.int32)
    home = two[before]

    def whole(value: float) -> Floats:
        return np.full(count + ways, value)

    begins, ends = np.concatenate([one, home]).astype(np.int32), np.concatenate([two, home]).astype(np.int32)
    kind = np.repeat([int(Kind.ROAD), int(Kind.JUNCTION)], [count, ways]).astype(np.int8)
    links = Links(names, names, begins, ends, length, whole(13.9), whole(0).astype(np.int32), kind)
    via = count + np.arange(ways)
    connections = Connections(
        before.astype(np.int32), after.astype(np.int32), via.astype(np.int32), np.full(ways, "s"), np.full(ways, -1, np.int32),
        np.full(ways, -1, np.int32),
    )  # fmt: skip
    empty = np.empty(0)
    signals = Signals(np.empty(0, "U1"), empty.astype(np.int32), empty, empty.astype(np.int32), empty, np.empty(0, "U1"))
    nodes = Nodes(
        np.array([f"n{row}" for row in range(side * side)]),
        place,
        np.full(side * side, "priority"),
        lines_of([np.empty((0, 3))] * side**2),
    )
    return assemble(
        nodes=nodes,
        links=links,
        lane_id=np.char.add(names, "_0"),
        lane_link=lane,
        lane_index=whole(0).astype(np.int32),
        width_m=whole(3.5),
        speed_limit_mps=whole(13.9),
        length_m=length,
        users=whole(int(User.CAR)).astype(np.int32),
        shape=lines_of(shapes),
        connections=connections,
        signals=signals,
    )


def _neighbours(rows: Ints, columns: Ints, side: int) -> tuple[Ints, Ints]:
    node = np.arange(side * side)
    pairs = []
    for step, is_inside in ((1, columns < side - 1), (side, rows < side - 1)):
        here = node[is_inside]
        pairs += [np.stack([here, here + step]), np.stack([here + step, here])]
    one, two = np.concatenate(pairs, axis=1)
    return one, two


@dataclass(slots=True)
class Drive:
    """Vehicles that drive at 3 to 13 m/s and turn as it comes; some stand at the ends of their streets."""

    network: RoadNetwork
    count: int
    lane: Ints
    along_m: Floats
    speed_mps: Floats
    second: int
    follow: Ints  # (lanes, 3): what each lane leads to, −1 where there is no more

    def __init__(self, network: RoadNetwork, count: int) -> None:
        rng = np.random.default_rng(0)
        streets = int(np.count_nonzero(network.links.kind == Kind.ROAD))
        self.network, self.count, self.second = network, count, 0
        self.lane = rng.integers(0, streets, count)
        self.along_m = rng.uniform(0.0, 170.0, count)
        self.speed_mps = np.where(rng.random(count) < 0.2, 0.0, rng.uniform(3.0, 13.0, count))
        links = network.connections
        first = np.full((len(network.lanes.id), 3), -1, np.int64)
        for a, v, b in zip(links.from_lane.tolist(), links.via.tolist(), links.to_lane.tolist(), strict=True):
            slot = int((first[a] >= 0).sum())
            first[a, slot], first[v, 0] = v, b
        self.follow = first

    def __len__(self) -> int:
        return self.count

    def next(self) -> tuple[Sightings, int]:
        """A second on."""
        self.second += 1
        self.along_m = self.along_m + self.speed_mps
        length = self.network.lanes.length_m
        for _ in range(3):
            over = np.flatnonzero(self.along_m > length[self.lane])
            choice = self.follow[self.lane[over], (over + self.second) % 3]
            choice = np.where(choice >= 0, choice, self.follow[self.lane[over], 0])
            self.along_m[over] -= length[self.lane[over]]
            self.lane[over] = choice
        points, start = self.network.lanes.shape.points, self.network.lanes.shape.start
        step = points[start[self.lane] + 1] - points[start[self.lane]]
        share = self.along_m / np.linalg.norm(step, axis=1)
        noise = np.random.default_rng(self.second).normal(0.0, 0.4, (self.count, 3)) * np.array([1.0, 1.0, 0.0])
        xyz = points[start[self.lane]] + share[:, None] * step + noise
        now_us = NOW_US + self.second * 1_000_000
        heading = np.asarray(heading_of(step[:, 0], step[:, 1]))
        count, zero = self.count, np.zeros(self.count)
        seen = Sightings(
            slot=np.arange(count),
            generation=np.zeros(count, np.int64),
            time_us=np.full(count, now_us),
            xyz=xyz,
            heading_deg=heading,
            speed_mps=self.speed_mps,
            acceleration_mps2=zero,
            length_m=zero,
            is_seen=np.zeros(count, np.bool_),
        )
        return seen, now_us
