"""Drives the hillside district in SUMO and stages incidents in it: who was where each second, and what was staged.

python -m evaluation.incidents.staging --seed 1 --seconds 3600 --directory DIRECTORY [--ordinary]

A vehicle stops in its lane; an obstacle that says nothing stands in a lane; one stands in every lane of a road; and somebody
drives against the direction of a lane, which SUMO cannot do: that one is put in afterwards, and nobody reacts to it. Loads
libsumo, hence a process of its own. What it writes is kept, and found again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chelu.errors import MissingExtraError
from chelu.roads import sumo
from chelu.roads.network import VEHICLES, Kind, RoadNetwork
from evaluation import drives
from services.inference.city.incidents import watch
from simulators.district.build import DATA
from simulators.district.demand import trips

MODULE = "evaluation.incidents.staging"
NETWORK = DATA / "district.net.xml.gz"
WARM_UP_S = 240
EVERY_S, LASTS_S = 150, 240  # between two incidents, and how long each lasts
SHORTEST_M, AT_SHARE = 120.0, 0.45  # roads that are long enough, and where on them it happens
AGAINST_MPS = 12.0
SAMPLES, STAGED = "samples.npz", "staged.json"
OBSTACLE = "obstacle_"


@dataclass(frozen=True, slots=True)
class Staged:
    """An incident as it happened: seconds after the warm-up, lane by name and metres along it."""

    kind: str
    edge: str
    lane: str
    along_m: float
    begin_s: float
    end_s: float


def recording(seed: int, seconds: int, directory: Path, *, is_ordinary: bool) -> Path:
    """The directory of a drive, made when it is not there; raises CannotStartError when SUMO cannot."""
    home = directory / f"incidents_{seed}_{seconds}{'_ordinary' if is_ordinary else ''}"
    options = ["--seed", str(seed), "--seconds", str(seconds), *(["--ordinary"] if is_ordinary else [])]
    return drives.kept(MODULE, home, STAGED, *options, remedy="install the extra sumo")


def main() -> None:
    """Drive and write."""
    parser = drives.parser(MODULE, __doc__)
    parser.add_argument("--ordinary", action="store_true")
    told = parser.parse_args()
    drives.run("incidents", lambda: drive(told.seed, told.seconds, told.directory, is_ordinary=told.ordinary))


def drive(seed: int, seconds: int, home: Path, *, is_ordinary: bool) -> None:
    """One drive into its directory."""
    try:
        import libsumo
    except ModuleNotFoundError:
        raise MissingExtraError("sumo", "libsumo") from None
    home.mkdir(parents=True, exist_ok=True)
    network = sumo.read(NETWORK.read_bytes())
    (home / "trips.rou.xml").write_text(trips(seed, WARM_UP_S + seconds), encoding="utf-8")
    options = {
        "net-file": NETWORK, "route-files": home / "trips.rou.xml", "seed": seed, "step-length": 0.5, "time-to-teleport": -1,
        "collision.action": "none", "no-step-log": "true", "no-warnings": "true", "duration-log.disable": "true",
        "device.rerouting.probability": 0,
    }  # fmt: skip
    libsumo.start(["sumo", *(text for key, value in options.items() for text in (f"--{key}", str(value)))])
    director = Director(libsumo, network, np.random.default_rng(seed), 0 if is_ordinary else seconds)
    rows: list[tuple[float, ...]] = []
    names: dict[str, int] = {}
    try:
        for second in range(1, WARM_UP_S + seconds + 1):
            libsumo.simulationStep()
            libsumo.simulationStep()
            director.direct(second - WARM_UP_S)
            if second > WARM_UP_S:
                rows += _rows(libsumo.vehicle, second - WARM_UP_S, names)
    finally:
        libsumo.close()
    rows += against(director.staged, network, len(names))
    table = np.array(rows)[np.argsort([row[0] for row in rows], kind="stable")]
    np.savez_compressed(home / SAMPLES, allow_pickle=False, samples=table)
    (home / STAGED).write_text(json.dumps([asdict(one) for one in director.staged]), encoding="utf-8")


def _rows(vehicles: Any, second: int, names: dict[str, int]) -> list[tuple[float, ...]]:
    """Time, vehicle, place of its middle and speed of everybody who could speak."""
    found: list[tuple[float, ...]] = []
    for name in vehicles.getIDList():
        if not name.startswith(OBSTACLE):
            x, y, z = vehicles.getPosition3D(name)
            back, turn = vehicles.getLength(name) / 2.0, np.radians(vehicles.getAngle(name))
            place = x - back * float(np.sin(turn)), y - back * float(np.cos(turn)), z
            found.append((second, names.setdefault(name, len(names)), *place, vehicles.getSpeed(name)))
    return found


class Director:
    """Begins and ends incidents, one after the other, each on a road of its own."""

    def __init__(self, sim: Any, network: RoadNetwork, rng: np.random.Generator, seconds: int) -> None:
        self._sim, self._network = sim, network
        self.staged: list[Staged] = []
        self._due = list(range(30, max(seconds - LASTS_S, 0), EVERY_S))
        roads = candidates(network)
        self._roads = [roads[at] for at in rng.permutation(len(roads))]
        self._ends: list[tuple[float, list[str]]] = []

    def direct(self, second: int) -> None:
        """Of this second: end what is over, begin what is due; a stop waits until somebody comes by."""
        for end in [one for one in self._ends if one[0] <= second]:
            self._ends.remove(end)
            for name in end[1]:
                self._release(name)
        if self._due and second >= self._due[0]:
            kinds = list(watch.Kind)
            if self._begin(kinds[len(self.staged) % len(kinds)], second):
                self._due.pop(0)

    def _begin(self, kind: watch.Kind, second: int) -> bool:
        used = {one.edge for one in self.staged}
        free = [road for road in self._roads if road[0] not in used] or self._roads
        for edge, lanes, length_m in free:
            lane, along_m = lanes[-1 if kind is watch.Kind.WRONG_WAY else 0], length_m * AT_SHARE
            if kind is watch.Kind.DEBRIS and len(lanes) < 2:
                continue
            if kind is watch.Kind.STOPPED:
                names = self._stop_one(lane, along_m)
            elif kind is watch.Kind.WRONG_WAY:
                names = []
            else:
                names = [self._obstacle(edge, at, along_m) for at in (lanes if kind is watch.Kind.QUEUE else lanes[:1])]
            if names is not None:
                lasts = length_m / AGAINST_MPS if kind is watch.Kind.WRONG_WAY else LASTS_S
                self.staged.append(Staged(kind, edge, lane, along_m, second, second + lasts))
                self._ends.append((second + lasts, names))
                return True
        return False

    def _stop_one(self, lane: str, along_m: float) -> list[str] | None:
        """The vehicle that comes there next, if one is near."""
        for name in self._sim.lane.getLastStepVehicleIDs(lane):
            at = self._sim.vehicle.getLanePosition(name)
            if not name.startswith(OBSTACLE) and at < along_m and self._sim.vehicle.getSpeed(name) > 5.0:
                self._sim.vehicle.setLaneChangeMode(name, 0)
                self._sim.vehicle.slowDown(name, 0.0, 4.0)
                self._sim.vehicle.setSpeed(name, 0.0)
                return [name]
        return None

    def _obstacle(self, edge: str, lane: str, along_m: float) -> str:
        index = lane.rpartition("_")[2]
        name = f"{OBSTACLE}{len(self.staged)}_{index}"
        self._sim.route.add(f"r_{name}", [edge])
        self._sim.vehicle.add(name, f"r_{name}", typeID="car", departLane=index, departPos=f"{along_m:.1f}", departSpeed="0")
        self._sim.vehicle.setSpeed(name, 0.0)
        self._sim.vehicle.setLaneChangeMode(name, 0)
        return name

    def _release(self, name: str) -> None:
        if name in self._sim.vehicle.getIDList():
            if name.startswith(OBSTACLE):
                self._sim.vehicle.remove(name)
            else:
                self._sim.vehicle.setSpeed(name, -1.0)
                self._sim.vehicle.setLaneChangeMode(name, 1621)


def candidates(network: RoadNetwork) -> list[tuple[str, list[str], float]]:
    """Roads that are long enough: name, lanes on which vehicles drive, metres."""
    lanes = network.lanes
    drives = ((lanes.users & int(VEHICLES)) != 0) & np.isin(network.lane_kind(), [Kind.ROAD, Kind.TUNNEL, Kind.BRIDGE])
    found: dict[str, list[int]] = {}
    for lane in np.flatnonzero(drives & (lanes.length_m >= SHORTEST_M)).tolist():
        found.setdefault(str(network.links.id[lanes.link[lane]]), []).append(lane)
    return [(edge, [str(lanes.id[lane]) for lane in of], float(lanes.length_m[of[0]])) for edge, of in found.items()]


def against(staged: list[Staged], network: RoadNetwork, first: int) -> list[tuple[float, ...]]:
    """The tracks of those who drive against the direction, numbered on from `first`."""
    rows: list[tuple[float, ...]] = []
    for number, one in enumerate(one for one in staged if one.kind == watch.Kind.WRONG_WAY):
        points = network.lanes.shape[network.lane_of[one.lane]]
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1))])
        for second in range(int(along[-1] / AGAINST_MPS)):
            at = along[-1] - second * AGAINST_MPS
            place = [float(np.interp(at, along, points[:, axis])) for axis in range(3)]
            rows.append((one.begin_s + second, first + number, *place, AGAINST_MPS))
    return rows


if __name__ == "__main__":
    main()
