"""Signals under control from end to end: inference commands, real agents obey within their limits, and everything dies once."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from chelu.bus import Received, Session
from chelu.clock import SystemClock
from chelu.signals.stages import US
from edge.agent import Agent
from edge.settings import SignalSettings
from simulators.coop.participant import Course
from tests.e2e.coop_site import CoopSite, Ear
from tests.fix_broker import MakeBroker, RunningBroker
from tests.unit.inference.small_roads import crossing_file
from tests.unit.inference.test_coop_intersection import LINE_M, path
from tests.waiting import until

SIGNAL = "signal-5"
# By its plan a stage is green for 3 s; greedy, which sees nobody, holds the green that it finds: its length says who decides.
STAGES = [
    {"phases": phases, "green_s": 3, "least_green_s": 2, "most_green_s": 60, "clearance_s": 0.5, "yellow_s": 1, "all_red_s": 0.5}
    for phases in ([1], [2, 4], [3])
]
LATE_S = SignalSettings.model_fields["late_s"].default
HELD_S = 5.0  # longer than any green of the plan


def stage_length_s(about: Mapping[str, Any], light: str) -> float:
    return float({"clearing": about["clearance_s"], "yellow": about["yellow_s"], "red": about["all_red_s"]}[light])


class Crossing:
    """A site with one signal under control, and what it has shown."""

    def __init__(self, site: CoopSite) -> None:
        self.site = site
        site.prepare(crossing_file(has_signals=True))
        site.register(SIGNAL, "signal", labels='{"signal-control": "greedy"}')
        self.agent: Agent
        self.ear: Ear
        self.agent, self.ear = site.unit(SIGNAL, "signal", signal={"stages": STAGES, "intersection": 1}, heartbeat_s=0.5)

    def changes(self) -> list[dict[str, Any]]:
        return [one["signal"] for one in self.ear.all() if "signal" in one]

    @property
    def count(self) -> int:
        return len(self.changes())

    def is_held(self) -> bool:
        """Whether the green at hand has lasted longer than the plan has it."""
        last = self.changes()[-1:] or [{"light": "green", "since_us": 0}]
        return last[0]["light"] == "green" and bool(time.time() - last[0]["since_us"] / US > HELD_S)

    def assert_safe(self) -> None:
        """Every light followed the one that it must, for as long as it must."""
        following = {"green": {"clearing"}, "clearing": {"yellow"}, "yellow": {"red"}, "red": {"green"}}
        for before, after in itertools.pairwise(self.changes()):
            lasted_s, about = (after["since_us"] - before["since_us"]) / US, STAGES[before["stage"]]
            assert after["light"] in following[before["light"]], (before, after)
            assert (before["stage"] != after["stage"]) == (before["light"] == "red"), (before, after)
            if before["light"] == "green":
                assert about["least_green_s"] <= lasted_s <= about["most_green_s"], (before, after)
            else:
                wanted_s = stage_length_s(about, before["light"])
                is_late = lasted_s > wanted_s + LATE_S  # the machine stood still
                assert is_late or lasted_s == pytest.approx(wanted_s, abs=1e-6), (before, after)


@pytest.fixture
def own_broker(make_broker: MakeBroker, tmp_path: Path) -> RunningBroker:
    """A broker that may be killed; what is retained stays."""
    directory = tmp_path / "kept"
    directory.mkdir()
    directory.chmod(0o777)
    return make_broker(directory=directory)


@pytest.fixture
def one(database_url: str, own_broker: RunningBroker, tmp_path: Path) -> Iterator[Crossing]:
    site = CoopSite(database_url, own_broker, tmp_path)
    yield Crossing(site)
    site.close()


def test_a_signal_whose_inference_is_killed_goes_on_by_its_plan_and_is_taken_back_without_a_jump(one: Crossing) -> None:
    with one.site.inference() as process:
        until(one.is_held, 40, "a green that is held by command")
        process.kill()
        process.wait()
        count = one.count
        until(lambda: one.count >= count + 8, 40, "two greens by the plan")
        by_plan = itertools.pairwise(one.changes()[count:])
        lengths = [(after["since_us"] - before["since_us"]) / US for before, after in by_plan if before["light"] == "green"]
        assert lengths
        assert all(3.0 <= lasted_s < 3.5 for lasted_s in lengths), lengths
    with one.site.inference():
        until(one.is_held, 40, "a green that is held by command again")
    one.assert_safe()
    stages = [each["stage"] for each in one.changes() if each["light"] == "green"]
    assert all(b == (a + 1) % 3 for a, b in itertools.pairwise(stages)), "in turn: no cycle was begun anew"
    rows = one.site.rows("SELECT what, controller FROM city.signal WHERE what = 'taken'")
    assert rows
    assert {controller for _, controller in rows} == {"greedy"}


def test_a_broker_that_dies_leaves_the_signal_on_its_plan_until_it_is_back(one: Crossing) -> None:
    with one.site.inference():
        until(one.is_held, 40, "a green that is held by command")
        os.kill(one.site.broker.pid, signal.SIGSTOP)  # it hangs, then it dies
        count = one.count
        until(lambda: one.count > count + 4, 40, "a green by the plan")
        one.site.broker.kill()
        until(one.is_held, 60, "a green that is held by command again")
    one.assert_safe()


def test_commands_that_no_signal_may_obey_are_refused_with_the_reason_and_counted(one: Crossing) -> None:
    session = Session(
        one.site.broker.url,
        client_id="somebody",
        clock=SystemClock(),
        subscriptions=[f"signal/{SIGNAL}/stage/down/ack", f"signal/{SIGNAL}/heartbeat/up"],
    )
    session.start()
    session.wait_connected(10)
    heard: list[Received] = []

    def of(topic: str) -> list[dict[str, Any]]:
        heard.extend(session.drain(100, 0.05))
        return [json.loads(each.payload) for each in heard if each.topic.endswith(topic)]

    def answer(number: int, **document: Any) -> dict[str, Any]:
        session.publish(f"signal/{SIGNAL}/stage/down", json.dumps({"seqNum": number, **document}).encode(), qos=1)
        return until(lambda: [each for each in of("/ack") if each["seqNum"] == number], 10, "the answer")[0]

    now_us = time.time_ns() // 1000
    wanted = {
        "late": {"stage": 0, "until_us": now_us + 30 * US, "time_us": now_us - 20 * US},
        "no such stage": {"stage": 7, "until_us": now_us + 30 * US, "time_us": now_us},
        "below the least": {"stage": 1, "until_us": now_us + US, "time_us": now_us},
        "beyond the most": {"stage": 0, "until_us": now_us + 300 * US, "time_us": now_us},
    }
    for number, (kind, document) in enumerate(wanted.items(), 1):
        said = answer(number, **document)
        assert (said["refused"], said["errorCode"] > 0) == (kind, True), said
        assert said["errorDesc"]
    until(
        lambda: (of("/heartbeat/up") or [{"dropped": {}}])[-1]["dropped"].get("stage/down") == dict.fromkeys(wanted, 1),
        10,
        "the refusals in the heartbeat",
    )
    session.stop()
    one.assert_safe()


def test_an_ambulance_is_led_by_its_label_green_ahead_of_it_and_the_usual_behind_it(
    database_url: str, broker: RunningBroker, tmp_path: Path
) -> None:
    site = CoopSite(database_url, broker, tmp_path)
    site.prepare(crossing_file(has_signals=True))
    site.register("van-1", "vehicle", vehicle_kind="emergency vehicle")
    vehicle_key = site.rows("SELECT device_key FROM register.device WHERE device_id = 'van-1'")[0][0]
    site.register("ambulance", "obu", on_vehicle_key=vehicle_key, labels='{"corridor-to": "5to1"}')
    site.register("led-5", "signal")
    stages = [
        {"phases": [1, 3], "green_s": 3, "least_green_s": 1, "most_green_s": 20, "yellow_s": 1, "all_red_s": 0.5},
        {"phases": [2, 4], "green_s": 60, "least_green_s": 1, "most_green_s": 60, "yellow_s": 1, "all_red_s": 0.5},
    ]
    with site.inference():
        ear = site.signal("led-5", signal={"stages": stages, "intersection": 1})

        def shown() -> dict[str, Any]:
            return next(
                (each for each in reversed(ear.all()) if "signal" in each), {"session": "", "signal": {"light": "", "phases": []}}
            )

        until(
            lambda: (shown()["signal"]["light"], shown()["signal"]["phases"]) == ("green", [2, 4]),
            15,
            "the cross traffic's green",
        )
        ambulance = site.vehicle("ambulance", Course(path(3, 1), LINE_M - 150, 8.0), obeys=False)
        until(lambda: shown()["session"] and shown()["signal"]["light"] == "green", 30, "green for the ambulance")
        assert shown()["signal"]["phases"] == [1, 3]
        assert ambulance.way_m < LINE_M
        until(lambda: not shown()["session"] and shown()["signal"]["phases"] == [2, 4], 40, "the usual plan")
        assert ambulance.way_m > LINE_M
    site.close()
