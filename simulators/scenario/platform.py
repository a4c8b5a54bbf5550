"""Runs a scenario through the platform: its actors speak over the broker in real time, and what they are told is kept.

Who drives does so as the engine has it, and acts on what they are warned of where the scenario says so; what is tested is who was
warned of what, and when. The run is in real time: what left too late or was lost makes it invalid, whatever came of it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from chelu.api import Client
from chelu.clock import Clock
from chelu.errors import CheluError, UnreachableError
from chelu.messages import Batch
from simulators.connection import connected
from simulators.encoding import Uper
from simulators.fleet import Fleet, fleet_of
from simulators.replay import Replay, ReplayReport
from simulators.scenario.air import Air
from simulators.scenario.cases import Cases
from simulators.scenario.course import LOOK_AHEAD_S, Course
from simulators.scenario.description import Description
from simulators.scenario.engine import simulate
from simulators.scenario.joining import joined
from simulators.scenario.plan import plan
from simulators.scenario.roadside import Roadside, enlist_sensor, has_weather
from simulators.scenario.scenes import scene_of
from simulators.scenario.sumo_net import roads_of
from simulators.scenario.trace import Trace
from simulators.scenario.traffic.passing import by_place
from simulators.scene import Origin, Scene
from simulators.verdicts import RAISED, about, named

WARNING_COLUMNS: Mapping[str, Any] = {
    "run": np.int64,
    "time_s": np.float64,
    "application": "U16",
    "host": "U48",
    "other": "U48",
    "state": "U16",
    "latency_s": np.float64,
}
MESSAGE_COLUMNS: Mapping[str, Any] = {"run": np.int64, "sender": "U48", "sent_s": np.float64, "received_s": np.float64}
NOT_BEGUN = "not begun: the run before it was broken off"
AWAY = "the broker was away meanwhile: what was said then may be lost"
LISTEN_S = 1.0  # after the last message: what it gave rise to is still on its way
DEFAULT_ORIGIN = Origin(29.53, 106.57, 240.0)  # where the site is made, if it is not registered yet


def driven(
    description: Description,
    cases: Cases,
    site: str,
    clock: Clock,
    environ: Mapping[str, str],
    tell: Callable[[float], None] = lambda _: None,
) -> Trace:
    """Every case with what its actors were told, one after the other; `tell` gets the share that is done.

    The site is made if there is none. `rig` has the lag: what came so late that the machine, not what is tested, decided. A run
    that is interrupted, or loses its broker, is kept as far as it came, and ends the matter. CheluErrors of the registry and the
    broker when they are not there, or refuse, before the first run has begun.
    """
    each: list[Trace] = []
    for case in range(len(cases)):
        made = plan(description, cases.take(np.array([case])))
        if each and each[-1].broken:
            nothing = nothing_of(WARNING_COLUMNS), nothing_of(MESSAGE_COLUMNS)
            drive = Drive(simulate(made), *nothing, np.nan, NOT_BEGUN, 0.0)
        else:
            with Course(made) as course:
                drive = _drive(course, site, clock, environ, partial(_part, tell, case, len(cases)))
        each.append(replace(with_drive(drive), rig={"lag_s": np.array([drive.lag_s])}))
    return joined(each)


def with_drive(one: Came) -> Trace:
    """The trace of a run with what came of it; of one that was broken off only what it came to counts."""
    trace = replace(one.trace, warnings=one.warnings, messages=one.messages, broken=(one.broken,) if one.broken else ())
    return until(trace, one.through_s)


def until(trace: Trace, time_s: float) -> Trace:
    """Until a time: what the engine made of the rest does not count."""
    if np.isinf(time_s):
        return trace
    last = np.minimum(trace.last, round(time_s / trace.step_s))
    over = trace.contact_s > last * trace.step_s
    contact = np.where(over[:, None], -1, trace.contact)
    return replace(trace, last=last, contact_s=np.where(over, np.inf, trace.contact_s), contact=contact)


def _part(tell: Callable[[float], None], run: int, runs: int, share: float) -> None:
    tell((run + share) / runs)


class Came(Protocol):
    """What came of one run. broken: why it did not come to its end; through_s: how far it was driven, inf to its end."""

    @property
    def trace(self) -> Trace: ...
    @property
    def warnings(self) -> Batch: ...
    @property
    def messages(self) -> Batch: ...
    @property
    def broken(self) -> str: ...
    @property
    def through_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Drive:
    """What came of one run through the platform."""

    trace: Trace
    warnings: Batch
    messages: Batch
    lag_s: float
    broken: str = ""
    through_s: float = np.inf


def nothing_of(columns: Mapping[str, Any]) -> Batch:
    """No rows."""
    return Batch({name: np.empty(0, kind) for name, kind in columns.items()})


def _drive(course: Course, site: str, clock: Clock, environ: Mapping[str, str], tell: Callable[[float], None]) -> Drive:
    with Client.find(dict(environ)) as client:
        origin, radio = origin_of(client, site), course.radio
        scene = scene_of(course.trace, 0, origin, site, radio)
        fleet, air = fleet_of(scene, site), Air(radio, clock)

        def progress(report: ReplayReport) -> None:
            if follow(course, report, lambda: warnings_of(report, scene, fleet, 0)):
                replay.go_on_with(scene_of(course.trace, 0, origin, site, course.radio))
            roadside.turn()
            tell(share_of(report, course.trace))

        with connected(client, fleet, origin, clock, environ) as sessions:
            lay_roads(client, site, course.trace, 0)
            if has_weather(course.made.description):
                enlist_sensor(client, fleet)
            roadside = Roadside(course.made.description, course.trace, fleet, origin, clock, sessions[0])
            replay = Replay(
                scene,
                fleet,
                sessions,
                Uper(),
                clock=clock,
                options=course.pace,
                on_progress=progress,
                overhear=air.arrive,
                air=air.through,
            )
            before = [one.connections for one in sessions]
            with roadside:
                report, broken = replayed(replay, clock)
            if not broken and [one.connections for one in sessions if one.is_connected] != before:
                broken = AWAY
    heard = air.messages(0, scene.actors["name"].tolist(), report.pace.anchor_us)
    messages = by_place(course.trace, heard, "sent_s", "sender")
    warnings = by_place(course.trace, warnings_of(report, scene, fleet, 0), "time_s", "host", "other")
    if broken:
        return Drive(course.trace, warnings, messages, np.inf, broken, through_s(report))
    return Drive(course.trace, warnings, messages, max(lag_s(report), course.late_s))


def follow(course: Course, report: ReplayReport, warnings: Callable[[], Batch]) -> bool:
    """Let the course take in what has been warned of; whether it is another one in the next stretch that is told."""
    if course.may_change:
        course.warned(warnings(), through_s(report))
    return course.turned(through_s(report) + LOOK_AHEAD_S)


def through_s(report: ReplayReport) -> float:
    """How far a run was driven."""
    return (report.through_ms - report.pace.begin_ms) / 1000


def share_of(report: ReplayReport, trace: Trace) -> float:
    """Which part of it is done."""
    return min(through_s(report) / max(float(trace.last[0]) * trace.step_s, trace.step_s), 1.0)


def replayed(replay: Replay, clock: Clock) -> tuple[ReplayReport, str]:
    """What a replay did, and why it did not come to its end, empty when it did."""
    try:
        report = replay.run()
        if report.is_interrupted:
            return report, "interrupted"
        replay.listen(report, LISTEN_S)
    except UnreachableError as error:
        return replay.report(clock), str(error)
    except KeyboardInterrupt:
        return replay.report(clock), "interrupted"
    return report, ""


def lag_s(report: ReplayReport) -> float:
    """The most by which a message left too late, or a warning was raised after the message that caused it; inf when any was lost.

    A warning that is cleared comes some time after the last message that concerns it, and that is no delay.
    """
    if report.unsent:
        return np.inf
    raised_us = (one.latency_us or 0 for one in report.warnings if one.state == RAISED)
    return max(report.lag.percentile_s(100), max(raised_us, default=0) / 1e6)


def lay_roads(client: Client, site: str, trace: Trace, run: int) -> None:
    """Tell the register the road of this run, unless it knows it already."""
    packed = gzip.compress(roads_of(trace, run), mtime=0)
    try:
        known = client.roads(site)
    except CheluError:
        known = b""
    if known != packed:
        client.put_roads(site, packed)


def origin_of(client: Client, site: str) -> Origin:
    """Where a site lies; where it will, if it is not registered yet."""
    for one in client.sites():
        if one.site_id == site:
            return Origin(one.latitude_deg, one.longitude_deg, one.elevation_m)
    return DEFAULT_ORIGIN


def warnings_of(report: ReplayReport, scene: Scene, fleet: Fleet, run: int) -> Batch:
    """What the actors were told, as `Trace.warnings`: time_s is when the actor had it, on the run's clock."""
    names = {int(number): str(name) for number, name in zip(fleet.vehicle_ids, scene.actors["name"], strict=True)}
    told = sorted(report.warnings, key=lambda one: one.received_us)
    received_us = np.array([one.received_us for one in told], np.int64)
    return Batch(
        {
            "run": np.full(len(told), run, np.int64),
            "time_s": (received_us - report.pace.anchor_us) / 1e6,
            "application": np.array([one.application for one in told], "U16"),
            "host": np.array([named(one.host, names) for one in told], "U48"),
            "other": np.array([about(one, names) for one in told], "U48"),
            "state": np.array([one.state for one in told], "U16"),
            "latency_s": np.array([np.nan if one.latency_us is None else one.latency_us / 1e6 for one in told]),
        }
    )
