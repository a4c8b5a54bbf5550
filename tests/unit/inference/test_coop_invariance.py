"""Where the road points, where it lies, which side one drives on and what time it is change no answer of cooperation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import groupby
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.roads import sumo
from chelu.roads.network import RoadNetwork
from chelu.topics import Kind
from services.inference.reports import Participant
from tests.unit.inference.coop_stage import BEGIN_US, SIZE, Stage, lane
from tests.unit.inference.signal_roads import Move
from tests.unit.inference.small_roads import LANE_M, crossing_file, ramp_file
from tests.unit.inference.staged import mover
from tests.unit.inference.test_coop_driving import LEFT, RAMP, RIGHT
from tests.unit.inference.test_coop_intersection import LINE_M, path

Scene = Callable[[Move, int], Stage]
Outline = dict[str, list[tuple[str, str | None]]]
few = settings(deadline=None, max_examples=2, derandomize=True)
places = st.floats(-5000, 5000)


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


SCENES: Mapping[str, Scene] = {one.__name__: one for one in (lane_change, merge, intersection, priority, vru, sensor_sharing)}
ENDS = {"lane_change": "granted", "sensor_sharing": "expired"}  # of the first request; "done" of the others


def outline(stage: Stage) -> Outline:
    """What each device was told in turn, and the states of each request; what is said again and again counts once."""
    told: Outline = {}
    for device, stream, document in stage.posts:
        what = [each["kind"] for each in document.get("objects", ())]
        said = str(document.get("decision") or document.get("priority") or sorted(what) or "")
        told.setdefault(device, []).append((str(document.get("type", stream)), said))
    for note in stage.notes:
        if note.what == "moved":
            told.setdefault(f"request {note.number}", []).append((note.what, str(note.state)))
    return {name: [key for key, _ in groupby(said)] for name, said in told.items()}


@cache
def plain(name: str) -> Outline:
    return outline(SCENES[name](mover(), BEGIN_US))


@pytest.mark.parametrize("name", SCENES)
def test_the_scene_of_each_application_comes_to_its_end(name: str) -> None:
    assert plain(name)["request 1"][-1][1] == ENDS.get(name, "done")


@pytest.mark.parametrize("name", SCENES)
@few
@given(by_deg=st.floats(5, 355), east=places, north=places, up=st.floats(-50, 900), later_us=st.integers(0, 10**12))
def test_turning_and_moving_the_world_at_another_time_changes_no_answer(
    name: str, by_deg: float, east: float, north: float, up: float, later_us: int
) -> None:
    assert outline(SCENES[name](mover(by_deg=by_deg, to=(east, north, up)), BEGIN_US + later_us)) == plain(name)


@pytest.mark.parametrize("name", SCENES)
def test_driving_on_the_other_side_changes_no_answer(name: str) -> None:
    assert outline(SCENES[name](mover(is_mirrored=True), BEGIN_US)) == plain(name)
