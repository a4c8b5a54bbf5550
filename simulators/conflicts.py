"""The staged conflicts of the hillside district: where, who, and what warnings they must (or must not) bring about.

Places are data below; the time of each is the earliest at which the fewest vehicles of the trace are in the way. Those that still
are, are taken off the road: a staged car meets nobody but its partner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chelu.messages import Batch, concatenate
from chelu.roads import sumo
from chelu.roads.geometry import lane_path
from chelu.roads.network import RoadNetwork
from simulators import trace as traces
from simulators.judge import Expectation
from simulators.scene import Scene, Slice, merged
from simulators.signals import Light
from simulators.sources import district
from simulators.staging import CAR_M, Line, Script, crossing, in_the_way, line_of, near, scene_of

DATA, TRACE = Path(__file__).parent / "data", "district_trace.npz"
FCW, ICW = "fcw", "icw"
CLEARANCE_M = 20.0
GREEN = (Light.PERMISSIVE_GREEN, Light.PROTECTED_GREEN)

CITY_MPS, BRAKE_MPS2 = 14.0, -7.0
GAP_M = 20.0  # bumper to bumper: 1.4 s at 14 m/s, short but lawful
LATE_MS, LATE_BRAKE_MPS2 = 1500, -8.0  # how late the follower's driver reacts, and how hard: they stop a hand's breadth short
RUN_MPS, EXPRESSWAY_MPS = 13.5, 21.0
BRAKE_TIMES_S, RED_TIMES_S, DECK_TIMES_S = range(9, 31), range(12, 46), range(10, 41)
RED_FOR_MS = 3000  # the runner's light has been red this long when it passes
DECK_GAP_M = 5.0


@dataclass(frozen=True, slots=True)
class BrakePlace:
    """A lane on which one brakes hard `along_m` from its beginning."""

    lane: str
    along_m: float


@dataclass(frozen=True, slots=True)
class RedPlace:
    """A signalised junction: the lanes of who runs the red light and of who has green, and their signal groups there."""

    node: str
    runner: tuple[str, ...]
    runner_group: int
    crosser: tuple[str, ...]
    crosser_group: int


BRAKE_PLACES = tuple(
    BrakePlace(lane, 130.0)
    for lane in ("terrace_2e_1", "terrace_4e_1", "lantern_1e_1", "terrace_2w_1", "camellia_3n_1", "camellia_6s_1", "lantern_5e_1")
)
RED_PLACES = (
    RedPlace(
        "camellia_lantern",
        ("lantern_3e_1", ":camellia_lantern_13_0", "lantern_4e_1"),
        7,
        ("camellia_2n_1", ":camellia_lantern_9_0", "camellia_3n_1"),
        5,
    ),
    RedPlace(
        "camellia_terrace",
        ("terrace_3e_1", ":camellia_terrace_13_0", "terrace_4e_1"),
        7,
        ("camellia_5n_1", ":camellia_terrace_9_0", "camellia_6n_1"),
        5,
    ),
    RedPlace(
        "camellia_terrace",
        ("terrace_4w_1", ":camellia_terrace_5_0", "terrace_3w_1"),
        3,
        ("camellia_6s_1", ":camellia_terrace_1_0", "camellia_5s_1"),
        1,
    ),
)
DECKS = (
    ("avenue", "camellia_4n_1", RUN_MPS),
    ("riverside", "riverside_e4_0", EXPRESSWAY_MPS),
    ("gorge", "gorge_n3_0", EXPRESSWAY_MPS),
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """One staged conflict: its cars and what is expected of it."""

    scripts: tuple[Script, ...]
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class Staging:
    """A scene with conflicts in it. `removed`: names of the trace's actors that were in the way."""

    scene: Scene
    conflicts: tuple[Conflict, ...]
    removed: tuple[str, ...]

    def expectations(self, until_s: float = np.inf) -> list[Expectation]:
        """What must be seen when the scene is replayed until this time: what is decided by then."""
        return [one for conflict in self.conflicts for one in conflict.expectations if one.latest_s <= until_s]


def staged_district(directory: Path = DATA) -> Staging:
    """The district's trace as it ships, with its conflicts. `directory` holds trace and network."""
    trace = traces.read(directory / TRACE)
    network = sumo.read((directory / trace.network).read_bytes())
    return stage(district.scene_of(trace), network, district.intersections(trace))


def stage(scene: Scene, network: RoadNetwork, intersections: Mapping[str, int]) -> Staging:
    """The district's scene with its three conflicts; intersections: id on the air by junction (`sources.district.intersections`).

    Raises UnknownLaneError when the network is another one.
    """
    traffic = scene.read(scene.begin_ms, scene.end_ms)
    lights = Lights(traffic.signals, intersections)
    chosen, blocked = [], []
    for candidates in (hard_brakes(network), red_lights(network, lights), stacked_decks(network)):
        conflict, obstacles = _clearest(list(candidates), traffic)
        chosen.append(conflict)
        blocked.append(obstacles)
    removed = np.unique(np.concatenate(blocked))
    extra = scene_of([script for conflict in chosen for script in conflict.scripts], scene.origin)
    names = tuple(str(name) for name in scene.actors["name"][removed])
    return Staging(merged(scene, extra, without=removed), tuple(chosen), names)


