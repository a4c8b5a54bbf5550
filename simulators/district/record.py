"""Record the district's trace: SUMO drives the demand for a warm-up, then every actor and signal is written down at 10 Hz.

    python -m simulators.district.record [--directory simulators/data]

Needs libsumo (extra ``sumo``). SUMO gives the front bumper; a vehicle's middle is found on the path its front has driven, half
its length back, so that it follows bends, lane changes and grades. A collision, teleport or emergency stop is an error.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from chelu.errors import CannotStartError, CheluError, MissingExtraError
from chelu.geo import LocalFrame
from chelu.roads import sumo
from chelu.roads.geometry import signal_programme
from chelu.roads.network import RoadNetwork
from simulators import trace
from simulators.district.build import DATA
from simulators.district.settle import STEP_S, Log, actors_and_samples

Floats = npt.NDArray[np.float64]
HARDEST_MPS2 = -5.0  # a conflict of its own would spoil the staged ones
# SUMO's signal characters as LightState of YD/T 3709
LIGHT_STATES = {"G": 6, "g": 5, "y": 7, "r": 3, "u": 3, "s": 3, "o": 8, "O": 1}


@dataclass(slots=True)
class Run:
    """What a run gave, from the start of the warm-up on: everyone in order of first appearance, the lights of every step."""

    vehicles: dict[str, Log] = field(default_factory=dict)
    walkers: dict[str, Log] = field(default_factory=dict)
    lights: list[list[str]] = field(default_factory=list)


def main(arguments: list[str] | None = None) -> None:
    """Run and write district_trace.npz."""
    parser = argparse.ArgumentParser(prog="python -m simulators.district.record", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--directory", type=Path, default=DATA, help="network and demand in, trace out (default %(default)s)")
    options = parser.parse_args(arguments)
    try:
        print(record(options.directory))
    except CheluError as error:
        sys.exit(f"district: {error}")


def record(directory: Path) -> str:
    """Record and write; gives a sentence with the numbers."""
    facts = json.loads((directory / "district.json").read_text(encoding="utf-8"))
    network = sumo.read((directory / facts["network"]).read_bytes())
    with tempfile.TemporaryDirectory() as scratch:
        run = _drive(directory, facts, network, Path(scratch))
    result = _trace(facts, network, run)
    if result.vehicle_samples.acceleration_mps2.min() < HARDEST_MPS2:
        raise CannotStartError("someone brakes in an emergency", "change the seed or the demand")
    target = directory / "district_trace.npz"
    trace.write(target, result)
    present = np.bincount(np.rint(result.vehicle_samples.time_s / STEP_S).astype(int))
    walking = np.bincount(np.rint(result.pedestrian_samples.time_s / STEP_S).astype(int))
    return (
        f"{target.name}: {target.stat().st_size / 1e6:.2f} MB, {result.duration_s:g} s at {1 / STEP_S:g} Hz, "
        f"{len(result.vehicles.id)} vehicles ({present.min()}–{present.max()} at once), "
        f"{len(result.pedestrians.id)} pedestrians ({walking.min()}–{walking.max()} at once)"
    )


def _drive(directory: Path, facts: dict[str, Any], network: RoadNetwork, scratch: Path) -> Run:
    """Drive the demand; raises CannotStartError when anything unsafe happened."""
    try:
        import libsumo  # an extra, and not to share a process with pyarrow: only this function loads it
    except ModuleNotFoundError:
        raise MissingExtraError("sumo", "libsumo") from None
    total = facts["warm_up_s"] + facts["recorded_s"]
    statistics = scratch / "statistics.xml"
    libsumo.start(["sumo", *_options(directory, facts, statistics)])
    run = Run()
    try:
        for step in range(1, round(total / STEP_S) + 1):
            libsumo.simulationStep()
            _note(libsumo.vehicle, run.vehicles, step, network)
            _note(libsumo.person, run.walkers, step, network)
            run.lights.append([libsumo.trafficlight.getRedYellowGreenState(name) for name in network.signals.id.tolist()])
    finally:
        libsumo.close()
    _insist_on_safety(statistics)
    return run


def _options(directory: Path, facts: dict[str, Any], statistics: Path) -> list[str]:
    options = {
        "net-file": directory / facts["network"],
        "route-files": directory / "district.rou.xml.gz",
        "seed": facts["seed"],
        "step-length": STEP_S,
        "collision.action": "warn",
        "collision.check-junctions": "true",
        "time-to-teleport": -1,
        "lateral-resolution": 0.8,
        "no-step-log": "true",
        "statistic-output": statistics,
        "duration-log.disable": "true",
    }
    return [text for key, value in options.items() for text in (f"--{key}", str(value))]


def _insist_on_safety(statistics: Path) -> None:
    """SUMO's own count of what must not happen; raises CannotStartError with the counts."""
    root = ElementTree.parse(statistics).getroot()  # noqa: S314 (SUMO wrote it just now)
    wanted = {"collisions": "safety", "emergencyStops": "safety", "total": "teleports"}
    counts = {key: int(element.get(key, "-1")) for key, tag in wanted.items() for element in root.findall(tag)}
    if counts != dict.fromkeys(wanted, 0):
        raise CannotStartError(f"the traffic is not safe: {counts}", "change the seed or the demand")


