"""Drives the hillside district in SUMO with detectors on every lane: who was where each second, and what the detectors counted.

python -m evaluation.state.drive --seed 1 --scale 1 --seconds 900 --directory DIRECTORY

Loads libsumo, which is not to share a process with pyarrow: hence a process of its own. What it writes is kept, and found again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from chelu.errors import MissingExtraError
from chelu.roads import sumo
from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from evaluation import drives
from simulators.district.build import DATA
from simulators.district.demand import KINDS, trips

MODULE = "evaluation.state.drive"
NETWORK = DATA / "district.net.xml.gz"
WARM_UP_S = 300
STEP_S = 0.5
LOOP_S, AREA_S, EDGE_S = 60, 5, 60  # periods of the detectors
SAMPLES, ABOUT = "samples.npz", "about.json"
COLUMNS = ("time_s", "vehicle", "x", "y", "z", "speed", "acceleration", "heading", "lane", "length")


def recording(seed: int, scale: float, seconds: int, directory: Path) -> Path:
    """The directory of a drive, made when it is not there; raises CannotStartError when SUMO cannot."""
    home = directory / f"state_{seed}_{scale:g}_{seconds}"
    options = ["--seed", str(seed), "--scale", f"{scale:g}", "--seconds", str(seconds)]
    return drives.kept(MODULE, home, ABOUT, *options, remedy="install the extra sumo, or mend the demand")


def main() -> None:
    """Drive and write."""
    parser = drives.parser(MODULE, __doc__)
    parser.add_argument("--scale", type=float, required=True)
    told = parser.parse_args()
    drives.run("state", lambda: drive(told.seed, told.scale, told.seconds, told.directory))


def drive(seed: int, scale: float, seconds: int, home: Path) -> None:
    """One drive into its directory."""
    home.mkdir(parents=True, exist_ok=True)
    network = sumo.read(NETWORK.read_bytes())
    total_s = WARM_UP_S + seconds
    (home / "trips.rou.xml").write_text(trips(seed, total_s, scale=scale), encoding="utf-8")
    (home / "detectors.add.xml").write_text(detectors(network), encoding="utf-8")
    rows, names = _samples(home, seed, total_s, network)
    columns = dict(zip(COLUMNS, np.array(rows, np.float64).T, strict=True))
    np.savez_compressed(home / SAMPLES, allow_pickle=False, names=np.array(names, np.str_), **columns)
    (home / ABOUT).write_text(json.dumps({"seed": seed, "scale": scale, "seconds": seconds}), encoding="utf-8")


def detectors(network: RoadNetwork) -> str:
    """Loops at the middle of every lane, an area over all of it, and what SUMO sums up by edge."""
    lines = [f'  <edgeData id="edges" freq="{EDGE_S}" file="edges.xml" excludeEmpty="true"/>']
    for lane, name in _driven(network):
        length = float(network.lanes.length_m[lane])
        lines.append(f'  <inductionLoop id="l {name}" lane="{name}" pos="{length / 2:.2f}" period="{LOOP_S}" file="loops.xml"/>')
        lines.append(
            f'  <laneAreaDetector id="a {name}" lane="{name}" pos="0" endPos="{length:.2f}" period="{AREA_S}" file="areas.xml"/>'
        )
    return "\n".join(["<additional>", *lines, "</additional>", ""])


def _driven(network: RoadNetwork) -> Iterator[tuple[int, str]]:
    """Lanes of roads on which vehicles drive."""
    kind = network.lane_kind()
    is_driven = ((network.lanes.users & int(VEHICLES)) != 0) & np.isin(kind, [Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE])
    for lane in np.flatnonzero(is_driven).tolist():
        yield lane, str(network.lanes.id[lane])


def _samples(home: Path, seed: int, total_s: int, network: RoadNetwork) -> tuple[list[tuple[float, ...]], list[str]]:
    """Every vehicle's front each second, and the vehicles' names."""
    try:
        import libsumo
    except ModuleNotFoundError:
        raise MissingExtraError("sumo", "libsumo") from None
    options = {
        "net-file": NETWORK, "route-files": home / "trips.rou.xml", "additional-files": home / "detectors.add.xml", "seed": seed,
        "step-length": STEP_S, "time-to-teleport": -1, "collision.action": "warn", "no-step-log": "true", "no-warnings": "true",
        "duration-log.disable": "true", "vehroute-output": home / "routes.xml", "vehroute-output.exit-times": "true",
        "vehroute-output.write-unfinished": "true", "device.rerouting.probability": 0,
    }  # fmt: skip
    libsumo.start(["sumo", *(text for key, value in options.items() for text in (f"--{key}", str(value)))])
    rows: list[tuple[float, ...]] = []
    number: dict[str, int] = {}
    try:
        for step in range(1, round(total_s / STEP_S) + 1):
            libsumo.simulationStep()
            if step % round(1.0 / STEP_S) == 0:
                rows += [_row(libsumo.vehicle, step * STEP_S, name, number, network) for name in libsumo.vehicle.getIDList()]
    finally:
        libsumo.close()
    return rows, list(number)


def _row(vehicles: Any, time_s: float, name: str, number: dict[str, int], network: RoadNetwork) -> tuple[float, ...]:
    x, y, z = vehicles.getPosition3D(name)
    lane = network.lane_of.get(vehicles.getLaneID(name), -1)
    motion = vehicles.getSpeed(name), vehicles.getAcceleration(name), vehicles.getAngle(name)
    kind = KINDS[vehicles.getTypeID(name)]
    return time_s, number.setdefault(name, len(number)), x, y, z, *motion, lane, kind.length_m


if __name__ == "__main__":
    main()
