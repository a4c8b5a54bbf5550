"""Networks and demands of our own on which signal controllers are judged and trained: plain files, made by SUMO's netconvert.

    python -m evaluation.signals.networks --directory DIR

writes the four judged ones, `NAME.net.xml` and `NAME.rou.xml`: `crossing` (one junction of two wide roads), `fork` (one of three
arms), `corridor` (five junctions of a main road, unevenly spaced) and `grid` (three by three). Seeded: the same command writes
the same networks and demands.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from chelu.errors import CannotStartError, MissingExtraError

END_S = 1800
MAIN_MPS, SIDE_MPS = 16.67, 13.89


@dataclass(frozen=True, slots=True)
class Node:
    """A junction with a light, or an end."""

    name: str
    x_m: float
    y_m: float
    has_light: bool


@dataclass(frozen=True, slots=True)
class Road:
    """Two ways between two nodes; vehicles an hour that come in where it begins at an end."""

    ends: tuple[str, str]
    lanes: int
    speed_mps: float
    inflow_per_h: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A network and its demand, whose inflow swings. has_arms: every arm of a junction has a stage of its own."""

    name: str
    nodes: tuple[Node, ...]
    roads: tuple[Road, ...]
    seed: int
    has_arms: bool = False


def crossing(
    name: str = "crossing", seed: int = 11, *, main: int = 3, side: int = 2, flows: Sequence[float] = (900, 700, 480, 380)
) -> Plan:
    """One junction; flows from west, east, south and north."""
    nodes = (Node("c", 0, 0, has_light=True), *_ends({"w": (-400, 0), "e": (400, 20), "s": (10, -350), "n": (0, 350)}))
    lanes = (main, main, side, side)
    speeds = (MAIN_MPS, MAIN_MPS, SIDE_MPS, SIDE_MPS)
    roads = tuple(
        Road((end, "c"), lane, speed, flow) for end, lane, speed, flow in zip("wesn", lanes, speeds, flows, strict=True)
    )
    return Plan(name, nodes, roads, seed, has_arms=True)


def fork(name: str = "fork", seed: int = 12, *, flows: Sequence[float] = (650, 520, 430)) -> Plan:
    """One junction of three arms with two lanes each; flows from west, east and south."""
    nodes = (Node("c", 0, 0, has_light=True), *_ends({"w": (-350, 0), "e": (350, 0), "s": (-40, -300)}))
    return Plan(name, nodes, tuple(Road((end, "c"), 2, SIDE_MPS, flow) for end, flow in zip("wes", flows, strict=True)), seed)


def corridor(
    name: str = "corridor",
    seed: int = 13,
    *,
    gaps_m: Sequence[float] = (240, 350, 190, 300),
    main: float = 700,
    side: float = 230,
) -> Plan:
    """Junctions along a main road of two lanes, each with two side roads of one."""
    places = np.concatenate([[0.0], np.cumsum(gaps_m)])
    nodes, roads = [], []
    for row, place in enumerate(places.tolist()):
        nodes += [Node(f"c{row}", place, 0, has_light=True), *_ends({f"s{row}": (place, -250), f"n{row}": (place + 5, 250)})]
        roads += [Road((f"s{row}", f"c{row}"), 1, SIDE_MPS, side), Road((f"n{row}", f"c{row}"), 1, SIDE_MPS, 0.8 * side)]
    nodes += _ends({"w": (-350, 0), "e": (places[-1] + 350, 0)})
    chain = ["w", *(f"c{row}" for row in range(len(places)))]
    roads += [Road((one, other), 2, MAIN_MPS, main if one == "w" else 0.0) for one, other in pairwise(chain)]
    roads.append(Road(("e", chain[-1]), 2, MAIN_MPS, 0.9 * main))
    return Plan(name, tuple(nodes), tuple(roads), seed)


