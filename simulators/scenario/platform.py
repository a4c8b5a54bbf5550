"""Runs a scenario through the platform: its actors speak over the broker in real time, and what they are told is kept.

Who drives does so as the engine has it; what is tested is who was warned of what, and when. The run is in real time: what left
too late or was lost makes it invalid, whatever came of it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from chelu.api import Client
from chelu.clock import Clock
from chelu.errors import CheluError, UnreachableError
from chelu.messages import Batch, concatenate
from simulators.connection import connected
from simulators.encoding import Uper
from simulators.fleet import Fleet, fleet_of
from simulators.replay import Options, Replay, ReplayReport
from simulators.scenario.air import Air, Radio
from simulators.scenario.scenes import scene_of
from simulators.scenario.sumo_net import programme, sumo_net
from simulators.scenario.trace import Trace
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
OPTIONS = Options(patience_s=5.0)  # longer, and nothing could be judged any more
NOT_BEGUN = "not begun: the run before it was broken off"
LISTEN_S = 1.0  # after the last message: what it gave rise to is still on its way
DEFAULT_ORIGIN = Origin(29.53, 106.57, 240.0)  # where the site is made, if it is not registered yet


def driven(
    trace: Trace,
    radios: Sequence[Radio],
    site: str,
    clock: Clock,
    environ: Mapping[str, str],
    tell: Callable[[float], None] = lambda _: None,
) -> Trace:
    """The trace with what its actors were told in every run, one run after the other; `tell` gets the share that is done.

    The site is made if there is none. `rig` has the lag: what came so late that the machine, not what is tested, decided. A run
    that is interrupted, or loses its broker, is kept as far as it came, and ends the matter. CheluErrors of the registry and the
    broker when they are not there, or refuse, before the first run has begun.
    """
    each: list[Drive] = []
    for run in range(trace.runs):
        if each and each[-1].broken:
            each.append(Drive(nothing_of(WARNING_COLUMNS), nothing_of(MESSAGE_COLUMNS), np.nan, NOT_BEGUN, 0.0))
            continue
        each.append(_drive(trace, run, radios[run], site, clock, environ, partial(_part, tell, run, trace.runs)))
    return replace(with_drives(trace, each), rig={**trace.rig, "lag_s": np.array([one.lag_s for one in each])})


def with_drives(trace: Trace, each: Sequence[Came]) -> Trace:
    """The trace with what came of all its runs; of one that was broken off only what it came to counts."""
    last = np.minimum(trace.last, [round(min(one.through_s, 1e6) / trace.step_s) for one in each])
    over = trace.contact_s > last * trace.step_s
    return replace(
        trace,
        warnings=concatenate([one.warnings for one in each]),
        messages=concatenate([one.messages for one in each]),
        broken=tuple(one.broken for one in each) if any(one.broken for one in each) else (),
        last=last,
        contact_s=np.where(over, np.inf, trace.contact_s),
        contact=np.where(over[:, None], -1, trace.contact),
    )


def _part(tell: Callable[[float], None], run: int, runs: int, share: float) -> None:
    tell((run + share) / runs)


class Came(Protocol):
    """What came of one run. broken: why it did not come to its end; through_s: how far it was driven, inf to its end."""

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

    warnings: Batch
    messages: Batch
    lag_s: float
    broken: str = ""
    through_s: float = np.inf


def nothing_of(columns: Mapping[str, Any]) -> Batch:
    """No rows."""
    return Batch({name: np.empty(0, kind) for name, kind in columns.items()})


def _drive(
    trace: Trace,
    run: int,
    radio: Radio,
    site: str,
    clock: Clock,
    environ: Mapping[str, str],
    tell: Callable[[float], None],
) -> Drive:
    with Client.find(dict(environ)) as client:
        scene = scene_of(trace, run, origin_of(client, site), site, radio)
        fleet, air = fleet_of(scene, site), Air(radio, clock)
        with connected(client, fleet, scene.origin, clock, environ) as sessions:
            lay_roads(client, site, trace, run)
            replay = Replay(
                scene,
                fleet,
                sessions,
                Uper(),
                clock=clock,
                options=OPTIONS,
                on_progress=lambda one: tell(_share(one, scene)),
                overhear=air.arrive,
                air=air.through,
            )
            report, broken = replayed(replay, clock)
    messages = air.messages(run, [one.name for one in trace.actors], report.pace.anchor_us)
    warnings = warnings_of(report, scene, fleet, run)
    if broken:
        return Drive(warnings, messages, np.inf, broken, (report.through_ms - scene.begin_ms) / 1000)
    return Drive(warnings, messages, lag_s(report))


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
    programmes = {name: programme(shown[:, run].tolist(), trace.step_s) for name, shown in trace.lights.items()}
    roads = sumo_net(trace.ways, trace.stop_lines, programmes)
    packed = gzip.compress(roads, mtime=0)
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


def _share(report: ReplayReport, scene: Scene) -> float:
    return (report.through_ms - scene.begin_ms) / (scene.end_ms - scene.begin_ms)


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
