"""All scenarios of all suites can be driven in real time; what a device that decides would never hear is refused."""

from __future__ import annotations

import pytest

from chelu.errors import ConfigurationError
from simulators.scenario.cases import Request, cases_of
from simulators.scenario.description import Description
from simulators.scenario.dut.description import DeviceUnderTest
from simulators.scenario.progress import triggers_of
from simulators.scenario.real_time import check_speakable
from simulators.scenario.suite.library import suite_of, suites

DRIVES = DeviceUnderTest.model_validate({"kind": "drives", "udp": {"hears": "127.0.0.1:1", "says": "127.0.0.1:2"}})


def shipped() -> list[Description]:
    found = [suite_of(name) for name in suites()]
    items = {(one.suite.suite, item.scenario): (one, item) for one in found for item in one.suite.items if item.scenario}
    return [one.source(item).description for one, item in items.values()]


def test_every_scenario_of_every_suite_can_be_driven_in_real_time() -> None:
    for one in shipped():
        check_speakable("--through-platform", one, cases_of(one, Request()))


def test_a_device_that_is_asked_what_happens_is_warned_of_nothing_and_told_nothing() -> None:
    waiting = [one for one in shipped() if any(each.warned is not None for each, _ in triggers_of(one)) or one.road.told]
    assert len(waiting) >= 24
    for one in waiting:
        with pytest.raises(ConfigurationError, match="a scenario without warned and told"):
            check_speakable("--in-the-loop", one, cases_of(one, Request()), DRIVES)
