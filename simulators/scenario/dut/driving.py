"""Runs a scenario with a device under test in the loop: it hears what its actor would hear, in real time, and warns.

Over MQTT all actors speak at the site as in a run through the platform, the device's own among them; over UDP there is no site.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from chelu.api import Client, NewDevice
from chelu.clock import Clock
from chelu.errors import UnreachableError
from chelu.local.files import Layout, home, write_text
from chelu.messages import Batch
from chelu.topics import Kind
from simulators.connection import broker_address, connected
from simulators.encoding import Uper
from simulators.fleet import Fleet, fleet_of, site_record
from simulators.letters import Letters
from simulators.replay import Replay, ReplayReport, Session
from simulators.scenario.air import Air, Radio
from simulators.scenario.dut.bench import Bench
from simulators.scenario.dut.dialogue import Dialogue, NotThereError
from simulators.scenario.dut.links import BrokerLink, Link, UdpLink, filters
from simulators.scenario.dut.said import People, Warned
from simulators.scenario.platform import (
    DEFAULT_ORIGIN,
    MESSAGE_COLUMNS,
    OPTIONS,
    WARNING_COLUMNS,
    lay_roads,
    nothing_of,
    origin_of,
    replayed,
    with_drives,
)
from simulators.scenario.scenes import scene_of
from simulators.scenario.trace import Trace
from simulators.scene import Origin, Scene

MARK_MS = 60_000  # secMark counts within the minute


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of one run, as `platform.Came` has it; rig: what `simulators.scenario.metrics.device` measures."""

    warnings: Batch
    messages: Batch
    rig: Mapping[str, float]
    broken: str = ""
    through_s: float = np.inf


def driven(trace: Trace, radios: Sequence[Radio], name: str, bench: Bench) -> Trace:
    """The trace with what the device said in every run, one run after the other. name: the scenario's, which the device is told.

    A device that does not come, a broker that is lost or Ctrl-C end the matter: a run is kept as far as it came, those after it
    as runs without a device, and none of them is judged.
    """
    each: list[Driven] = []
    try:
        for run in range(trace.runs):
            each.append(_drive(trace, run, radios[run], name, bench))
            if each[-1].broken:
                break
    except (NotThereError, UnreachableError) as error:
        bench.say(str(error))
    except KeyboardInterrupt:
        bench.say(f"interrupted in run {len(each)}: it and what would have come after it are not judged")
    each += [_nobody() for _ in range(trace.runs - len(each))]
    rig = {key: np.array([one.rig[key] for one in each]) for key in each[0].rig}
    return replace(with_drives(trace, each), rig={**trace.rig, **rig})


def _drive(trace: Trace, run: int, radio: Radio, name: str, bench: Bench) -> Driven:
    with _link(trace, run, radio, bench) as (link, fleet, scene, device):
        people = people_of(trace, fleet, bench.actor)
        talk = Dialogue(link, bench.clock, people, device=device)
        about = {"scenario": name, "run": run, "vehicle_id": f"{people.own:016x}"}
        talk.await_ready(about, bench.device.ready_s)
        handed: dict[tuple[int, int], int] = {}
        air = Air(radio, bench.clock, own=bench.actor)

        def overhear(letters: Letters) -> None:
            heard = letters.take(np.flatnonzero(~np.isin(letters.device, bench.unheard)))
            air.arrive(heard.take(np.flatnonzero(heard.device != bench.actor)))
            _hand_over(heard, link, fleet, handed, bench.clock)

        def progress(report: ReplayReport) -> None:
            talk.turn()
            bench.tell((report.through_ms - scene.begin_ms) / (scene.end_ms - scene.begin_ms), run)

        replay = Replay(
            scene,
            fleet,
            [link],
            Uper(),
            clock=bench.clock,
            options=OPTIONS,
            on_progress=progress,
            overhear=overhear,
            air=air.through,
        )
        report, broken = replayed(replay, bench.clock)
        if not broken:
            talk.turn()
            talk.end(bench.device.silent_s)
        return Driven(
            warnings=_rows(talk.warned, run, trace.actors[bench.actor].name, report, handed),
            messages=air.messages(run, [one.name for one in trace.actors], report.pace.anchor_us),
            rig=_rig(talk, report, link),
            broken=broken,
            through_s=(report.through_ms - scene.begin_ms) / 1000 if broken else np.inf,
        )


