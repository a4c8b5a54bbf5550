"""Runs a scenario with a device under test in the loop: it hears what its actor would hear, in real time, and warns.

Who waits for its warning acts on it. Over MQTT all actors speak at the site as in a run through the platform, the device's own
among them; over UDP there is no site.
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
from chelu.errors import ConfigurationError, UnreachableError
from chelu.geo import LocalFrame
from chelu.local.files import Layout, home, write_text
from chelu.messages import Batch
from chelu.topics import Kind
from simulators.connection import broker_address, connected
from simulators.encoding import Uper
from simulators.enrolment import CHILDREN
from simulators.fleet import Fleet, fleet_of, site_record
from simulators.letters import Letters
from simulators.replay import Replay, ReplayReport, Session
from simulators.scenario.air import Air, Radio
from simulators.scenario.cases import Cases
from simulators.scenario.course import AHEAD_S, LOOK_AHEAD_S, Course
from simulators.scenario.description import Description
from simulators.scenario.dut.bench import Bench
from simulators.scenario.dut.cooperating import Counterpart, rows_of
from simulators.scenario.dut.dialogue import Dialogue, NotThereError
from simulators.scenario.dut.links import BrokerLink, Link, UdpLink, filters
from simulators.scenario.dut.said import People, Warned
from simulators.scenario.engine import simulate
from simulators.scenario.joining import joined
from simulators.scenario.plan import plan
from simulators.scenario.platform import (
    DEFAULT_ORIGIN,
    MESSAGE_COLUMNS,
    WARNING_COLUMNS,
    follow,
    lay_roads,
    nothing_of,
    origin_of,
    replayed,
    share_of,
    through_s,
    with_drive,
)
from simulators.scenario.roadside import Roadside, enlist_sensor, has_weather
from simulators.scenario.scenes import scene_of
from simulators.scenario.trace import Trace
from simulators.scenario.traffic.passing import by_place
from simulators.scene import Origin, Scene

MARK_MS = 60_000  # secMark counts within the minute


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of one run, as `platform.Came` has it; rig: what `simulators.scenario.metrics.device` measures."""

    trace: Trace
    warnings: Batch
    messages: Batch
    cooperation: Batch
    rig: Mapping[str, float]
    broken: str = ""
    through_s: float = np.inf


def driven(description: Description, cases: Cases, bench: Bench) -> Trace:
    """Every case with what the device said, one after the other.

    A device that does not come, a broker that is lost or Ctrl-C end the matter: a run is kept as far as it came, those after it
    as runs without a device, and none of them is judged.
    """
    each: list[Driven] = []
    try:
        for case in range(len(cases)):
            with Course(plan(description, cases.take(np.array([case])))) as course:
                each.append(_drive(course, case, bench))
            if each[-1].broken:
                break
    except (NotThereError, UnreachableError) as error:
        bench.say(str(error))
    except KeyboardInterrupt:
        bench.say(f"interrupted in run {len(each)}: it and what would have come after it are not judged")
    left = range(len(each), len(cases))
    each += [_nobody(simulate(plan(description, cases.take(np.array([case]))))) for case in left]
    return joined([_with_rig(one) for one in each])


def _with_rig(one: Driven) -> Trace:
    rig = {key: np.array([value]) for key, value in one.rig.items()}
    return replace(with_drive(one), rig=rig, cooperation=one.cooperation)


def _drive(course: Course, case: int, bench: Bench) -> Driven:
    radio, host = course.radio, course.trace.actors[bench.actor].name
    with _link(course, radio, bench) as (link, fleet, scene, device, roadside):
        people = people_of(scene, fleet, bench.actor)
        talk = Dialogue(link, bench.clock, people, device=device)
        about = {"scenario": course.name, "run": case, "vehicle_id": f"{people.own:016x}"}
        talk.await_ready(about, bench.device.ready_s)
        handed: dict[tuple[int, int], int] = {}
        air, roads = Air(radio, bench.clock, own=bench.actor), Counterpart(bench.device.told, link.tell, bench.clock)

        def overhear(letters: Letters) -> None:
            heard = letters.take(np.flatnonzero(~np.isin(letters.device, bench.unheard)))
            air.arrive(heard.take(np.flatnonzero(heard.device != bench.actor)))
            _hand_over(heard, link, fleet, handed, bench.clock)

        def progress(report: ReplayReport) -> None:
            talk.turn()
            roads.turn(report.pace.anchor_us, talk.exchanged())
            roadside.turn()
            if follow(course, report, lambda: _rows(talk.warned, host, report, handed)):
                replay.go_on_with(scene_of(course.trace, 0, scene.origin, bench.site, course.radio))
            bench.tell(share_of(report, course.trace), case)

        replay = Replay(
            scene,
            fleet,
            [link],
            Uper(),
            clock=bench.clock,
            options=replace(course.pace, look_ahead_s=LOOK_AHEAD_S, ahead_s=AHEAD_S) if bench.device.told else course.pace,
            on_progress=progress,
            overhear=overhear,
            air=air.through,
        )
        with roadside:
            report, broken = replayed(replay, bench.clock)
        if not broken:
            talk.turn()
            talk.end(bench.device.silent_s)
        roads.turn(report.pace.anchor_us, talk.exchanged())
        heard = air.messages(0, scene.actors["name"].tolist(), report.pace.anchor_us)
        return Driven(
            trace=course.trace,
            warnings=by_place(course.trace, _rows(talk.warned, host, report, handed), "time_s", "other"),
            messages=by_place(course.trace, heard, "sent_s", "sender"),
            cooperation=rows_of(roads.exchanges, report.pace.anchor_us, course.trace, bench.actor, frame_of(scene.origin)),
            rig=_rig(talk, report, link, course.late_s),
            broken=broken,
            through_s=through_s(report) if broken else np.inf,
        )