def grid(name: str = "grid", seed: int = 14, *, size: int = 3, gap_m: float = 220, flow: float = 330) -> Plan:
    """Size × size junctions with one lane each way, the middle streets with two."""
    nodes, roads = list[Node](), list[Road]()
    places = [(row, column) for row in range(size) for column in range(size)]
    nodes += [Node(f"c{row}{column}", column * gap_m, row * gap_m, has_light=True) for row, column in places]
    for row in range(size):
        lanes, inflow, far = (2 if row == size // 2 else 1), flow * (1.6 if row == size // 2 else 1.0), size * gap_m
        ends = {
            f"w{row}": (-gap_m, row * gap_m),
            f"e{row}": (far, row * gap_m),
            f"s{row}": (row * gap_m, -gap_m),
            f"n{row}": (row * gap_m, far),
        }
        nodes += _ends(ends)
        along = [f"w{row}", *(f"c{row}{one}" for one in range(size))]
        across = [f"s{row}", *(f"c{one}{row}" for one in range(size))]
        for chain, last in ((along, f"e{row}"), (across, f"n{row}")):
            roads += [Road((one, other), lanes, SIDE_MPS, inflow if one == chain[0] else 0.0) for one, other in pairwise(chain)]
            roads.append(Road((last, chain[-1]), lanes, SIDE_MPS, inflow))
    return Plan(name, tuple(nodes), tuple(roads), seed)


def judged() -> tuple[Plan, ...]:
    """The four named networks."""
    return crossing(), fork(), corridor(), grid()


def write(plan: Plan, directory: Path, *, end_s: int = END_S) -> tuple[Path, Path]:
    """Network and demand as files."""
    net, route = directory / f"{plan.name}.net.xml", directory / f"{plan.name}.rou.xml"
    _convert(plan, net)
    route.write_text(_demand(plan, end_s), encoding="utf-8")
    return net, route


def _ends(places: dict[str, tuple[float, float]]) -> list[Node]:
    return [Node(name, x, y, has_light=False) for name, (x, y) in places.items()]


def _convert(plan: Plan, net: Path) -> None:
    """Let netconvert make the network, with its own programmes; its remark of when and where is left out."""
    try:
        import sumo  # where its programs are; not libsumo
    except ModuleNotFoundError:
        raise MissingExtraError("sumo", "sumo") from None
    kinds = {one.name: "traffic_light" if one.has_light else "dead_end" for one in plan.nodes}
    nodes = "".join(f'<node id="{one.name}" x="{one.x_m:.2f}" y="{one.y_m:.2f}" type="{kinds[one.name]}"/>' for one in plan.nodes)
    edges = "".join(
        f'<edge id="{begin}_{end}" from="{begin}" to="{end}" numLanes="{road.lanes}" speed="{road.speed_mps}"/>'
        for road in plan.roads
        for begin, end in (road.ends, road.ends[::-1])
    )
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "n.nod.xml").write_text(f"<nodes>{nodes}</nodes>", encoding="utf-8")
        (Path(scratch) / "e.edg.xml").write_text(f"<edges>{edges}</edges>", encoding="utf-8")
        made = Path(scratch) / "made.net.xml"
        options = {
            "node-files": Path(scratch) / "n.nod.xml", "edge-files": Path(scratch) / "e.edg.xml", "output-file": made,
            "no-turnarounds": "true", "tls.default-type": "static", "tls.yellow.time": "3", "tls.allred.time": "1",
            "tls.layout": "incoming" if plan.has_arms else "opposites",
        }  # fmt: skip
        command = [str(Path(sumo.SUMO_HOME) / "bin" / "netconvert"), *(f"--{key}={value}" for key, value in options.items())]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (SUMO's own)
        if done.returncode != 0:
            raise CannotStartError(f"netconvert failed ({done.stderr.strip()[-300:]})", "install the extra sumo anew")
        net.write_text(re.sub(r"<!--.*?-->\s*", "", made.read_text(encoding="utf-8"), flags=re.DOTALL), encoding="utf-8")


def _demand(plan: Plan, end_s: int) -> str:
    """Trips from end to end, as a Poisson process whose rate swings; straight on is liked most."""
    rng = np.random.default_rng(plan.seed)
    place = {one.name: np.array([one.x_m, one.y_m]) for one in plan.nodes}
    inlets = [road for road in plan.roads if road.inflow_per_h > 0]
    trips = []
    for road in inlets:
        phase, swing = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.5)
        seconds = np.arange(end_s)
        rate = road.inflow_per_h / 3600 * (1 + swing * np.sin(2 * np.pi * seconds / 900 + phase))
        others = [other for other in inlets if other is not road]
        liked = np.array([_liking(place, road, other) for other in others])
        for second in np.flatnonzero(rng.random(end_s) < rate).tolist():
            goal = others[int(rng.choice(len(others), p=liked / liked.sum()))]
            trips.append((second, f"{road.ends[0]}_{road.ends[1]}", f"{goal.ends[1]}_{goal.ends[0]}"))
    lines = [
        f'<trip id="{row}" type="car" depart="{second}" from="{begin}" to="{goal}" departLane="best" departSpeed="max"/>'
        for row, (second, begin, goal) in enumerate(sorted(trips))
    ]
    return "\n".join(['<routes><vType id="car" speedDev="0.1"/>', *lines, "</routes>\n"])


def _liking(place: dict[str, np.ndarray], road: Road, goal: Road) -> float:
    """How much a goal is liked from a road: by how straight on it lies, and by what comes from there."""
    into = place[road.ends[1]] - place[road.ends[0]]
    out = place[goal.ends[0]] - place[road.ends[0]]
    straight = float(into @ out / (np.linalg.norm(into) * np.linalg.norm(out) + 1e-9))
    return float((0.15 + max(straight, 0.0) ** 4) * goal.inflow_per_h)


def main(arguments: list[str] | None = None) -> None:
    """Write the judged networks."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.signals.networks", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args(arguments)
    options.directory.mkdir(parents=True, exist_ok=True)
    try:
        for plan in judged():
            net, route = write(plan, options.directory)
            print(f"{net}, {route}: {len([one for one in plan.nodes if one.has_light])} traffic lights, 0 to {END_S} s")
    except CannotStartError as error:
        sys.exit(f"networks: {error}")


if __name__ == "__main__":
    main()
