"""A device that cooperates is judged for what it says, right and wrong ones, without a wire; what the rig may say is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chelu.clock import VirtualClock
from chelu.codec import cv2x
from chelu.coop.catalogue import Direction
from chelu.errors import MalformedError
from chelu.messages import BSM, Batch, filled
from simulators.scenario.cases import Request, cases_of
from simulators.scenario.dut.conditions import requirements_of
from simulators.scenario.dut.cooperating import Counterpart, exchange, read_exchange, rows_of
from simulators.scenario.dut.description import DeviceUnderTest
from simulators.scenario.dut.example import answers
from simulators.scenario.dut.said import Said
from simulators.scenario.engine import run
from simulators.scenario.judging import judge
from simulators.scenario.library import source_of
from simulators.scenario.reading import ScenarioError
from simulators.scenario.trace import Trace
from simulators.scenario.verdict import Outcome, Verdicts
from tests.unit.simulators.scenario.test_roadside_unit import FRAME
from tests.unit.simulators.scenario.written import described, scenario
from tests.wrong_cooperator import FAULTS

ANCHOR_US = 1_795_000_000_000_000
IN_TIME, ONCE, PLACE, ENDED, AT_ONCE, GIVES_WAY, STRAY, READABLE, KNOWN = range(9)
UDP = "udp: {hears: 127.0.0.1:1, says: 127.0.0.1:2}"


def bsm(trace: Trace, actor: int, at_s: float) -> bytes:
    """What an actor says of itself at a time."""
    row, one = round(at_s / trace.step_s), trace.actors[actor]
    latitude, longitude, elevation = FRAME.to_geodetic(np.array([[*trace.xy[row, 0, actor], trace.elevation_m[row, 0, actor]]]))
    time_us = ANCHOR_US + round(at_s * 1e6)
    batch = filled(
        BSM,
        1,
        vehicle_id=np.array([actor + 1], np.uint64),
        time_us=np.array([time_us]),
        sec_mark_ms=np.array([time_us // 1000 % 60_000], np.uint16),
        latitude_deg=latitude,
        longitude_deg=longitude,
        elevation_m=elevation,
        speed_mps=trace.speed_mps[row, 0, actor : actor + 1],
        heading_deg=trace.heading_deg[row, 0, actor : actor + 1],
        length_m=np.array([one.length_m]),
        width_m=np.array([one.width_m]),
        height_m=np.array([1.5]),
    )
    return cv2x.encode_bsm(batch).frame(0)


def judged(fault: str) -> Verdicts:
    """What becomes of the template's requirements, and those of any device, with this one."""
    description = source_of("lane-change-request").description
    device, trace = description.dut, run(description, cases_of(description, Request()))
    assert device is not None
    clock, tested, unreadable = VirtualClock(ANCHOR_US), FAULTS[fault](), 0
    tested.obey({"seqNum": 1, "vehicle_id": f"{1:016x}"})
    waiting: list[Mapping[str, Any]] = []
    rig = Counterpart(device.told, waiting.append, clock)
    for tick in range(int(trace.last[0] * trace.step_s * 10) + 1):
        said = [one for actor in (0, 1) for one in tested.hear(bsm(trace, actor, tick / 10))]
        told, waiting[:] = [dict(one) for one in waiting], []
        said += [one for document in told for one in answers(tested, document)]
        heard = []
        for stream, document in said:
            assert stream == "coop"
            try:
                heard.append(read_exchange(Said("coop", json.dumps(document).encode(), clock.wall_us()), Direction.UP))
            except MalformedError:
                unreadable += 1
        rig.turn(ANCHOR_US, heard)
        clock.advance(0.1)
    trace = replaced(trace, rows_of(rig.exchanges, ANCHOR_US, trace, 0, FRAME), unreadable)
    return judge(trace, (*description.requirements, *requirements_of(device)), ())


def replaced(trace: Trace, cooperation: Batch, unreadable: int) -> Trace:
    rig = {"unreadable_messages": np.array([float(unreadable)]), "unknown_warnings": np.zeros(1)}
    return replace(trace, cooperation=cooperation, rig=rig)


