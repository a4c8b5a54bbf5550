"""What a device under test says is read with suspicion, and whether it is there is measured, not assumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from chelu.clock import VirtualClock
from chelu.errors import MalformedError
from simulators.scenario.dut.dialogue import Dialogue, NotThereError
from simulators.scenario.dut.links import stream_of
from simulators.scenario.dut.said import People, Said, Warned, read_answer, read_state, read_warning
from simulators.scenario.reading import ScenarioError, read_text
from tests.unit.simulators.scenario.written import scenario

EGO, OTHER = 0xE60, 0x07E4
PEOPLE = People({EGO: "ego", OTHER: "other"}, {2: "walker"}, EGO)
START_US = 1_795_000_000_000_000


def warned(**document: Any) -> Warned:
    return read_warning(said("warning", {"application": "fcw", "state": "raised", **document}), PEOPLE)


def said(stream: str, document: Any, arrival_us: int = START_US) -> Said:
    return Said(stream, json.dumps(document).encode(), arrival_us)


@pytest.mark.parametrize(
    ("document", "other", "is_known"),
    [
        ({"other": {"vehicle_id": f"{OTHER:016x}"}}, "other", True),
        ({"other": {"participant_id": 2, "vehicle_id": None}}, "walker", True),
        ({"other": None, "subject": {"kind": "signal", "id": 7}}, "signal 7", True),
        ({}, "", True),
        ({"host": {"vehicle_id": f"{EGO:016X}"}}, "", True),
        ({"host": {"vehicle_id": f"{OTHER:016x}"}}, "", False),
        ({"other": {"vehicle_id": "00000000deadbeef"}}, "vehicle 00000000deadbeef", False),
        ({"other": {"participant_id": 3}}, "participant 3", False),
        ({"other": {"vehicle_id": f"{EGO:016x}"}}, "ego", False),
    ],
)
def test_a_warning_is_about_somebody_who_is_there_or_it_is_known_that_it_is_not(document, other, is_known) -> None:
    found = warned(**document)
    assert (found.other, found.is_known) == (other, is_known)


def test_the_message_that_caused_a_warning_is_known_by_its_sender_and_its_mark() -> None:
    assert warned(cause={"vehicle_id": f"{OTHER:016x}", "sec_mark_ms": 51_200}).cause == (OTHER, 51_200)
    assert warned(cause={"sec_mark_ms": 51_200}).cause is None


@pytest.mark.parametrize(
    "document",
    [
        {"application": 7},
        {"application": ""},
        {"application": "x" * 17},
        {"state": "on"},
        {"state": ["raised"]},
        {"other": {"participant_id": 10**400}},
        {"other": "other"},
        {"other": {"vehicle_id": 7}},
        {"other": {"vehicle_id": "7e4"}},
        {"other": {"participant_id": "2"}},
        {"cause": {"sec_mark_ms": 1.5}},
        {"host": []},
    ],
)
def test_what_is_no_warning_is_refused(document) -> None:
    with pytest.raises(MalformedError):
        warned(**document)


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff", b"null", b"{}" + b" " * (64 << 10)])
def test_rubbish_is_refused_whatever_it_should_be(payload: bytes) -> None:
    for read in (lambda one: read_warning(one, PEOPLE), read_answer, read_state):
        with pytest.raises(MalformedError):
            read(Said("warning", payload, START_US))


@pytest.mark.parametrize(
    "document",
    [{}, {"seqNum": 1}, {"seqNum": "1", "errorCode": 0}, {"seqNum": True, "errorCode": 0}, {"seqNum": 1 << 70, "errorCode": 0}],
)
def test_an_answer_without_a_number_is_none(document) -> None:
    with pytest.raises(MalformedError):
        read_answer(said("command/ack", document))


def test_a_datagram_says_what_it_is_and_is_a_warning_otherwise() -> None:
    assert stream_of(b'{"stream": "command/ack"}') == "command/ack"
    for datagram in (b'{"stream": "else"}', b'{"stream": ["state"]}', b"{", b"[1]", b'"state"', b"7", b"\xff"):
        assert stream_of(datagram) == "warning"


@dataclass
class Scripted:
    """A device that does as `answer` says with every command; its answers take 20 ms (`links.Link`)."""

    clock: VirtualClock
    answer: Callable[[Mapping[str, Any]], tuple[str, Any] | None]
    commands: list[Mapping[str, Any]] = field(default_factory=list)
    waiting: list[Said] = field(default_factory=list)
    is_whole: bool = True

    def hand_over(self, frame: bytes) -> None:
        """Nothing is listened to."""

    def command(self, document: Mapping[str, Any]) -> None:
        self.commands.append(document)
        if (found := self.answer(document)) is not None:
            self.waiting.append(said(*found, self.clock.wall_us() + 20_000))

    def tell(self, document: Mapping[str, Any]) -> None:
        """It does not cooperate."""

    def heard(self, wait_s: float) -> list[Said]:
        self.clock.advance(wait_s)
        taken, self.waiting = self.waiting, []
        return taken


def obedient(document: Mapping[str, Any]) -> tuple[str, Any]:
    return "command/ack", {"seqNum": document["seqNum"], "errorCode": 0}


def dialogue(answer: Callable[[Mapping[str, Any]], tuple[str, Any] | None]) -> tuple[Dialogue, Scripted]:
    clock = VirtualClock(START_US)
    link = Scripted(clock, answer)
    return Dialogue(link, clock, PEOPLE, device="bench"), link


def drive(talk: Dialogue, link: Scripted, seconds: float) -> None:
    for _ in range(round(seconds * 2)):
        link.clock.advance(0.5)
        talk.turn()


def test_a_device_that_answers_was_there_and_its_clock_is_known() -> None:
    talk, link = dialogue(lambda one: ("command/ack", {**obedient(one)[1], "time_us": link.clock.wall_us() - 5_000_000}))
    talk.await_ready({"run": 0}, 5.0)
    drive(talk, link, 6.0)
    talk.end(3.0)
    assert talk.absence_s < 2.0
    assert talk.clock_offset_s == pytest.approx(-5.01)  # it is read when the command comes, half of 20 ms before the middle
    numbers = [one["seqNum"] for one in link.commands]
    assert len(set(numbers)) == len(numbers)
    assert [one["command"] for one in link.commands].count("ping") >= 4


def test_a_device_that_never_answers_is_named_and_was_asked_again_and_again_under_one_number() -> None:
    talk, link = dialogue(lambda _: None)
    with pytest.raises(NotThereError, match=r"bench.*did not answer within 5 s"):
        talk.await_ready({}, 5.0)
    assert len(link.commands) == 10
    assert len({one["seqNum"] for one in link.commands}) == 1


def test_a_device_that_is_not_ready_says_why() -> None:
    talk, _ = dialogue(lambda one: ("command/ack", {"seqNum": one["seqNum"], "errorCode": 2, "errorDesc": "no position"}))
    with pytest.raises(NotThereError, match="no position"):
        talk.await_ready({}, 5.0)


def test_a_device_that_stops_answering_is_away() -> None:
    talk, link = dialogue(lambda one: obedient(one) if len(link.commands) < 4 else None)
    talk.await_ready({}, 5.0)
    drive(talk, link, 6.0)
    talk.end(3.0)
    assert talk.absence_s == np.inf


def test_a_device_that_was_away_for_a_while_was_away_so_long() -> None:
    talk, link = dialogue(lambda one: None if 3 <= len(link.commands) < 8 else obedient(one))
    talk.await_ready({}, 5.0)
    drive(talk, link, 10.0)
    talk.end(3.0)
    assert 5.9 < talk.absence_s < 7.0


def test_a_will_is_an_end_even_if_it_comes_back() -> None:
    talk, link = dialogue(lambda one: ("state", {"state": "offline"}) if len(link.commands) == 3 else obedient(one))
    talk.await_ready({}, 5.0)
    drive(talk, link, 6.0)
    talk.end(3.0)
    assert talk.absence_s == np.inf


def test_what_was_said_before_a_run_is_not_of_it() -> None:
    talk, link = dialogue(obedient)
    link.waiting = [said("warning", {"application": "fcw", "state": "raised"}), Said("warning", b"{", START_US)]
    talk.await_ready({}, 5.0)
    assert not talk.warned
    assert not talk.unreadable


def test_warnings_and_rubbish_of_a_run_are_kept_apart() -> None:
    talk, link = dialogue(obedient)
    talk.await_ready({}, 5.0)
    link.waiting += [said("warning", {"application": "fcw", "state": "raised"}), Said("warning", b"{", START_US)]
    drive(talk, link, 1.0)
    assert [one.application for one in talk.warned] == ["fcw"]
    assert len(talk.unreadable) == 1


def test_a_scenario_names_a_device_that_can_be_one() -> None:
    good = scenario(more="dut: {mqtt: {device: bench-obu}}")
    assert read_text(good, "here").actor_of_device() == "ego"
    for dut, complaint in (
        ("{}", "exactly one of mqtt and udp"),
        ("{mqtt: {}, udp: {hears: 'a:1', says: 'b:2'}}", "exactly one of mqtt and udp"),
        ("{udp: {hears: '127.0.0.1', says: 'b:2'}}", "HOST:PORT"),
        ("{mqtt: {}, actor: nobody}", "there is no actor 'nobody'; actors: ego"),
        ("{mqtt: {device: 'a/b'}}", "a/b"),
    ):
        with pytest.raises(ScenarioError, match=complaint):
            read_text(scenario(more=f"dut: {dut}"), "here")
