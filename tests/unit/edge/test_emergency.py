"""The emergency stop at a device: handed on, remembered, undone, and never undone by an older order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chelu.clock import VirtualClock
from chelu.topics import Kind
from edge.control import Command
from edge.emergency import Emergency


class Vehicle:
    """Stands for the vehicle's own software."""

    def __init__(self) -> None:
        self.heard: list[Mapping[str, Any]] = []
        self.trouble = ""

    def take(self, document: Mapping[str, Any]) -> str:
        if not self.trouble:
            self.heard.append(document)
        return self.trouble


def order(number: int, name: str, **values: Any) -> Command:
    return Command(number, name, values)


@pytest.fixture
def vehicle() -> Vehicle:
    return Vehicle()


def emergency(directory: Path, vehicle: Vehicle, kind: Kind = Kind.OBU) -> Emergency:
    return Emergency(directory, kind, VirtualClock(7), vehicle.take)


def test_a_stop_is_handed_on_and_a_release_undoes_it(tmp_path: Path, vehicle: Vehicle) -> None:
    device = emergency(tmp_path, vehicle)
    answer = device.obey(order(5, "stop", reason="a person on the oval"))
    assert (answer.code, answer.extra, device.is_stopped) == (0, {"is_stopped": True}, True)
    expected = {"emergency": "stop", "action": "stop", "reason": "a person on the oval", "seqNum": 5, "time_us": 7}
    assert vehicle.heard == [expected]
    assert device.obey(order(6, "release")).extra == {"is_stopped": False}
    assert (vehicle.heard[-1]["emergency"], vehicle.heard[-1]["action"]) == ("release", "go on")


def test_a_signal_goes_to_its_safe_plan(tmp_path: Path, vehicle: Vehicle) -> None:
    device = emergency(tmp_path, vehicle, Kind.SIGNAL)
    device.obey(order(1, "stop"))
    device.obey(order(2, "release"))
    assert [document["action"] for document in vehicle.heard] == ["safe plan", "usual plan"]


def test_an_older_stop_that_comes_after_a_release_stops_nobody(tmp_path: Path, vehicle: Vehicle) -> None:
    device = emergency(tmp_path, vehicle)
    device.obey(order(6, "release"))
    late = device.obey(order(5, "stop"))
    assert (late.code, late.extra, device.is_stopped) == (0, {"is_stopped": False, "is_older": True}, False)
    assert [document["emergency"] for document in vehicle.heard] == ["release"]


def test_an_agent_that_starts_anew_in_a_stop_is_still_stopped(tmp_path: Path, vehicle: Vehicle) -> None:
    emergency(tmp_path, vehicle).obey(order(5, "stop"))
    again = emergency(tmp_path, vehicle)
    again.begin()
    assert again.is_stopped
    assert [document["emergency"] for document in vehicle.heard] == ["stop", "stop"]
    assert again.obey(order(4, "release")).extra == {"is_stopped": True, "is_older": True}
    again.obey(order(6, "release"))
    released = emergency(tmp_path, vehicle)
    released.begin()
    assert not released.is_stopped
    assert len(vehicle.heard) == 3


def test_what_cannot_be_handed_on_is_not_acknowledged_and_may_come_again(tmp_path: Path, vehicle: Vehicle) -> None:
    device = emergency(tmp_path, vehicle)
    vehicle.trouble = "no sink is configured: nobody was told"
    answer = device.obey(order(5, "stop"))
    assert (answer.code, answer.description, device.is_stopped) == (2, vehicle.trouble, False)
    vehicle.trouble = ""
    assert device.obey(order(5, "stop")).code == 0
    assert device.is_stopped
