"""One scene for each application of cooperation, which comes to its end; how it looks moved and at another time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from xml.etree import ElementTree

import numpy as np

from chelu.roads import sumo
from chelu.roads.network import RoadNetwork
from chelu.topics import Kind
from services.inference.reports import Participant
from tests.unit.inference.coop_stage import SIZE, Stage, lane
from tests.unit.inference.signal_roads import Move
from tests.unit.inference.small_roads import LANE_M, crossing_file, ramp_file
from tests.unit.inference.test_coop_driving import LEFT, RAMP, RIGHT
from tests.unit.inference.test_coop_intersection import LINE_M, path

Scene = Callable[[Move, int], Stage]
LABELS = {"car_park": "p1", "slots": "1", "toll_station": "exit", "merchant": "p1", "price": "1250"}


def roads(file: bytes, move: Move) -> RoadNetwork:
    """The network of a file whose points are moved."""
    root = ElementTree.fromstring(file)
    for one in root.iter("lane"):
        points = np.array([[float(number) for number in point.split(",")] for point in one.attrib["shape"].split()])
        one.set("shape", " ".join(",".join(f"{number:.6f}" for number in point) for point in move(points).tolist()))
    for one in root.iter("junction"):
        point = move(np.array([[float(one.attrib[axis]) for axis in "xyz"]]))[0]
        for axis, number in zip("xyz", point.tolist(), strict=True):
            one.set(axis, f"{number:.6f}")
    return sumo.read(ElementTree.tostring(root))


def lane_change(move: Move, begin_us: int) -> Stage:
    """The vehicle behind is asked, agrees and makes room."""
    stage = Stage(roads(ramp_file(), move), move=move, begin_us=begin_us)
    stage.car("obu-1", RIGHT, 60.0, 12.0)
    behind = stage.car("obu-2", LEFT, 48.0, 12.0)
    stage.tick(0.5)
    lanes = {"from_lane": lane(1, 2, 2), "to_lane": lane(1, 2, 1)}
    stage.say("obu-1", "lane_change.request", motion=stage.motion("obu-1"), start_in_s=1.0, duration_s=4.0, size=SIZE, **lanes)
    stage.tick(0.3)
    stage.say("obu-2", "lane_change.consent", answers=stage.told("obu-2")[-1]["seqNum"], decision="granted")
    behind.speed = 8.0
    stage.tick(3.5)
    return stage


def merge(move: Move, begin_us: int) -> Stage:
    """A ramp and a main line are put in order."""
    stage = Stage(roads(ramp_file(), move), move=move, begin_us=begin_us)
    stage.car("ramp-1", RAMP, 180.0, 12.0)
    stage.car("main-1", RIGHT, 172.0, 12.0)
    stage.tick(0.5)
    lanes = {"ramp": lane(4, 2), "main_line": lane(1, 2, 2)}
    stage.say("ramp-1", "merge.request", motion=stage.motion("ramp-1"), size=SIZE, arrival_in_s=8.0, **lanes)
    stage.tick(0.2)
    for actor in stage.actors:
        actor.speed = ([one["speed_mps"] for one in stage.told(actor.name, "merge.guidance")] or [actor.speed])[-1]
    stage.tick(15.0)
    return stage


def intersection(move: Move, begin_us: int) -> Stage:
    """Two whose ways cross get times one after the other."""
    stage = Stage(roads(crossing_file(), move), move=move, begin_us=begin_us)
    ways = {"obu-1": (3, 1), "obu-2": (4, 2)}
    for name, way in ways.items():
        stage.car(name, path(*way)[:, :2], LINE_M - 65.0, 10.0)
    stage.tick(0.5)
    for name, (a, b) in ways.items():
        lanes = {"approach": lane(a, 5), "exit": lane(5, b), "intersection": {"region": 0, "id": 5}}
        stage.say(name, "intersection.request", motion=stage.motion(name), size=SIZE, arrival_in_s=6.0, **lanes)
    stage.tick(0.1)
    stage.actors[1].speed = stage.told("obu-2", "intersection.reservation")[-1]["speed_mps"]
    stage.tick(15.0)
    return stage


def priority(move: Move, begin_us: int) -> Stage:
    """The signal is asked, says yes, and is let go when the ambulance has passed."""
    stage = Stage(roads(crossing_file(has_signals=True), move), move=move, begin_us=begin_us)
    stage.car("ambulance", path(3, 1)[:, :2], LINE_M - 65.0, 10.0, rights={"ambulance", "emergency"}, responds=True)
    stage.device("signal-5", Kind.SIGNAL, labels={"intersection": "5"})
    stage.tick(0.5)
    signals = [{"intersection": {"region": 0, "id": 5}, "approach": lane(3, 5), "arrival_in_s": 6.0}]
    about = {"role": "ambulance", "urgency": 7, "signals": signals, "duration_s": 60.0}
    stage.say("ambulance", "priority.request", motion=stage.motion("ambulance"), **about)
    stage.tick(0.1)
    wish = stage.told("signal-5")[-1]
    green = {name: wish[name] for name in ("seqNum", "from_us", "until_us")}
    stage.raw("signal-5", json.dumps({**green, "errorCode": 0}).encode(), "priority/ack")
    stage.tick(12.0)
    return stage


def vru(move: Move, begin_us: int) -> Stage:
    """Somebody on foot crosses when the vehicle that comes gives way."""
    stage = Stage(roads(crossing_file(), move), move=move, begin_us=begin_us)
    stage.car("walker", [[-6.0, 40.0], [-6.0, 41.0]], 0.0, 0.0, kind=Participant.PEDESTRIAN)
    comes = stage.car("obu-1", [[LANE_M / 2, -199.0], [LANE_M / 2, 199.0]], 149.0, 12.0)
    stage.tick(0.5)
    about = {"role": "pedestrian", "towards": stage.place(6.0, 40.0), "start_in_s": 0.5, "duration_s": 8.0}
    stage.say("walker", "vru.request", motion=stage.motion("walker"), **about)
    stage.tick(0.3)
    stage.say("obu-1", "vru.consent", answers=stage.told("obu-1", "vru.notice")[-1]["seqNum"], decision="granted")
    comes.speed = 0.0
    stage.tick(9.0)
    return stage


def sensor_sharing(move: Move, begin_us: int) -> Stage:
    """Who asks is told who is in the area, and not who is beyond it."""
    stage = Stage(None, move=move, begin_us=begin_us)
    stage.car("obu-1", [[0, -10], [0, 500]], 0.0, 1.0)
    stage.car("walker", [[5, 5], [5, 50]], 0.0, 1.0, key=0, kind=Participant.PEDESTRIAN)
    stage.car("far", [[90, 0], [90, 500]], 0.0, 1.0, key=0)
    stage.tick(0.5)
    area = {"centre": stage.place(0.0, 0.0), "radius_m": 50.0}
    stage.say("obu-1", "sensor_sharing.request", area=area, duration_s=2.0)
    stage.tick(3.0)
    return stage


def exchange(move: Move, begin_us: int) -> Stage:
    """Two vehicles 30 m apart, and a unit that is car park, toll station and merchant."""
    stage = Stage(roads(ramp_file(), move), move=move, begin_us=begin_us)
    stage.car("obu-1", RIGHT, 60.0, 5.0)
    stage.car("obu-2", LEFT, 90.0, 5.0)
    gate = stage.place(-200.0, 0.0)
    stage.device("rsu-1", Kind.RSU, labels=LABELS, place=(gate["latitude_deg"], gate["longitude_deg"], 250.0))
    stage.tick(0.5)
    return stage


def says(stage: Stage, name: str, kind: str, **body: Any) -> int:
    """A document, and a tenth of a second for its answer; its number."""
    number = stage.say(name, kind, **body)
    stage.tick()
    return number


def correction(move: Move, begin_us: int) -> Stage:
    """Who asks for itself is told what a station says, until its time is over."""
    stage = exchange(move, begin_us)
    about = {"constellations": ["gps"], "duration_s": 5.0}
    says(stage, "obu-1", "correction.request", motion=stage.motion("obu-1"), **about)
    says(stage, "obu-2", "correction.request", motion=stage.motion("obu-1"), **about)
    for sender in ("rsu-1", "obu-2"):
        says(stage, sender, "correction.data", station=12, message=1124, data="0wATPtABA0P8D4GEgIA=")
    stage.tick(6.0)
    return stage


def lane_management(move: Move, begin_us: int) -> Stage:
    """What is said of a lane holds until it is said anew; lanes that are not there are refused."""
    stage = exchange(move, begin_us)
    for number, use in ((1, "closed"), (9, "closed"), (1, "open")):
        says(stage, "obu-1", "lane_management.state", lanes=[{"lane": lane(1, 2, number), "use": use}])
    return stage


def probe(move: Move, begin_us: int) -> Stage:
    """Samples in their order are stored, others refused."""
    stage = exchange(move, begin_us)
    samples = [{"time_us": stage.now_us - back, "place": stage.place(0.0, 0.0)} for back in (2_000_000, 1_000_000)]
    for each in (samples, samples[::-1]):
        says(stage, "obu-1", "probe.data", samples=each)
    return stage


def parking(move: Move, begin_us: int) -> Stage:
    """The only place is kept for one until it has left."""
    stage = exchange(move, begin_us)
    number = 0
    for name, driver in (("obu-1", "obu-1"), ("obu-2", "obu-1"), ("obu-2", "obu-2")):
        asked = says(stage, name, "parking.request", area="p1", want="slot", motion=stage.motion(driver), size=SIZE)
        number = number or asked
    for state in ("entered", "parked", "leaving", "left"):
        says(stage, "obu-1", "parking.state", answers=number, state=state)
    return stage


def platoon(move: Move, begin_us: int) -> Stage:
    """Created, joined by who asks for itself, and dissolved."""
    stage = exchange(move, begin_us)
    says(stage, "obu-1", "platoon.create", platoon="hill", motion=stage.motion("obu-1"), gap_s=0.9, speed_mps=20.0)
    for driver in ("obu-1", "obu-2"):
        says(stage, "obu-2", "platoon.join", platoon="hill", motion=stage.motion(driver), size=SIZE)
    says(stage, "obu-1", "platoon.dissolve", platoon="hill", why="arrived")
    return stage


def _pays(kind: str, opens: Mapping[str, Any], move: Move, begin_us: int) -> Stage:
    """A charge, a receipt of too little, and one of what was charged; who is not in the picture is refused."""
    stage = exchange(move, begin_us)
    stage.device("unseen")
    says(stage, "obu-1", f"{kind}.request", transaction="t1", **opens)
    says(stage, "unseen", f"{kind}.request", transaction="t2", **opens)
    for amount in (1, 1250):
        says(stage, "obu-1", f"{kind}.receipt", transaction="t1", amount=amount, state="paid")
    return stage


tolling = partial(_pays, "tolling", {"station": "exit", "vehicle_class": 1})
payment = partial(_pays, "payment", {"merchant": "p1", "service": "charging"})

DRIVING: Mapping[str, Scene] = {one.__name__: one for one in (lane_change, merge, intersection, priority, vru, sensor_sharing)}
EXCHANGES: Mapping[str, Scene] = {
    **{one.__name__: one for one in (correction, lane_management, probe, parking, platoon)},
    "tolling": tolling,
    "payment": payment,
}
SCENES: Mapping[str, Scene] = {**DRIVING, **EXCHANGES}
ENDS = {
    "lane_change": "granted",
    "sensor_sharing": "expired",
    "correction": "expired",
}  # of the first request; "done" of the others