def hard_brakes(network: RoadNetwork) -> Iterator[Conflict]:
    """One brakes hard; the one behind, close but lawful, reacts late. A warning must come before its driver reacts."""
    for second in BRAKE_TIMES_S:
        for place in BRAKE_PLACES:
            yield hard_brake(_line(network, place.lane), place.along_m, second * 1000)


def hard_brake(line: Line, along_m: float, at_ms: int) -> Conflict:
    """The conflict with its brake at a place and time."""
    behind = along_m - GAP_M - CAR_M[0]
    leader = Script("staged-leader", line, at_ms, along_m, CITY_MPS, at_ms - 5000, at_ms + 5500, [(at_ms, BRAKE_MPS2)])
    follower = Script(
        "staged-follower", line, at_ms, behind, CITY_MPS, at_ms - 5000, at_ms + 5500, [(at_ms + LATE_MS, LATE_BRAKE_MPS2)]
    )
    wanted = Expectation("hard brake", FCW, follower.name, leader.name, at_ms / 1000, (at_ms + LATE_MS) / 1000)
    return Conflict((leader, follower), (wanted,))


def red_lights(network: RoadNetwork, lights: Lights) -> Iterator[Conflict]:
    """One runs a red light while another crosses on green: both must be warned while they can still brake."""
    for second in RED_TIMES_S:
        for place in RED_PLACES:
            at_ms = second * 1000
            is_red = lights.is_all(place.node, place.runner_group, at_ms - RED_FOR_MS, at_ms, (Light.RED,))
            if is_red and lights.is_all(place.node, place.crosser_group, at_ms - RED_FOR_MS, at_ms, GREEN):
                yield red_light(_line(network, *place.runner), _line(network, *place.crosser), at_ms)


def red_light(runner_line: Line, crosser_line: Line, at_ms: int) -> Conflict:
    """The conflict with both at the crossing of their lines at a time."""
    runner_at, crosser_at = crossing(runner_line, crosser_line)
    runner = Script("staged-runner", runner_line, at_ms, runner_at, RUN_MPS, at_ms - 7000, at_ms + 2500)
    crosser = Script("staged-crosser", crosser_line, at_ms, crosser_at, RUN_MPS, at_ms - 7000, at_ms + 2500)
    window = (at_ms - 4500) / 1000, (at_ms - 1000) / 1000
    wanted = [
        Expectation("red-light runner", ICW, host.name, other.name, *window)
        for host, other in ((runner, crosser), (crosser, runner))
    ]
    return Conflict((runner, crosser), tuple(wanted))


def stacked_decks(network: RoadNetwork) -> Iterator[Conflict]:
    """Three cars on three decks of the interchange, above one another at one moment: nobody may be warned of anybody."""
    lines = [(name, _line(network, lane), speed) for name, lane, speed in DECKS]
    for second in DECK_TIMES_S:
        yield decks_apart(lines, second * 1000)


def decks_apart(lines: Sequence[tuple[str, Line, float]], at_ms: int) -> Conflict:
    """The conflict: the first car is at its crossings with each other line when that line's car is."""
    name, line, speed = lines[0]
    pivot, _ = crossing(line, lines[1][1])
    scripts = [Script(f"staged-{name}", line, at_ms, pivot, speed, at_ms - 5000, at_ms + 4000)]
    for other, other_line, other_speed in lines[1:]:
        mine, theirs = crossing(line, other_line)
        meets_ms = at_ms + round((mine - pivot) / speed * 1000)
        scripts.append(Script(f"staged-{other}", other_line, meets_ms, theirs, other_speed, at_ms - 5000, at_ms + 4000))
    wanted = [
        Expectation("decks apart", "", one.name, two.name, (at_ms - 5000) / 1000, (at_ms + 4000) / 1000, is_forbidden=True)
        for index, one in enumerate(scripts)
        for two in scripts[index + 1 :]
    ]
    return Conflict(tuple(scripts), tuple(wanted))


class Lights:
    """What the signals of a scene show: looked up by junction, group and time."""

    def __init__(self, signals: Batch, intersections: Mapping[str, int]) -> None:
        self._signals, self._intersections = signals, intersections

    def is_all(self, node: str, group: int, from_ms: int, to_ms: int, lights: Sequence[Light]) -> bool:
        """Whether a group shows nothing but these lights through a stretch of time, both ends included."""
        low, high = np.searchsorted(self._signals["time_ms"], [from_ms, to_ms + 1])
        here = self._signals.take(np.arange(low, high))
        mine = (here["intersection_id"] == self._intersections.get(node, 0)) & (here["phase_id"] == group + 1)
        return bool(mine.any() and np.isin(here["light"][mine], [int(light) for light in lights]).all())


def _clearest(candidates: Sequence[Conflict], traffic: Slice) -> tuple[Conflict, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The candidate with the fewest of the trace's actors in its way, the first among equals, and their rows."""
    best, fewest = candidates[0], None
    for candidate in candidates:
        staged = concatenate([script.samples(index) for index, script in enumerate(candidate.scripts)])
        obstacles = in_the_way(near(traffic, staged, CLEARANCE_M), staged, clearance_m=CLEARANCE_M)
        if fewest is None or len(obstacles) < len(fewest):
            best, fewest = candidate, obstacles
        if not len(fewest):
            break
    return best, np.empty(0, np.int64) if fewest is None else fewest


def _line(network: RoadNetwork, *lanes: str) -> Line:
    return line_of(lane_path(network, lanes)[0])
