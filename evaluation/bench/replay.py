"""Replay through broker, ingest and inference: how many times as fast as it was a recording can be lived again (design §5).

A replay counts when every row is stored, none dropped, and the live picture shows every vehicle where the recording leaves it. It
has ended when both are true. Vehicles drive as in `evaluation.bench.inference`, each with a unit of its own that speaks at 10 Hz.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np

from chelu.bus import Session
from chelu.bus.swift import SwiftSession
from chelu.clock import SystemClock
from chelu.codec import columns
from chelu.messages import Batch, concatenate
from chelu.topics import PICTURE
from chelu.units import US_PER_S
from evaluation.bench.climb import climb
from evaluation.bench.context import Context
from evaluation.bench.inference import traffic
from evaluation.bench.processes import cores_of_the_machine, watched
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings
from evaluation.bench.road import LOOK_S, STREAM, Road, road
from simulators.connection import connected
from simulators.encoding import Uper
from simulators.fleet import Fleet, fleet_of
from simulators.replay import Options, Replay, ReplayReport
from simulators.scene import SAMPLE, SIGNAL, ActorKind, Origin, Role, Scene, empty, in_memory

HELD = 0.9  # of the speed asked for: what comes after the last message weighs more in a replay of seconds than in a long one
BARS = {1000: 5.0, 200: 20.0}
KEYS = {1000: "replay_speed_factor", 200: "replay_speed_factor_200"}
HIGHEST = {1000: 20.0, 200: 100.0}
TICK_MS, QUIET_S = 100, 4.0
ORIGIN = Origin(29.55, 106.57, 250.0)
SERVICES = ("registry", "ingest", "inference")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One replay; its factor is 0 when anything was lost on the way. cpu_us: processor of each part and of the replay, a row."""

    speed: float
    factor: float
    cpu_us: Mapping[str, float]

    @property
    def is_kept_up_with(self) -> bool:
        return self.factor >= HELD * self.speed


