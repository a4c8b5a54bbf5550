"""The simulated town without SUMO: a day's demand, heads that keep to their instants, and what is said of everybody."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chelu.codec import cv2x, envelope
from chelu.geo import LocalFrame
from chelu.messages import Batch, Frames
from chelu.signals.stages import US, Stage
from evaluation.district import demand
from evaluation.district.heads import Head, settings_of
from evaluation.district.town import Seen
from evaluation.district.voices import Voices
from evaluation.signals.programme import Limits, Programme
from simulators.scene import ActorKind

BEGIN = 1_777_622_400 * US
PROGRAMME = Programme(
    (Stage((0, 1), 20, 5, 60, 0, 3, 0), Stage((2, 3), 20, 5, 60, 4, 3, 0)), ("GgrrG", "rrGGr"), frozenset({4}), 0.0
)


def test_a_day_s_demand_has_its_trips_in_order_and_each_under_a_name_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "day.rou.xml"
    vehicles = demand.write(file, 1, 0, 24)
    text = file.read_text()
    departs = [float(one) for one in re.findall(r'<(?:trip|person) [^>]*depart="([0-9.]+)"', text)]
    names = re.findall(r'<(?:trip|person) id="([^"]+)"', text)
    assert vehicles == text.count("<trip ") > 20_000
    assert departs == sorted(departs)
    assert 0 <= departs[0] < departs[-1] < 86_400
    assert len(set(names)) == len(names) == len(departs)
    assert demand.write(tmp_path / "again.rou.xml", 1, 0, 24) == vehicles
    assert (tmp_path / "again.rou.xml").read_text() == text


def test_an_agent_is_told_phases_from_one_and_people_on_foot_are_none_of_them() -> None:
    said = settings_of(PROGRAMME, Limits(), 7)
    assert [one["phases"] for one in said["stages"]] == [[1, 2], [3, 4]]
    assert [one["permissive"] for one in said["stages"]] == [[2], []]
    assert (said["intersection"], said["stages"][1]["clearance_s"]) == (7, 4)


@dataclass
class Turned:
    """An agent that has gone on to an instant."""

    turned_us: int | None


def test_heads_show_what_stood_at_an_instant_and_count_what_they_heard_too_late() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(0)
        head = Head("x", PROGRAMME, ear, Turned(BEGIN + 10 * US))

        def says(seconds: float, stage: int, light: str, following: int) -> None:
            about = {"since_us": BEGIN + round(seconds * US), "stage": stage, "light": light, "following": following}
            agent.sendto(json.dumps({"signal": about}).encode(), ear.getsockname())

        says(5.5, 0, "yellow", 1)
        says(8.5, 1, "green", 1)
        assert [head.at(BEGIN + second * US) for second in (5, 6, 8, 9)] == ["GgrrG", "yyrrr", "yyrrr", "rrGGr"]
        assert head.late == 0
        says(8.75, 1, "clearing", 0)
        assert [head.has_come_to(BEGIN + second * US) for second in (10, 11)] == [True, False]
        assert head.at(BEGIN + 10 * US) == "rrGGr"
        assert head.late == 1


def everybody() -> Seen:
    """Five in a row, a metre apart, of whom the last is on foot."""
    n = 5
    kinds = np.array([ActorKind.CAR] * 4 + [ActorKind.PEDESTRIAN], np.uint8)
    sizes = {"length_m": np.full(n, 4.6), "width_m": np.full(n, 1.8), "height_m": np.full(n, 1.5)}
    zero = {name: np.zeros(n) for name in ("z_m", "speed_mps", "heading_deg", "acceleration_mps2", "yaw_rate_dps")}
    samples = Batch({"actor": np.arange(n), "x_m": np.arange(n) * 100.0, "y_m": np.zeros(n), **zero})
    return Seen(("a", "b", "c", "d", "walker"), kinds == ActorKind.PEDESTRIAN, Batch({"kind": kinds, **sizes}), samples)


def opened(topic: str, payload: bytes) -> Frames:
    frames, rejects = envelope.split([payload], [envelope.Envelope.DEPLOYED], ["bsm" in topic], np.array([BEGIN]))
    assert len(rejects) == 0
    return frames


def test_who_speaks_is_heard_by_the_nearest_unit_and_who_does_not_is_seen_only_near_one() -> None:
    frame, said = LocalFrame(29.55, 106.57, 250.0), list[tuple[str, bytes]]()
    at = np.array([[0.0, 0.0], [400.0, 0.0]])
    for share, heard, seen in ((1.0, {"rsu/west/bsm/up": 3, "rsu/east/bsm/up": 1}, 1), (0.0, {}, 4)):
        said.clear()
        voices = Voices(["west", "east"], at, frame, share, lambda topic, payload: said.append((topic, payload)))
        voices.say(everybody(), BEGIN)
        frames = {topic: opened(topic, payload) for topic, payload in said}
        assert {topic: len(found) for topic, found in frames.items() if "bsm" in topic} == heard
        assert voices.published == {"bsm": sum(heard.values()), "participant": seen}
    rows = [cv2x.decode(found).participant for topic, found in frames.items() if "rsm" in topic]
    assert sum(map(len, rows)) == 4
