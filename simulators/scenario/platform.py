"""Runs a scenario through the platform: its actors speak over the broker in real time, and what they are told is kept.

Who drives does so as the engine has it; what is tested is who was warned of what, and when. The run is in real time: what left
too late or was lost makes it invalid, whatever came of it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from chelu.api import Client
from chelu.clock import Clock
from chelu.errors import CheluError
from chelu.messages import Batch, concatenate
from simulators.connection import connected
from simulators.encoding import Uper
from simulators.fleet import Fleet, fleet_of
from simulators.replay import Replay, ReplayReport
from simulators.scenario.scenes import scene_of
from simulators.scenario.sumo_net import programme, sumo_net
from simulators.scenario.trace import Trace
from simulators.scene import Origin, Scene
from simulators.verdicts import RAISED, about, named

LISTEN_S = 1.0  # after the last message: what it gave rise to is still on its way
DEFAULT_ORIGIN = Origin(29.53, 106.57, 240.0)  # where the site is made, if it is not registered yet


def driven(
    trace: Trace, site: str, clock: Clock, environ: Mapping[str, str], tell: Callable[[float], None] = lambda _: None
) -> Trace:
    """The trace with what its actors were told in every run, one run after the other; `tell` gets the share that is done.

    The site is made if there is none. `rig` has the lag: what came so late that the machine, not what is tested, decided.
    CheluErrors of the registry and the broker when they are not there or refuse; KeyboardInterrupt.
    """
    told, lags = [], []
    for run in range(trace.runs):
        one = _drive(trace, run, site, clock, environ, partial(_part, tell, run, trace.runs))
        told.append(one.warnings)
        lags.append(one.lag_s)
    return replace(trace, warnings=concatenate(told), rig={**trace.rig, "lag_s": np.array(lags)})


def _part(tell: Callable[[float], None], run: int, runs: int, share: float) -> None:
    tell((run + share) / runs)


@dataclass(frozen=True, slots=True)
class Drive:
    """What came of one run."""

    warnings: Batch
    lag_s: float


def _drive(trace: Trace, run: int, site: str, clock: Clock, environ: Mapping[str, str], tell: Callable[[float], None]) -> Drive:
    with Client.find(dict(environ)) as client:
        scene = scene_of(trace, run, origin_of(client, site), site)
        fleet = fleet_of(scene, site)
        with connected(client, fleet, scene.origin, clock, environ) as sessions:
            lay_roads(client, site, trace, run)
            replay = Replay(scene, fleet, sessions, Uper(), clock=clock, on_progress=lambda one: tell(_share(one, scene)))
            report = replay.run()
            replay.listen(report, LISTEN_S)
    if report.is_interrupted:
        raise KeyboardInterrupt
    return Drive(warnings_of(report, scene, fleet, run), lag_s(report))


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