class AheadClock(SystemClock):
    """The machine's clock, set ahead: each replay's event times begin behind those of the one before."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def wall_us(self) -> int:
        return super().wall_us() + self.ahead_us


def run(context: Context) -> Findings:
    """Both bars."""
    figures = []
    for vehicles in (20,) if context.is_quick else BARS:
        found = _measure(context, vehicles)
        figures.append(
            Figure(
                what=f"replay of {vehicles} vehicles, all stored and in the picture",
                values=tuple(one.factor for one in found),
                unit="× real time",
                key=KEYS.get(vehicles, ""),
                bar=BARS.get(vehicles),
            )
        )
        for name in found[0].cpu_us:
            costs = tuple(one.cpu_us[name] for one in found)
            figures.append(Figure(what=f"processor of {name} there", values=costs, unit="µs/row"))
    return Findings(figures)


def scene_of(vehicles: int, seconds: float) -> Scene:
    """Everybody on a grid of streets, ten samples a second."""
    pieces = []
    for tick in range(round(seconds * 1000) // TICK_MS):
        rows = traffic(vehicles, tick)
        columns_ = {name: np.zeros(vehicles, dtype) for name, dtype in SAMPLE.items()}
        columns_ |= {"time_ms": np.full(vehicles, tick * TICK_MS), "actor": np.arange(vehicles)}
        columns_ |= {"x_m": rows.xyz[:, 0], "y_m": rows.xyz[:, 1], "speed_mps": rows.speed_mps, "heading_deg": rows.heading_deg}
        pieces.append(Batch(columns_))
    size = {name: np.full(vehicles, value) for name, value in (("length_m", 4.6), ("width_m", 1.8), ("height_m", 1.5))}
    kinds = {"kind": np.full(vehicles, ActorKind.CAR, np.uint8), "role": np.full(vehicles, Role.OBU, np.uint8)}
    names = np.array([f"v{number}" for number in range(vehicles)], "U48")
    return in_memory("bench", ORIGIN, Batch({"name": names, **kinds, **size}), concatenate(pieces), empty(SIGNAL))


def _measure(context: Context, vehicles: int) -> list[Attempt]:
    stretch_s, rounds, first = (2.0, 1, 1.0) if context.is_quick else (5.0, 5, 1.2 * BARS[vehicles])
    highest = 1.0 if context.is_quick else HIGHEST[vehicles]
    scene = scene_of(vehicles, highest * stretch_s)
    fleet, clock = fleet_of(scene, f"replay-{vehicles}"), AheadClock()
    with road(cores=cores_of_the_machine(), services=SERVICES) as site:
        environ = {"CHELU_HOME": str(site.site.layout.data)}
        with connected(site.client, fleet, scene.origin, clock, environ) as sessions, _picture(site, fleet) as picture:
            run_ = _Run(site, fleet, sessions, picture, clock, vehicles)

            def attempt(speed: float) -> Attempt:
                context.tell(f"{vehicles} vehicles at {speed:.1f} × real time")
                return run_.attempt(scene.clipped(0.0, speed * stretch_s), speed)

            attempt(1.0)  # caches fill, the model is loaded
            found = climb(attempt, lambda one: one.is_kept_up_with, first=first, highest=highest, halvings=2)
            speed = found.top or max(one.factor for _, one in found.rungs) or found.rungs[-1][0]
            return [attempt(speed) for _ in range(rounds)]


@dataclass(frozen=True, slots=True)
class _Run:
    """What every attempt needs."""

    site: Road
    fleet: Fleet
    sessions: Sequence[SwiftSession]
    picture: Session
    clock: AheadClock
    vehicles: int

    def attempt(self, scene: Scene, speed: float) -> Attempt:
        """Replay a scene and wait until it has arrived everywhere."""
        used_s, ahead_us = time.process_time(), self.clock.ahead_us
        with watched(self.site.pids(), LOOK_S) as watch:
            options = Options(speed=speed)
            report = Replay(scene, self.fleet, self.sessions, Uper(), clock=self.clock, options=options).run()
            if report.is_interrupted:
                raise KeyboardInterrupt
            ended_us = _ended_us(self.site, report, self.picture, ahead_us, self.vehicles)
        cpu_s = {**watch.cpu_s(), "replay": time.process_time() - used_s}
        length_us = report.event_to_us - report.event_from_us
        self.clock.ahead_us += length_us + 5 * US_PER_S
        factor = length_us / (ended_us - (report.pace.anchor_us - ahead_us)) if ended_us else 0.0
        return Attempt(speed, factor, {name: used / max(report.published[STREAM], 1) * 1e6 for name, used in cpu_s.items()})


def _ended_us(site: Road, report: ReplayReport, picture: Session, ahead_us: int, vehicles: int) -> int:
    """When everything had arrived in the tables and in the picture, µs of the wall; 0 when something never did."""
    wanted = report.published[STREAM]
    last_us, begun_us = report.event_to_us - TICK_MS * 1000 - 1000, report.begun_us - ahead_us - US_PER_S
    stored, seen, since = 0, 0, time.monotonic()
    while time.monotonic() - since < QUIET_S and not report.unsent:
        account = site.client.accounts(from_us=begun_us).get(STREAM)
        now = (account.stored if account else 0, max(seen, arrived(picture, last_us)))
        if now != (stored, seen):
            (stored, seen), since = now, time.monotonic()
        if stored >= wanted and seen >= vehicles:
            return time.time_ns() // 1000
    return 0


def arrived(picture: Session, last_us: int) -> int:
    """How many vehicles of the newest picture have been heard at the recording's last instant."""
    newest = None
    while received := picture.drain(64, 0.05):
        newest = received[-1]
    if newest is None:
        return 0
    batch, header = columns.unpack(newest.payload)
    time_us = header["time_us"] - batch["age_ms"].astype(np.float64) * 1000
    return int(np.count_nonzero(time_us >= last_us))


@contextmanager
def _picture(site: Road, fleet: Fleet) -> Iterator[Session]:
    endpoints, account = site.site.endpoints, "console"
    secret = json.loads(site.site.layout.accounts.read_text())[account]
    url = f"mqtt://{account}:{quote(secret, safe='')}@{endpoints.mqtt_host}:{endpoints.mqtt_port}"
    session = Session(url, client_id=account, clock=SystemClock(), subscriptions=[PICTURE.format(site=fleet.site)])
    session.start()
    try:
        session.wait_connected(10)
        yield session
    finally:
        session.stop()
