"""The traffic of one run: SUMO is told where the actors are, and says where its vehicles are; the engine asks at every instant.

A vehicle of it has a place (a column) among the run's road users while it is near an actor; otherwise nobody is in that place.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import IO, Any

import numpy as np

from chelu.errors import CannotStartError, MissingExtraError
from chelu.motion.footprints import forward
from chelu.roads import sumo
from simulators.scenario.kinds import KINDS
from simulators.scenario.plan import Plan
from simulators.scenario.recorded.placing import project
from simulators.scenario.state import Other, State
from simulators.scenario.trace import Actor, Floats, Ints, Passing
from simulators.scenario.traffic.demand import Trip, reachable, routes, trips
from simulators.scenario.traffic.description import Traffic
from simulators.scenario.traffic.town import ROW

AWAKE = ("car", "bus", "truck", "motorcycle", "bicycle", "robot")  # whom SUMO's drivers see
ALONG_DEG = 45.0  # who heads further away from a way's direction crosses it
DECK_M = 2.5
END_S = 5.0
END_M = 1.0  # before a way ends it is on its last edge for sure
LANE_CHANGE_S = 3.0  # without it SUMO puts who changes lanes on the other one from one instant to the next


@dataclass(frozen=True, slots=True)
class Columns:
    """What is written of the traffic: xy (t, k, 2), all others (t, k); NaN where nobody is in a place."""

    xy: Floats
    elevation_m: Floats
    heading_deg: Floats
    speed_mps: Floats
    acceleration_mps2: Floats

    def beside(self, motion: Mapping[str, Floats]) -> dict[str, Floats]:
        """The columns of a run's trace by name, (t, 1, a …), with the traffic's behind them, which has no place on a way."""
        nowhere = np.full(self.speed_mps.shape, np.nan)
        return {name: np.concatenate([column, getattr(self, name, nowhere)[:, None]], axis=2) for name, column in motion.items()}


class Nobody:
    """A scenario without traffic."""

    actors: tuple[Actor, ...] = ()
    broken = ""
    broken_s = ended_s = np.inf

    def at(self, state: State, instant: int) -> tuple[Other, ...]:  # noqa: ARG002
        """Nobody is there."""
        return ()

    def columns(self) -> Columns | None:
        """Nothing is written."""
        return None

    def passing(self) -> Passing | None:
        """Nobody is."""
        return None


@dataclass(slots=True)
class Crowd:
    """Of one run; belongs to the engine's thread. CannotStartError when SUMO cannot drive.

    broken, broken_s: why the run is not to be judged if it lasts so long; ended_s: when the traffic ended, and what was driven
    from then on does not count.
    """

    made: Plan
    actors: tuple[Actor, ...] = field(init=False)
    broken: str = ""
    broken_s: float = np.inf
    ended_s: float = np.inf
    _given: Traffic = field(init=False)
    _places: dict[int, int] = field(default_factory=dict)  # by vehicle its column
    _process: subprocess.Popen[bytes] | None = None
    _columns: Columns = field(init=False)
    _number: Ints = field(init=False)
    _trips: list[Trip] = field(default_factory=list)
    _seen: list[int] = field(init=False)
    _said: IO[bytes] = field(default_factory=tempfile.TemporaryFile)  # by the process, beside its answers

    def __post_init__(self) -> None:
        given = self.made.description.traffic
        if given is None or self.made.runs != 1:
            raise ValueError("traffic is driven run by run")
        self._given = given
        self.actors = places_of(given)
        shape = self.made.instants, len(self.actors)
        self._columns = Columns(np.full((*shape, 2), np.nan), *(np.full(shape, np.nan) for _ in range(4)))
        self._number = np.full(shape, -1, np.int64)
        kinds = [one.kind for one in self.made.actors]
        self._seen = [column for column, kind in enumerate(kinds) if kind in AWAKE]

    def start(self) -> None:
        """Have SUMO come to the run's beginning."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulators.scenario.traffic.town"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        with tempfile.TemporaryDirectory(prefix="chelu-traffic-") as directory:
            self._write(json.dumps(self._order(Path(directory))).encode() + b"\n")
            self._read_line()  # the files are read by then

    def close(self) -> None:
        """End SUMO."""
        self._said.close()
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def at(self, state: State, instant: int) -> tuple[Other, ...]:
        """Everybody of the traffic near an actor at this instant; asked at all instants, one after the other."""
        if np.isfinite(self.ended_s):
            return ()
        fronts = self._fronts(state)
        try:
            rows = self._asked(fronts[self._seen])
        except CannotStartError as error:
            if instant == 0:
                raise
            self.ended_s = instant * self.made.description.step_s
            self._break_off(instant, f"SUMO is away ({error.what})")
            return ()
        self._take_places(self._near(rows, fronts), instant)
        columns = sorted(self._places.values())
        return tuple(self._others(columns, instant)) if columns else ()

    def columns(self) -> Columns | None:
        """What was written."""
        return self._columns

    def passing(self) -> Passing | None:
        """Who was in which place when."""
        return Passing(self._number, tuple(one.kind for one in self._trips))

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _order(self, directory: Path) -> dict[str, Any]:
        given, step_s = self._given, self.made.description.step_s
        network = sumo.read(given.net.encode())
        begins = list(reachable(network))
        if not begins:
            raise CannotStartError("no road of the network leads from its beginnings to its ends", "take one with roads for cars")
        lasts_s = given.warm_up_s + self.made.instants * step_s
        per_hour, seed = (float(self.made.of(one)[0]) for one in (given.vehicles_per_hour, given.seed))
        shares: dict[str, float] = {str(name): share for name, share in given.kinds.items()}
        net, comes = directory / "road.net.xml", directory / "trips.rou.xml"
        self._trips = trips(network, shares, per_hour=per_hour, lasts_s=lasts_s, seed=int(seed))
        net.write_text(given.net, "utf-8")
        comes.write_text(routes(shares, self._trips), "utf-8")
        options = {
            "net-file": net, "route-files": comes, "seed": int(seed), "step-length": step_s, "collision.action": "none",
            "time-to-teleport": -1, "lanechange.duration": LANE_CHANGE_S, "no-step-log": "true", "no-warnings": "true",
            "duration-log.disable": "true", "route-steps": 0,
        }  # fmt: skip
        return {
            "options": {name: str(value) for name, value in options.items()},
            "warm_up_steps": round(given.warm_up_s / step_s),
            "kinds": list(given.kinds),
            "edge": str(network.links.id[begins[0]]),
            "actors": [self._actor(column) for column in self._seen],
        }

    def _actor(self, column: int) -> tuple[float, float, float, float]:
        """Length, width, and where the way ends: so SUMO knows where it is going, and who has to let it pass."""
        ways, way, one = self.made.ways, self.made.way[0, column : column + 1], self.made.actors[column]
        length = np.array([ways.each[int(way[0])].length_m - END_M])
        end = ways.at(way, length, self.made.aside_m[0, column : column + 1]).xy[0]
        return one.length_m, one.width_m, float(end[0]), float(end[1])

    def _fronts(self, state: State) -> Floats:
        """Of the actors (a, 4): the middle of the front bumper, heading, speed."""
        ways = self.made.ways.at(self.made.way[0], state.along_m[0], state.aside_m[0])
        speed = np.hypot(state.speed_mps[0], state.aside_mps[0])
        turned = np.degrees(np.arctan2(state.aside_mps[0], np.maximum(state.speed_mps[0], 1e-9)))
        heading = np.mod(ways.heading_deg + turned, 360.0)
        half = np.array([one.length_m for one in self.made.actors]) / 2.0
        return np.column_stack([ways.xy + half[:, None] * forward(heading), heading, speed])

    def _near(self, rows: Floats, fronts: Floats) -> Floats:
        """Those within reach, the nearest first."""
        away = np.hypot(rows[:, None, 2] - fronts[:, 0], rows[:, None, 3] - fronts[:, 1]).min(axis=1, initial=np.inf)
        order = np.argsort(away, kind="stable")
        return np.asarray(rows[order[away[order] <= self._given.within_m]])

    def _take_places(self, near: Floats, instant: int) -> None:
        """Who is near keeps its place or takes a free one; one that was left at this instant is free from the next on."""
        taken, left = set(self._places.values()), set(near[:, 0].astype(np.int64).tolist())
        self._places = {number: column for number, column in self._places.items() if number in left}
        for row in near:
            number, kind = int(row[0]), list(self._given.kinds)[int(row[1])]
            if number not in self._places:
                free = [column for column, one in enumerate(self.actors) if one.kind == kind and column not in taken]
                if not free:
                    self._break_off(instant, self._too_many(kind))
                    continue
                self._places[number] = free[0]
                taken.add(free[0])
            self._write_down(self._places[number], row, instant)

    def _break_off(self, instant: int, why: str) -> None:
        """The first reason counts."""
        if not self.broken:
            self.broken_s = instant * self.made.description.step_s
            self.broken = f"{why} at {self.broken_s:.2f} s"

    def _too_many(self, kind: str) -> str:
        there = sum(one.kind == kind for one in self.actors)
        return f"more traffic than places ({there} for a {kind} within {self._given.within_m:g} m; raise most)"

    def _write_down(self, column: int, row: Floats, instant: int) -> None:
        into, (x, y, z, heading, speed, acceleration) = self._columns, row[2:]
        half_m = self.actors[column].length_m / 2.0
        into.xy[instant, column] = np.array([x, y]) - half_m * forward(np.asarray(heading))
        into.elevation_m[instant, column], into.heading_deg[instant, column] = z, heading
        into.speed_mps[instant, column], into.acceleration_mps2[instant, column] = speed, acceleration
        self._number[instant, column] = int(row[0])

    def _others(self, columns: list[int], instant: int) -> Iterator[Other]:
        written = self._columns
        numbers = [getattr(written, one.name)[instant, columns] for one in fields(Columns) if one.name != "xy"]
        xy = written.xy[instant, columns]
        on_ways = self._on_ways(xy, written.heading_deg[instant, columns], written.elevation_m[instant, columns])
        elevation, heading, speed, acceleration = (one.tolist() for one in numbers)
        for row, column in enumerate(columns):
            place = xy[row], elevation[row], heading[row], speed[row], acceleration[row]
            yield Other(self.actors[column], *place, on_ways[row])

    def _on_ways(self, xy: Floats, heading_deg: Floats, elevation_m: Floats) -> list[dict[int, tuple[float, float]]]:
        """Of each (k,), by way on which it drives: along and aside."""
        ways = self.made.ways
        way = np.broadcast_to(np.arange(len(ways.each)), (len(xy), len(ways.each)))
        along, aside = project(ways, way, np.broadcast_to(xy[:, None], (*way.shape, 2)))
        line = ways.at(way, along, np.zeros(way.shape))
        turned = np.abs((heading_deg[:, None] - line.heading_deg + 180.0) % 360.0 - 180.0)
        left, right, length = np.array([(one.edges_m[0], one.edges_m[-1], one.length_m) for one in ways.each]).T
        is_on = (aside >= left) & (aside <= right) & (along >= 0.0) & (along <= length)
        is_on &= (turned <= ALONG_DEG) & (np.abs(line.elevation_m - elevation_m[:, None]) <= DECK_M)
        found: list[dict[int, tuple[float, float]]] = [{} for _ in xy]
        for row, number in np.argwhere(is_on).tolist():
            found[row][number] = float(along[row, number]), float(aside[row, number])
        return found

    # -- the wire ------------------------------------------------------------------------------------------------------------

    def _asked(self, fronts: Floats) -> Floats:
        """Every vehicle of the traffic, in rows as `ROW` has them."""
        self._write(fronts.tobytes())
        (count,) = np.frombuffer(self._read(8), np.int64)
        return np.frombuffer(self._read(8 * len(ROW) * int(count))).reshape(-1, len(ROW))

    def _write(self, data: bytes) -> None:
        try:
            assert self._process is not None and self._process.stdin is not None  # noqa: S101, PT018 - entered
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._lost() from None

    def _read(self, size: int) -> bytes:
        assert self._process is not None and self._process.stdout is not None  # noqa: S101, PT018 - entered
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise self._lost()
        return data

    def _read_line(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None  # noqa: S101, PT018 - entered
        line = self._process.stdout.readline()
        if not line:
            raise self._lost()
        found: dict[str, Any] = json.loads(line)
        return found

    def _lost(self) -> CannotStartError:
        """SUMO's own error, which other lines may follow; else what the process said last, if it came to say anything."""
        assert self._process is not None  # noqa: S101 - entered
        code = self._process.wait(END_S)
        if code < 0:
            return CannotStartError(f"it was ended by signal {-code}", "run it again")
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace").strip().splitlines()
        told = [line for line in said if "Error: " in line] or said[-1:]
        return CannotStartError(
            f"SUMO cannot drive the traffic: {''.join(told[-1:])[-300:]}", "mend the network, or do without it"
        )


@contextmanager
def crowd_of(made: Plan) -> Iterator[Crowd | Nobody]:
    """The traffic of a plan. MissingExtraError without libsumo, CannotStartError when SUMO cannot drive."""
    if made.description.traffic is None:
        yield Nobody()
        return
    if importlib.util.find_spec("libsumo") is None:
        raise MissingExtraError("sumo", "libsumo")
    crowd = Crowd(made)
    try:
        crowd.start()
        yield crowd
    finally:
        crowd.close()


def places_of(given: Traffic) -> tuple[Actor, ...]:
    """Every place as somebody of its kind: each kind has its share of them, and one at least."""
    kinds = [kind for kind, share in given.kinds.items() for _ in range(max(1, round(share * given.most)))]
    return tuple(_actor(number, kind) for number, kind in enumerate(kinds))


def _actor(number: int, kind: str) -> Actor:
    one = KINDS[kind]
    return Actor(f"traffic_{number + 1}", kind, one.length_m, one.width_m, one.mass_kg, is_traffic=True)
