"""A stand-in for inference: pictures of a crowd that drives about the district, ten times a second, for whoever looks at them.

Run as a part of a site under inference's account (``python -m evaluation.bench.crowd``); CHELU_BENCH_CROWD says how many.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu import daemon
from chelu.bus import BulkSession
from chelu.clock import SystemClock
from chelu.codec import columns
from chelu.geo import heading_of
from chelu.messages import Batch
from chelu.roads import sumo
from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from chelu.topics import PICTURE

SITE, COUNT_VARIABLE = "crowd", "CHELU_BENCH_CROWD"
NETWORK = Path(__file__).parents[2] / "simulators" / "data" / "district.net.xml.gz"
ORIGIN: Mapping[str, Any] = {"latitude_deg": 29.55, "longitude_deg": 106.57, "elevation_m": 250.0}
PERIOD_S = 0.1
SPEED_MPS = (5.0, 20.0)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Track:
    """A round of places one metre apart, along all lanes one after the other: xyz (n, 3), heading and deck (n,)."""

    xyz: Floats
    heading_deg: Floats
    deck: npt.NDArray[np.int8]


def track_of(network: RoadNetwork) -> Track:
    """Along the lanes that vehicles may use."""
    lanes = network.lanes
    rows = np.flatnonzero(((lanes.users & int(VEHICLES)) != 0) & (network.lane_kind() != Kind.JUNCTION))
    pieces = [_sampled(lanes.shape[row]) for row in rows.tolist()]
    counts = [len(piece) for piece, _ in pieces]
    headings = np.concatenate([heading for _, heading in pieces])
    return Track(np.concatenate([piece for piece, _ in pieces]), headings, np.repeat(lanes.deck[rows], counts).astype(np.int8))


def _sampled(shape: Floats) -> tuple[Floats, Floats]:
    """Places each metre along a line (k, 3), and its heading there."""
    steps = np.diff(shape, axis=0)
    ends = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    at = np.arange(0.0, ends[-1], 1.0)
    piece = np.clip(np.searchsorted(ends, at, side="right") - 1, 0, len(steps) - 1)
    xyz = np.column_stack([np.interp(at, ends, shape[:, axis]) for axis in range(3)])
    return xyz, heading_of(steps[piece, 0], steps[piece, 1])


@dataclass(frozen=True, slots=True)
class Crowd:
    """Road users with a place on the track at the start (metres along it), and a speed."""

    track: Track
    start_m: Floats
    speed_mps: Floats

    def picture(self, at_s: float, time_us: int) -> bytes:
        """As inference tells it (docs/formats/columns.md); everybody moves."""
        count = len(self.start_m)
        place = (self.start_m + self.speed_mps * at_s).astype(np.int64) % len(self.track.xyz)
        slot = np.arange(count, dtype=np.uint32)
        xyz = self.track.xyz[place].astype(np.float32)
        batch = Batch(
            {
                "slot": slot,
                "generation": np.ones(count, np.uint32),
                "kind": (1 + slot % 4 // 3).astype(np.uint8),
                "key": slot.astype(np.uint64) + 1,
                "participant_type": (1 + slot % 20 // 18).astype(np.uint8),
                "east_m": xyz[:, 0],
                "north_m": xyz[:, 1],
                "up_m": xyz[:, 2],
                "speed_mps": self.speed_mps.astype(np.float32),
                "heading_deg": self.track.heading_deg[place].astype(np.float32),
                "length_m": np.full(count, 4.5, np.float32),
                "width_m": np.full(count, 1.8, np.float32),
                "age_ms": np.full(count, 30.0, np.float32),
                "device_key": np.ones(count, np.int32),
                "twin": np.full(count, -1, np.int32),
                "user": slot + 1,
                "level": np.zeros(count, np.uint8),
                "deck": self.track.deck[place],
            }
        )
        return columns.pack(batch, {"table": "participants", "site": SITE, "time_us": time_us, "origin": dict(ORIGIN), **NO_MORE})


NO_MORE: Mapping[str, Any] = {
    "signals": {"region": [], "intersection": [], "phase": [], "light": [], "likely_end_s": []},
    "warnings": [],
    "more_warnings": 0,
}


def crowd_of(count: int, network: RoadNetwork, seed: int = 1) -> Crowd:
    """So many, anywhere on the roads."""
    chance, track = np.random.default_rng(seed), track_of(network)
    return Crowd(track, chance.uniform(0, len(track.xyz), count), chance.uniform(*SPEED_MPS, count))


def main(environ: Mapping[str, str]) -> int:
    """Publish until told to end."""
    crowd, clock = crowd_of(int(environ.get(COUNT_VARIABLE, "10000")), sumo.read(NETWORK.read_bytes())), SystemClock()
    session = BulkSession(daemon.required(environ, "CHELU_MQTT_URL"), client_id="inference", clock=clock)

    def work(leaving: threading.Event) -> None:
        session.start()
        session.wait_connected(10)
        daemon.say_ready(environ)
        began_s = clock.monotonic_s()
        while not leaving.wait(PERIOD_S):
            payload = crowd.picture(clock.monotonic_s() - began_s, clock.wall_us())
            session.publish(PICTURE.format(site=SITE), payload)
        session.stop(flush_s=0)

    return daemon.main("crowd", work)


if __name__ == "__main__":
    sys.exit(main(os.environ))
