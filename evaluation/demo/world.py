"""What the demo plays: the hillside district's recorded traffic with conflicts staged in it, and what must come of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import simulators
from chelu.roads import sumo
from chelu.roads.network import RoadNetwork
from evaluation.demo.decks import WarnedPair, crossing_decks
from simulators import trace as traces
from simulators import verdicts as judged
from simulators.conflicts import Conflict, Staging, stage
from simulators.fleet import Fleet
from simulators.judge import Verdict
from simulators.received import ReceivedWarning
from simulators.replay import ReplayReport
from simulators.scene import Scene
from simulators.sources import district

DATA = Path(simulators.__file__).parent / "data"
TRACE = DATA / "district_trace.npz"


@dataclass(frozen=True, slots=True)
class World:
    """The district: its roads, their file, and the scene with its staged conflicts, clipped to the demo's length."""

    network: RoadNetwork
    network_file: bytes
    staging: Staging
    scene: Scene

    @property
    def until_s(self) -> float:
        """Where the demo ends on the scene's clock."""
        return self.scene.end_ms / 1000

    def decided(self) -> list[Conflict]:
        """The staged conflicts that the demo is long enough for."""
        return [one for one in self.staging.conflicts if all(wanted.latest_s <= self.until_s for wanted in one.expectations)]

    def undecided(self) -> list[str]:
        """A sentence for each staged conflict that it is not."""
        return [
            f"{one.expectations[0].name}: not judged, since it comes to a head after the demo's end"
            for one in self.staging.conflicts
            if one not in self.decided()
        ]


def build(seconds: float) -> World:
    """Read the shipped trace and stage the conflicts in it."""
    trace = traces.read(TRACE)
    packed = (DATA / trace.network).read_bytes()
    network = sumo.read(packed)
    staging = stage(district.scene_of(trace), network, district.intersections(trace))
    return World(network, packed, staging, staging.scene.clipped(0.0, seconds))


def raised(warnings: Sequence[ReceivedWarning]) -> list[ReceivedWarning]:
    """The warnings that began, each once; updates and ends left out, and what is advice."""
    first: dict[str, ReceivedWarning] = {}
    for warning in warnings:
        if warning.state == judged.RAISED and not warning.document.get("advice"):
            first.setdefault(warning.warning_id, warning)
    return list(first.values())


def verdicts(world: World, fleet: Fleet, report: ReplayReport) -> list[Verdict]:
    """What became of each staged conflict that the demo was long enough for."""
    expected = [wanted for conflict in world.decided() for wanted in conflict.expectations]
    return judged.verdicts(expected, report, world.scene, fleet)


def across_decks(world: World, fleet: Fleet, report: ReplayReport) -> list[str]:
    """A sentence for each warning whose two ways never met at one height."""
    rows = {int(number): row for row, number in enumerate(fleet.vehicle_ids)}
    pairs = [
        WarnedPair(rows[one.host.vehicle_id], rows[one.other.vehicle_id], _scene_ms(one, report))
        for one in raised(report.warnings)
        if one.host.vehicle_id in rows and one.other.vehicle_id in rows
    ]
    scene = world.staging.scene
    return crossing_decks(scene.read(scene.begin_ms, scene.end_ms).samples, scene.actors["name"], pairs)


def sentences(warnings: Sequence[ReceivedWarning], world: World, fleet: Fleet) -> list[str]:
    """What the screen says of warnings as they begin."""
    names = dict(zip(map(int, fleet.vehicle_ids), map(str, world.scene.actors["name"]), strict=True))
    return [f"{one.application}: {judged.named(one.host, names)} beware of {judged.about(one, names)}" for one in warnings]


def _scene_ms(warning: ReceivedWarning, report: ReplayReport) -> int:
    pace = report.pace
    return int(np.rint((warning.event_time_us - pace.anchor_us) / 1000)) + pace.begin_ms