def _hand_over(letters: Letters, link: Link, fleet: Fleet, handed: dict[tuple[int, int], int], clock: Clock) -> None:
    """Every frame that is due, its own actor's among them: that is where the device learns where it is."""
    columns = (letters.start, letters.stop, letters.device, letters.is_bsm, letters.event_us)
    for start, stop, device, is_bsm, event_us in zip(*(column.tolist() for column in columns), strict=True):
        if is_bsm:
            handed[int(fleet.vehicle_ids[device]), event_us // 1000 % MARK_MS] = clock.wall_us()
        link.hand_over(letters.data[start:stop].tobytes())


def _rows(warned: Sequence[Warned], run: int, host: str, report: ReplayReport, handed: Mapping[tuple[int, int], int]) -> Batch:
    """As `Trace.warnings`: time_s is when the rig had it, on the run's clock; latency_s: since its cause was handed over."""
    arrival_us = np.array([one.arrival_us for one in warned], np.int64)
    since_us = np.array([handed.get(one.cause or (0, 0), np.nan) for one in warned], np.float64)
    return Batch(
        {
            "run": np.full(len(warned), run, np.int64),
            "time_s": (arrival_us - report.pace.anchor_us) / 1e6,
            "application": np.array([one.application for one in warned], "U16"),
            "host": np.full(len(warned), host, "U48"),
            "other": np.array([one.other for one in warned], "U48"),
            "state": np.array([one.state for one in warned], "U16"),
            "latency_s": (arrival_us - since_us) / 1e6,
        }
    )


def _rig(talk: Dialogue, report: ReplayReport, link: Link) -> dict[str, float]:
    is_whole = link.is_whole and not report.unsent
    return {
        "lag_s": report.lag.percentile_s(100) if is_whole else np.inf,
        "device_absence_s": talk.absence_s,
        "unreadable_messages": float(len(talk.unreadable)),
        "unknown_warnings": float(sum(not one.is_known for one in talk.warned)),
        "clock_offset_s": talk.clock_offset_s,
    }


def _nobody() -> Driven:
    rig = dict.fromkeys(("lag_s", "unreadable_messages", "unknown_warnings", "clock_offset_s"), np.nan)
    return Driven(nothing_of(WARNING_COLUMNS), nothing_of(MESSAGE_COLUMNS), {**rig, "device_absence_s": np.inf})


def people_of(trace: Trace, fleet: Fleet, actor: int) -> People:
    """Who may be named in a warning, by the ids that they have on the air."""
    names = {int(number): one.name for number, one in zip(fleet.vehicle_ids, trace.actors, strict=True)}
    seen = {row: one.name for row, one in enumerate(trace.actors) if not fleet.obu_ids[row]}
    return People(names, seen, int(fleet.vehicle_ids[actor]))


@contextmanager
def _link(trace: Trace, run: int, radio: Radio, bench: Bench) -> Iterator[tuple[_Place, Fleet, Scene, str]]:
    """A way to the device, the devices of the run with it among them, its scene, and what the device is called."""
    if bench.device.udp is not None:
        scene = scene_of(trace, run, DEFAULT_ORIGIN, bench.site, radio)
        with UdpLink(bench.device.udp.hears, bench.device.udp.says, bench.clock) as link:
            yield link, fleet_of(scene, bench.site), scene, f"at {bench.device.udp.hears}"
        return
    with Client.find(dict(bench.environ)) as client:
        scene = scene_of(trace, run, origin_of(client, bench.site), bench.site, radio)
        fleet, device = with_device(fleet_of(scene, bench.site), bench)
        _enlist(client, fleet, device, scene.origin, bench)
        with connected(client, fleet, scene.origin, bench.clock, bench.environ, filters(device)) as (session,):
            lay_roads(client, bench.site, trace, run)
            yield BrokerLink(session, device), fleet, scene, device


class _Place(Link, Session, Protocol):
    """What both links are: a way to the device, and a replay's session."""


def with_device(fleet: Fleet, bench: Bench) -> tuple[Fleet, str]:
    """The fleet in which the device speaks for its actor, and the device's id."""
    given = bench.device.mqtt.device if bench.device.mqtt else None
    names = list(fleet.obu_ids)
    names[bench.actor] = given or names[bench.actor]
    return replace(fleet, obu_ids=tuple(names)), names[bench.actor]


def _enlist(client: Client, fleet: Fleet, device: str, origin: Origin, bench: Bench) -> None:
    """Register the device unless it is, and put its secret where whoever runs it finds it."""
    if fleet.site not in {one.site_id for one in client.sites()}:
        client.add_site(site_record(fleet, origin))
    if device in {one.device_id for one in client.devices(site=fleet.site, limit=10_000)}:
        return
    number = int(fleet.vehicle_ids[bench.actor])
    record = NewDevice(device_id=device, kind=Kind.OBU, site_id=fleet.site, vehicle_id=f"{number:016x}", name="under test")
    (made,) = client.add_devices([record])
    layout = Layout(home(bench.environ))
    file = secret_file(layout, device)
    write_text(file, f"{made.secret}\n")
    bench.say(f"{device} is registered; broker {broker_address(bench.environ, layout)}, its secret is in {file}")


def secret_file(layout: Layout, device: str) -> Path:
    """Where the secret goes of a device that the rig has registered."""
    return layout.data / f"{device}.secret"
