"""Runs a scenario with a roadside unit under test in the loop: it hears the vehicles and is told what its sensors would detect.

What it sends is held against where everybody was and what the signals showed (RSM and SPAT, `dut.sent`), and against the road and
its events (MAP and RSI, `dut.sent_roads`). The rig is the unit's radio and its sensors: over UDP without a site, or at a site's
broker, where the platform hears the unit, too, and nobody else speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.errors import UnreachableError
from chelu.geo import LocalFrame
from simulators.encoding import Uper
from simulators.fleet import fleet_of
from simulators.letters import Letters
from simulators.replay import Replay, ReplayReport
from simulators.scenario.air import radio_of
from simulators.scenario.cases import Cases
from simulators.scenario.course import LOOK_AHEAD_S, OPTIONS
from simulators.scenario.description import Description
from simulators.scenario.dut.bench import Bench
from simulators.scenario.dut.description import Area, DeviceUnderTest
from simulators.scenario.dut.dialogue import Dialogue, NotThereError
from simulators.scenario.dut.links import Link
from simulators.scenario.dut.said import People
from simulators.scenario.dut.sent import MEASURES, Heard, measured
from simulators.scenario.dut.sent_roads import MEASURES as ROAD_MEASURES
from simulators.scenario.dut.sent_roads import RoadTruth, measured_roads
from simulators.scenario.dut.unit_link import There, unit_link
from simulators.scenario.engine import simulate
from simulators.scenario.joining import joined
from simulators.scenario.plan import plan
from simulators.scenario.platform import replayed, share_of, through_s, until
from simulators.scenario.roads import LIGHTS
from simulators.scenario.roadside import event_of
from simulators.scenario.scenes import scene_of
from simulators.scenario.trace import Trace

NOBODY = People({}, {}, 0)  # it names nobody
_WORDS = {int(light): word for word, light in LIGHTS.items()}


def seen(description: Description, cases: Cases, bench: Bench) -> Trace:
    """Every case with what the unit sent, one after the other. One that does not come, or Ctrl-C, ends the matter."""
    each: list[Trace] = []
    with unit_link(bench) as there:
        try:
            for case in range(len(cases)):
                each.append(_run(description, cases.take(np.array([case])), case, bench, there))
                if each[-1].broken:
                    break
        except (NotThereError, UnreachableError) as error:
            bench.say(str(error))
    left = range(len(each), len(cases))
    return joined([*each, *(_nobody(simulate(plan(description, cases.take(np.array([case]))))) for case in left)])


def _run(description: Description, cases: Cases, case: int, bench: Bench, there: There) -> Trace:
    made, device, link = simulate(plan(description, cases)), bench.device, there.link
    radio = radio_of(description, made, 0)
    scene = scene_of(made, 0, there.origin, bench.site, radio)
    truth = truth_of(description, made, there.frame)
    talk = Dialogue(link, bench.clock, NOBODY, device=there.device)
    talk.await_ready(about(description, case, device, truth), device.ready_s)
    traffic = description.traffic
    unheard = [*bench.unheard, *(range(made.cast, len(made.actors)) if traffic is not None and traffic.unheard else ())]
    sensors = Sensors(made, link, device.area, unheard, there.frame)

    def progress(report: ReplayReport) -> None:
        talk.turn()
        bench.tell(share_of(report, made), case)

    options, fleet = replace(OPTIONS, look_ahead_s=LOOK_AHEAD_S), fleet_of(scene, bench.site)
    replay = Replay(
        scene, fleet, [link], Uper(), clock=bench.clock, options=options, on_progress=progress, overhear=sensors.overhear
    )
    report, broken = replayed(replay, bench.clock)
    if not broken:
        talk.turn()
        talk.end(device.silent_s)
    lag_s = report.lag.percentile_s(100) if link.is_whole and not report.unsent else np.inf
    heard = Heard([one.payload for one in talk.frames], [one.arrival_us for one in talk.frames], report.pace.anchor_us)
    found = found_in(heard, made, sensors, truth)
    rig = {
        **found,
        "lag_s": lag_s,
        "device_absence_s": talk.absence_s,
        "clock_offset_s": talk.clock_offset_s,
        "unreadable_messages": found["unreadable_messages"] + len(talk.unreadable),
    }
    trace = replace(made, rig={name: np.array([value]) for name, value in rig.items()}, broken=(broken,) if broken else ())
    return until(trace, through_s(report)) if broken else trace


def found_in(heard: Heard, trace: Trace, sensors: Sensors, truth: RoadTruth) -> dict[str, float]:
    """All that is measured of what the unit sent, by metric."""
    return {**measured(heard, trace, sensors.seen, truth.frame), **measured_roads(heard, trace, truth)}


def truth_of(description: Description, trace: Trace, frame: LocalFrame) -> RoadTruth:
    """What there is to be told of the road."""
    return RoadTruth.of(trace, frame, [event_of(one, trace, frame) for one in description.road.told.values()])


def about(description: Description, case: int, device: DeviceUnderTest, truth: RoadTruth) -> dict[str, Any]:
    """What the unit is told when a run begins: where it stands, how far it is to see, what is its own, what there is to tell."""
    latitude, longitude, elevation = truth.frame.to_geodetic(np.array([[device.area.x_m, device.area.y_m, 0.0]]))
    return {
        "scenario": description.scenario,
        "run": case,
        "latitude_deg": float(latitude[0]),
        "longitude_deg": float(longitude[0]),
        "elevation_m": float(elevation[0]),
        "within_m": device.area.within_m,
        "intersections": list(range(1, len(description.road.signals) + 1)),
        "maps": [one.hex() for one in truth.maps],
        "events": [{"number": number, **asdict(one)} for number, one in enumerate(truth.events)],
    }


@dataclass(slots=True)
class Sensors:
    """What the unit's radio and sensors give it. Belongs to the replay's thread. seen (t, a): who was in its area, when."""

    trace: Trace
    link: Link
    area: Area
    unheard: Sequence[int]
    frame: LocalFrame
    seen: npt.NDArray[np.bool_] = field(init=False)
    _told_us: int = -1
    _begun_us: int | None = None

    def __post_init__(self) -> None:
        off = self.trace.xy[:, 0] - np.array([self.area.x_m, self.area.y_m])
        self.seen = np.hypot(off[..., 0], off[..., 1]) <= self.area.within_m
        self.seen[:, list(self.unheard)] = False

    def overhear(self, letters: Letters) -> None:
        """Vehicles' own messages as frames; with the first of each instant what the sensors detect then."""
        own = letters.take(np.flatnonzero(letters.is_bsm & ~np.isin(letters.device, self.unheard)))
        for start, stop in zip(own.start.tolist(), own.stop.tolist(), strict=True):
            self.link.hand_over(own.data[start:stop].tobytes())
        for event_us in np.unique(letters.event_us).tolist():
            if event_us > self._told_us:
                self._told_us = event_us
                self._begun_us = event_us if self._begun_us is None else self._begun_us
                self.link.command(self.detected(event_us, (event_us - self._begun_us) / 1e6))

    def detected(self, time_us: int, at_s: float) -> dict[str, Any]:
        """The document: everybody in the area, and what the signals show then."""
        trace, row = self.trace, min(round(at_s / self.trace.step_s), self.trace.instants - 1)
        places = np.column_stack([trace.xy[row, 0], trace.elevation_m[row, 0]])
        latitude, longitude, elevation = self.frame.to_geodetic(places)
        objects = [
            {
                "number": self._number(actor, row),
                "kind": one.kind,
                "latitude_deg": round(float(latitude[actor]), 7),
                "longitude_deg": round(float(longitude[actor]), 7),
                "elevation_m": round(float(elevation[actor]), 2),
                "speed_mps": round(float(trace.speed_mps[row, 0, actor]), 3),
                "heading_deg": round(float(trace.heading_deg[row, 0, actor]), 3),
                "length_m": one.length_m,
                "width_m": one.width_m,
            }
            for actor, one in enumerate(trace.actors)
            if self.seen[row, actor]
        ]
        lights = [
            {"intersection_id": number, "phase_id": 1, "shows": _WORDS[int(trace.lights[name][row, 0])]}
            for number, name in enumerate(sorted(trace.lights), 1)
        ]
        return {
            "command": "scenario",
            "action": "detects",
            "ack": False,
            "time_us": time_us,
            "objects": objects,
            "lights": lights,
        }

    def _number(self, actor: int, row: int) -> int:
        """The sensor's of somebody: of the traffic that of the vehicle, whatever place it has."""
        passing, place = self.trace.passing, actor - self.trace.cast
        return actor if passing is None or place < 0 else self.trace.cast + int(passing.number[row, place])


def _nobody(trace: Trace) -> Trace:
    names = (*MEASURES, *ROAD_MEASURES, "unreadable_messages", "lag_s", "clock_offset_s")
    rig = {**dict.fromkeys(names, np.nan), "device_absence_s": np.inf}
    return replace(until(trace, 0.0), rig={name: np.array([value]) for name, value in rig.items()})
