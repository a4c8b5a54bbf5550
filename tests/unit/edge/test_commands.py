"""Commands carried out: each answered, none done twice, and a reboot answered after the start."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chelu.clock import VirtualClock
from chelu.errors import ConfigurationError
from edge.capture import FOLDER
from edge.commands import REBOOT, Commands

START_US = 1_790_000_000_000_000


class Device:
    """Commands with nothing around them but a directory."""

    def __init__(self, directory: Path, rotate: Callable[[], str] = lambda: "line", *, can_restart: bool = True) -> None:
        self.clock = VirtualClock(START_US)
        self.said: list[dict[str, Any]] = []
        self.restarts = 0
        self.commands = Commands(
            directory,
            self.clock,
            answer=lambda answer: self.said.append(json.loads(answer)),
            rotate=rotate,
            restart=self._restart if can_restart else None,
        )

    def _restart(self) -> None:
        self.restarts += 1

    def told(self, number: int, command: str, **values: object) -> dict[str, Any]:
        self.commands.obey(json.dumps({"seqNum": number, "command": command, **values}).encode())
        return self.said[-1]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    yield (made := Device(tmp_path))
    made.commands.end_capture()
    logging.getLogger("edge").setLevel(logging.NOTSET)


def test_a_ping_is_answered_with_the_time_and_an_unknown_command_with_those_there_are(device: Device) -> None:
    assert device.told(3, "ping") == {"seqNum": 3, "errorCode": 0, "time_us": START_US}
    refused = device.told(4, "explode")
    assert (refused["errorCode"], "capture, log_level, ping, reboot, rotate" in refused["errorDesc"]) == (1, True)


def test_a_command_that_comes_again_is_answered_again_and_not_done_again(tmp_path: Path) -> None:
    made: list[int] = []
    device = Device(tmp_path, rotate=lambda: f"line {len(made.append(1) or made)}")  # type: ignore[func-returns-value]
    first, again, other = device.told(1, "rotate"), device.told(1, "rotate"), device.told(2, "rotate")
    assert (first["verifier"], again["verifier"], other["verifier"]) == ("line 1", "line 1", "line 2")


def test_what_cannot_be_done_is_a_local_error(tmp_path: Path) -> None:
    def refuse() -> str:
        raise ConfigurationError("credential_file", None, "there is none")

    answer = Device(tmp_path, rotate=refuse).told(1, "rotate")
    assert (answer["errorCode"], "there is none" in answer["errorDesc"]) == (2, True)


def test_the_log_level_is_set_and_another_refused(device: Device) -> None:
    assert device.told(1, "log_level", level="DEBUG")["errorCode"] == 0
    assert logging.getLogger("edge").level == logging.DEBUG
    assert "DEBUG, INFO, WARNING, ERROR" in device.told(2, "log_level", level="LOUD")["errorDesc"]
    assert logging.getLogger("edge").level == logging.DEBUG


def test_a_capture_is_at_first_begun_and_after_its_seconds_answered_with_what_is_in_it(device: Device, tmp_path: Path) -> None:
    assert device.told(7, "capture", seconds=5) == {"seqNum": 7, "errorCode": 0, "state": "received"}
    assert device.commands.capture is not None
    device.commands.capture.note("heard", "", b"\x01\x02")
    device.clock.advance(4)
    device.commands.turn(device.clock.monotonic_s())
    assert len(device.said) == 1
    device.clock.advance(1)
    device.commands.turn(device.clock.monotonic_s())
    answer = device.said[-1]
    assert (answer["seqNum"], answer["errorCode"], answer["file"], answer["messages"]) == (7, 0, "capture-7.ndjson", 1)
    line = json.loads((tmp_path / FOLDER / answer["file"]).read_text())
    assert line == {"time_us": START_US, "way": "heard", "name": "", "payload": "0102"}
    assert device.told(7, "capture", seconds=5) == answer


def test_a_newer_capture_ends_the_older_one_and_both_are_answered(device: Device) -> None:
    device.told(1, "capture", seconds=5)
    device.told(2, "capture", seconds=5)
    assert [(it["seqNum"], it["errorCode"]) for it in device.said] == [(1, 0), (1, 2), (2, 0)]


@pytest.mark.parametrize("seconds", [0, -1, 601, "5", None, True, float("nan")])
def test_a_capture_of_no_length_is_refused(device: Device, seconds: object) -> None:
    assert device.told(1, "capture", seconds=seconds)["errorCode"] == 1


def test_only_the_newest_captures_are_kept(device: Device, tmp_path: Path) -> None:
    for number in range(1, 9):
        device.told(number, "capture", seconds=1)
    device.commands.end_capture()
    assert len(list((tmp_path / FOLDER).iterdir())) == 5


def test_a_reboot_is_answered_when_it_is_over_and_done_once(device: Device, tmp_path: Path) -> None:
    assert device.told(9, "reboot") == {"seqNum": 9, "errorCode": 0, "state": "received"}
    assert device.restarts == 1
    successor = Device(tmp_path)
    successor.commands.begin()
    assert (successor.said[0]["seqNum"], successor.said[0]["errorCode"]) == (9, 0)
    assert successor.told(9, "reboot") == successor.said[0]
    third = Device(tmp_path)
    third.commands.begin()
    assert third.said == []  # answered before
    third.told(9, "reboot")
    assert (successor.restarts, third.restarts, third.said[0]["errorCode"]) == (0, 0, 0)


def test_a_reboot_is_refused_where_nobody_would_start_the_agent_anew(tmp_path: Path) -> None:
    device = Device(tmp_path, can_restart=False)
    assert device.told(1, "reboot")["errorCode"] == 2
    assert not (tmp_path / REBOOT).exists()


def test_a_reboot_that_cannot_be_remembered_is_not_done(tmp_path: Path) -> None:
    (tmp_path / REBOOT).mkdir()
    device = Device(tmp_path)
    assert device.told(1, "reboot")["errorCode"] == 2
    assert device.restarts == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(st.sampled_from(["seqNum", "command", "seconds", "level"]), st.one_of(st.integers(), st.text(), st.none()))
)
def test_every_document_gets_one_answer(tmp_path: Path, document: dict[str, object]) -> None:
    device = Device(tmp_path)
    device.commands.obey(json.dumps(document).encode())
    assert len(device.said) == 1
    assert device.said[0]["errorCode"] in {0, 1, 2}
