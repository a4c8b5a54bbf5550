"""The items of a suite that can be run in real time: those that have cases in which somebody may be warned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chelu.errors import ConfigurationError
from simulators.scenario.cases import Cases, cases_of
from simulators.scenario.devices import Kind, kind_of
from simulators.scenario.library import Source
from simulators.scenario.reading import refuse, refuse_impossible
from simulators.scenario.real_time import Ran, check_speakable
from simulators.scenario.suite.checking import problems_of_suite
from simulators.scenario.suite.description import Item
from simulators.scenario.suite.library import Found
from simulators.scenario.suite.tasks import request_of


@dataclass(frozen=True, slots=True)
class Cased:
    """An item with its scenario and cases."""

    item: Item
    source: Source
    cases: Cases


def cased(found: Found, *, is_short: bool, is_asked: bool, dut: Path | None) -> list[Cased]:
    """A suite's items, those of the short form only if is_short; is_asked: with the device under test of the file dut.

    Searches and published grids take too many runs for real time, and where a driver's model is tested nobody warns: these are
    left out. ConfigurationError when nothing is left, or there is no device; ScenarioError.
    """
    refuse(found.text, str(found.file), problems_of_suite(found))
    each = [_cased(found, one, is_short=is_short, is_asked=is_asked, dut=dut) for one in _items(found, is_short=is_short)]
    if not each:
        allowed = "a suite in which somebody is warned: all items of this one are for memory"
        raise ConfigurationError("suite", found.suite.suite, allowed)
    return each


def _items(found: Found, *, is_short: bool) -> Iterator[Item]:
    for one in found.suite.items:
        is_warned = kind_of(one.device or found.suite.device) is Kind.WARNS
        if one.scenario is not None and one.turns is None and is_warned and (one.short or not is_short):
            yield one


def _cased(found: Found, item: Item, *, is_short: bool, is_asked: bool, dut: Path | None) -> Cased:
    source = found.source(item)
    if dut is not None:
        source = source.tested_with(dut)
    if is_asked and source.description.dut is None:
        raise ConfigurationError(
            "--dut", None, f"a file that says which device is under test: {source.file} says none (docs/dut.md)"
        )
    cases = cases_of(source.description, request_of(source.description, item, is_short=is_short))
    refuse_impossible(source.text, source.file, source.description, cases)
    option = "--in-the-loop" if is_asked else "--through-platform"
    check_speakable(option, source.description, cases, source.description.dut if is_asked else None)
    return Cased(item, source, cases)


def is_away(ran: Ran) -> bool:
    """Whether the device under test was not there in the end: nobody would wait for it again."""
    absence_s = ran.trace.rig.get("device_absence_s")
    return absence_s is not None and bool(np.isinf(absence_s[-1]))