def _note(domain: Any, logs: dict[str, Log], step: int, network: RoadNetwork) -> None:
    for name in domain.getIDList():
        log = logs.get(name)
        if log is None:
            log = logs[name] = Log(domain.getTypeID(name))
        lane = network.lane_of.get(domain.getLaneID(name), -1)
        x, y, z = domain.getPosition3D(name)
        speed, heading = domain.getSpeed(name), domain.getAngle(name)
        acceleration = domain.getAcceleration(name) if log.kind != "walker" else 0.0
        log.rows.append((step, x, y, z, speed, heading, acceleration, lane))


def _trace(facts: dict[str, Any], network: RoadNetwork, run: Run) -> trace.Trace:
    begin = round(facts["warm_up_s"] / STEP_S) + 1
    vehicles, vehicle_samples = actors_and_samples(run.vehicles, begin)
    walkers, walker_samples = actors_and_samples(run.walkers, begin)
    site = facts["site"]
    return trace.Trace(
        vehicles=vehicles,
        vehicle_samples=vehicle_samples,
        pedestrians=walkers,
        pedestrian_samples=walker_samples,
        signals=signal_states(network, run.lights, begin),
        origin=LocalFrame(site["latitude_deg"], site["longitude_deg"], site["elevation_m"]),
        network=facts["network"],
        step_s=STEP_S,
        duration_s=facts["recorded_s"],
        seed=facts["seed"],
    )


def signal_states(network: RoadNetwork, lights: list[list[str]], begin: int) -> trace.SignalStates:
    """What the signals showed from step `begin` on, with the programme's time of the next change.

    Raises CannotStartError when SUMO did not show what the programme says.
    """
    programme = signal_programme(network)
    start_s, end_s = begin * STEP_S, len(lights) * STEP_S
    cycle, offset = programme.cycle_s, network.signals.offset_s[programme.signal]
    # SUMO switches in the step that begins at the change: what is seen after step n is the light of time (n - 1) · step
    first = np.floor((start_s - STEP_S - offset - programme.start_s) / cycle)
    rounds = int(np.ceil((end_s - start_s) / cycle.min())) + 2
    time = (
        (first[:, None] + np.arange(rounds)) * cycle[:, None] + (offset + programme.start_s)[:, None] + STEP_S - start_s
    ).ravel()
    row = np.repeat(np.arange(len(cycle)), rounds)
    ends = time + programme.duration_s[row]
    keep = (ends > 1e-6) & (time <= end_s - start_s)
    row, time, ends = row[keep], np.maximum(time[keep], 0.0), ends[keep]
    order = np.lexsort((programme.group[row], programme.signal[row], time))
    row, time, ends = row[order], time[order], ends[order]
    _compare(programme.signal[row], programme.group[row], programme.state[row], (time, ends), lights[begin - 1 :])
    return trace.SignalStates(
        node=network.signals.id[programme.signal[row]],
        group=programme.group[row],
        time_s=np.round(time, 3),
        light=np.array([LIGHT_STATES[state] for state in programme.state[row].tolist()], np.uint8),
        next_change_s=np.round(ends, 3),
    )


def _compare(
    signal: npt.NDArray[np.int32],
    group: npt.NDArray[np.int32],
    state: Any,
    interval: tuple[Floats, Floats],
    lights: list[list[str]],
) -> None:
    for step, shown in enumerate(lights):
        now = np.flatnonzero((interval[0] <= step * STEP_S + 1e-6) & (interval[1] > step * STEP_S + 1e-6))
        wrong = [row for row in now.tolist() if shown[signal[row]][group[row]] != state[row]]
        if wrong or len(now) != sum(map(len, shown)):
            raise CannotStartError(
                f"the signals do not follow their programme at {step * STEP_S:g} s", "record with fixed programmes"
            )


if __name__ == "__main__":
    main()
