"""The settings in force: the file's, under what was configured; kept, whole, and reported."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.control import Desired
from edge.inforce import FILE, InForce
from edge.settings import EdgeSettings
from edge.state_file import NotKeptError


@pytest.fixture(autouse=True)
def _level() -> Iterator[None]:
    yield
    logging.getLogger("edge").setLevel(logging.NOTSET)


@pytest.fixture
def settings(tmp_path: Path) -> EdgeSettings:
    values = {"kind": "rsu", "id": "r", "heartbeat_s": 7, "muted_streams": ["bsm"], "spool": {"directory": tmp_path}}
    return EdgeSettings.check(values, source="test")


def test_what_was_configured_holds_after_a_restart(settings: EdgeSettings) -> None:
    muted: list[frozenset[str]] = []
    first = InForce(settings, mute=muted.append, tell=lambda: None)
    first.take_over(Desired(heartbeat_s=2, muted_streams=frozenset({"spat", "rsm"})), 5)
    again = InForce(settings, mute=muted.append, tell=lambda: None)
    assert again.document() == {
        "heartbeat_s": 2,
        "run_status_s": 60,
        "log_level": "INFO",
        "muted_streams": ["rsm", "spat"],
    }
    assert (again.number, muted) == (5, [frozenset({"spat", "rsm"})] * 2)


def test_what_a_configuration_does_not_name_is_as_the_file_says(settings: EdgeSettings) -> None:
    in_force = InForce(settings, mute=lambda _: None, tell=lambda: None)
    in_force.take_over(Desired(heartbeat_s=2), 5)
    in_force.take_over(Desired(run_status_s=3), 6)
    assert (in_force.heartbeat_s, in_force.run_status_s, in_force.muted_streams) == (7.0, 3.0, frozenset({"bsm"}))


def test_what_cannot_be_kept_does_not_hold(settings: EdgeSettings, tmp_path: Path) -> None:
    in_force = InForce(settings, mute=lambda _: None, tell=lambda: None)
    (tmp_path / FILE).mkdir()
    with pytest.raises(NotKeptError, match=r"configuration\.json cannot be written"):
        in_force.take_over(Desired(heartbeat_s=2), 5)
    assert (in_force.heartbeat_s, in_force.number) == (7, 0)


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"config": {"heartbeat_s": 0}}', '{"config": 5}', '{"config": {"x": 1}}'])
def test_a_kept_file_that_is_none_is_passed_over(settings: EdgeSettings, tmp_path: Path, kept: str) -> None:
    (tmp_path / FILE).write_text(kept)
    assert InForce(settings, mute=lambda _: None, tell=lambda: None).heartbeat_s == 7


def test_the_file_is_json(settings: EdgeSettings, tmp_path: Path) -> None:
    InForce(settings, mute=lambda _: None, tell=lambda: None).take_over(Desired(log_level="DEBUG"), 5)
    assert json.loads((tmp_path / FILE).read_text()) == {"seqNum": 5, "config": {"log_level": "DEBUG"}}
    assert logging.getLogger("edge").level == logging.DEBUG


def test_only_another_heartbeat_is_told(settings: EdgeSettings) -> None:
    told: list[float] = []
    in_force = InForce(settings, mute=lambda _: None, tell=lambda: told.append(in_force.heartbeat_s))
    in_force.take_over(Desired(heartbeat_s=60), 5)
    in_force.take_over(Desired(heartbeat_s=60, log_level="DEBUG"), 6)
    in_force.take_over(Desired(), 7)
    assert told == [60, 7]