@pytest.mark.parametrize(
    ("fault", "failed", "skipped"),
    [
        ("none", set(), set()),
        ("hasty", {IN_TIME}, set()),
        ("shy", {IN_TIME, ONCE, ENDED}, {PLACE}),
        ("insistent", {ONCE}, set()),
        ("elsewhere", {PLACE}, set()),
        ("mute", {ENDED}, set()),
        ("deaf", {AT_ONCE}, {GIVES_WAY}),
        ("slow", {AT_ONCE}, set()),
        ("selfish", {GIVES_WAY}, set()),
        ("stray", {STRAY}, set()),
        ("rubbish", {READABLE}, set()),
    ],
)
def test_a_device_breaks_exactly_the_requirements_that_its_fault_concerns(
    fault: str, failed: set[int], skipped: set[int]
) -> None:
    found = judged(fault).requirements
    outcomes = [Outcome(int(one.outcome[0])) for one in found]
    wanted = [Outcome.FAIL if row in failed else Outcome.SKIPPED if row in skipped else Outcome.PASS for row in range(len(found))]
    assert outcomes == wanted, [str(one.reason[0]) for one in found]


def test_a_message_said_again_is_the_same_and_is_answered_once() -> None:
    description = source_of("lane-change-request").description
    assert description.dut is not None
    clock, told = VirtualClock(ANCHOR_US), list[Mapping[str, Any]]()
    rig = Counterpart(description.dut.told[1:2], told.append, clock)
    request = {"type": "lane_change.request", "seqNum": 3, "time_us": ANCHOR_US}
    rig.turn(ANCHOR_US, [exchange(request, ANCHOR_US, is_device=True)] * 2)
    clock.advance(1.3)
    rig.turn(ANCHOR_US, [exchange({**request, "time_us": ANCHOR_US + 1}, clock.wall_us(), is_device=True)])
    assert [(one["type"], one["answers"], one["decision"]) for one in told] == [("lane_change.answer", 3, "granted")]
    trace = run(description, cases_of(description, Request()))
    said = rows_of(rig.exchanges, ANCHOR_US, trace, 0, FRAME)
    assert said["number"][said["is_device"]].tolist() == [3, 3, 3]
    assert not said["is_stray"].any()
    assert np.isnan(said["off_m"]).all()


@pytest.mark.parametrize("payload", [b"{", b"{}", b'{"type": "lane_change.answer"}', b"[1]", b"{}" + b" " * (64 << 10)])
def test_what_a_device_may_not_say_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedError):
        read_exchange(Said("coop", payload, ANCHOR_US), Direction.UP)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("{says: lane_change.yeild, at_s: 1}", r"there is no message 'lane_change.yeild', nearest: lane_change.yield"),
        ("{says: lane_change.request, at_s: 1}", "there is no message 'lane_change.request'"),
        ("{says: lane_change.answer, answers: lane_change.answer}", "there is no message 'lane_change.answer'"),
        ("{says: lane_change.yield}", "exactly one of at_s and answers"),
        ("{says: lane_change.yield, at_s: 1, after_s: 1}", "it goes with answers"),
        ("{says: lane_change.answer, at_s: 1, with: {decision: granted}}", "names the message that it answers"),
        ("{says: lane_change.answer, answers: lane_change.request}", "decision.*it is required"),
        ("{says: coop.refusal, at_s: 1, with: {state: refused, reason: no, seqNum: 3}}", "no seqNum: the rig fills that in"),
        ("{says: lane_change.yield, at_s: -1}", "at least 0"),
    ],
)
def test_what_the_rig_cannot_say_is_refused_with_its_reason(told: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        described(scenario(more=f"dut: {{{UDP}, told: [{told}]}}"))


def test_at_a_broker_it_is_the_platform_that_answers() -> None:
    told = "[{says: lane_change.answer, answers: lane_change.request, with: {decision: granted}}]"
    with pytest.raises(ScenarioError, match="over the broker it is the platform that answers"):
        described(scenario(more=f"dut: {{mqtt: {{}}, told: {told}}}"))
    with pytest.raises(ScenarioError, match="for one that warns"):
        described(scenario(more=f"dut: {{kind: drives, {UDP}, told: {told}}}"))


def test_a_message_that_there_is_not_cannot_be_asked_about() -> None:
    with pytest.raises(ScenarioError, match=r"there is no message 'lane_change.reqest', nearest: lane_change.request"):
        described(scenario(more="validity: [{metric: coop_messages, message: lane_change.reqest, equals: 1}]"))
    with pytest.raises(ScenarioError, match="coop_messages wants message"):
        described(scenario(more="validity: [{metric: coop_messages, equals: 1}]"))


def test_a_device_without_cooperation_is_one() -> None:
    assert DeviceUnderTest.model_validate({"mqtt": {}}).told == ()