def _hand_over(letters: Letters, link: Link, fleet: Fleet, handed: dict[tuple[int, int], int], clock: Clock) -> None:
    """Every frame that is due, its own actor's among them: that is where the device learns where it is."""
    columns = (letters.start, letters.stop, letters.device, letters.is_bsm, letters.event_us)
    for start, stop, device, is_bsm, event_us in zip(*(column.tolist() for column in columns), strict=True):
        if is_bsm:
            handed[int(fleet.vehicle_ids[device]), event_us // 1000 % MARK_MS] = clock.wall_us()
        link.hand_over(letters.data[start:stop].tobytes())


def _rows(warned: Sequence[Warned], host: str, report: ReplayReport, handed: Mapping[tuple[int, int], int]) -> Batch:
    """As `Trace.warnings`: time_s is when the rig had it, on the run's clock; latency_s: since its cause was handed over."""
    arrival_us = np.array([one.arrival_us for one in warned], np.int64)
    since_us = np.array([handed.get(one.cause or (0, 0), np.nan) for one in warned], np.float64)
    return Batch(
        {
            "run": np.zeros(len(warned), np.int64),
            "time_s": (arrival_us - report.pace.anchor_us) / 1e6,
            "application": np.array([one.application for one in warned], "U16"),
            "host": np.full(len(warned), host, "U48"),
            "other": np.array([one.other for one in warned], "U48"),
            "state": np.array([one.state for one in warned], "U16"),
            "latency_s": (arrival_us - since_us) / 1e6,
        }
    )


def _rig(talk: Dialogue, report: ReplayReport, link: Link, late_s: float) -> dict[str, float]:
    is_whole = link.is_whole and not report.unsent
    return {
        "lag_s": max(report.lag.percentile_s(100), late_s) if is_whole else np.inf,
        "device_absence_s": talk.absence_s,
        "unreadable_messages": float(len(talk.unreadable)),
        "unknown_warnings": float(sum(not one.is_known for one in talk.warned)),
        "clock_offset_s": talk.clock_offset_s,
    }


def _nobody(trace: Trace) -> Driven:
    rig = dict.fromkeys(("lag_s", "unreadable_messages", "unknown_warnings", "clock_offset_s"), np.nan)
    nothing = nothing_of(WARNING_COLUMNS), nothing_of(MESSAGE_COLUMNS), rows_of((), 0, trace, 0, frame_of(DEFAULT_ORIGIN))
    return Driven(trace, *nothing, {**rig, "device_absence_s": np.inf})


def people_of(scene: Scene, fleet: Fleet, actor: int) -> People:
    """Who may be named in a warning, by the ids that they have on the air."""
    called = scene.actors["name"].tolist()
    names = {int(number): name for number, name in zip(fleet.vehicle_ids, called, strict=True)}
    seen = {row: name for row, name in enumerate(called) if not fleet.obu_ids[row]}
    return People(names, seen, int(fleet.vehicle_ids[actor]))


@contextmanager
def _link(course: Course, radio: Radio, bench: Bench) -> Iterator[tuple[_Place, Fleet, Scene, str, Roadside]]:
    """A way to the device, the devices of the run with it among them, its scene, what the device is called, and the roadside."""
    description, trace = course.made.description, course.trace
    if bench.device.udp is not None:
        scene = scene_of(trace, 0, DEFAULT_ORIGIN, bench.site, radio)
        with UdpLink(bench.device.udp.hears, bench.device.udp.says, bench.clock) as link:
            fleet = fleet_of(scene, bench.site)
            roadside = Roadside(description, trace, fleet, scene.origin, bench.clock, None, link.hand_over)
            yield link, fleet, scene, f"at {bench.device.udp.hears}", roadside
        return
    with Client.find(dict(bench.environ)) as client:
        scene = scene_of(trace, 0, origin_of(client, bench.site), bench.site, radio)
        fleet, device = with_device(fleet_of(scene, bench.site), bench)
        _check_speaks_alone(fleet)
        _enlist(client, fleet, device, scene.origin, bench)
        with connected(client, fleet, scene.origin, bench.clock, bench.environ, filters(device)) as (session,):
            lay_roads(client, bench.site, trace, 0)
            if has_weather(description):
                enlist_sensor(client, fleet)
            own = BrokerLink(session, device)
            yield own, fleet, scene, device, Roadside(description, trace, fleet, scene.origin, bench.clock, own, own.hand_over)


def _check_speaks_alone(fleet: Fleet) -> None:
    """ConfigurationError when one gateway cannot speak for all: the device hangs on it, and is heard by it alone."""
    if len(fleet.gateway_ids) > 1:
        speaks = sum(map(bool, fleet.obu_ids))
        allowed = f"at most {CHILDREN} where the device is at a broker"
        raise ConfigurationError("traffic", f"{speaks} vehicles with a radio", allowed)


def frame_of(origin: Origin) -> LocalFrame:
    """Of a site, or of where one would lie."""
    return LocalFrame(origin.latitude_deg, origin.longitude_deg, origin.elevation_m)


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
