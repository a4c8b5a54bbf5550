"""Which of the scenarios that ship can be driven in real time, and why the others cannot."""

from __future__ import annotations

from collections import Counter

import pytest

from chelu.errors import ConfigurationError
from simulators.scenario.cases import Request, cases_of
from simulators.scenario.description import Description
from simulators.scenario.progress import triggers_of
from simulators.scenario.real_time import check_speakable
from simulators.scenario.suite.library import suite_of, suites


def shipped() -> list[Description]:
    found = [suite_of(name) for name in suites()]
    items = {(one.suite.suite, item.scenario): (one, item) for one in found for item in one.suite.items if item.scenario}
    return [one.source(item).description for one, item in items.values()]


def test_only_what_waits_for_a_warning_or_is_told_by_the_roadside_is_refused_in_real_time() -> None:
    counts: Counter[bool] = Counter()
    for one in shipped():
        waits = any(trigger.warned is not None for trigger, _ in triggers_of(one)) or bool(one.road.told)
        counts[waits] += 1
        if waits:
            with pytest.raises(ConfigurationError, match="a scenario without warned and told"):
                check_speakable("--through-platform", one, cases_of(one, Request()))
        else:
            check_speakable("--through-platform", one, cases_of(one, Request()))
    assert counts[False] >= 24
