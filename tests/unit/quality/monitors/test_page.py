from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from chelu.errors import ConfigurationError
from chelu.quality.monitors.catalogue import BY_NAME, MONITORS, monitor_of, site_parameters
from chelu.quality.monitors.page import entry, overview

PAGE = (Path(__file__).parents[4] / "docs" / "monitors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(BY_NAME))
def test_the_page_says_of_a_monitor_what_the_catalogue_says(name) -> None:
    assert entry(monitor_of(name)) in PAGE


def test_the_page_has_the_catalogues_monitors_and_no_others() -> None:
    assert re.findall(r"^### (.+)$", PAGE, re.MULTILINE) == list(BY_NAME)
    assert overview() in PAGE


@pytest.mark.parametrize("name", list(BY_NAME))
def test_every_parameter_has_a_unit_a_source_and_a_default_within_its_bounds(name) -> None:
    parameters = BY_NAME[name].parameters()
    for one in fields(parameters):
        about = one.metadata
        assert about["unit"]
        assert about["source"]
        assert about["low"] <= getattr(parameters, one.name) <= about["high"]


def test_every_monitor_says_what_to_do() -> None:
    assert len(BY_NAME) == len(MONITORS)
    assert all(one.action and one.formula and one.source and one.about for one in MONITORS)


def test_a_sites_values_are_checked() -> None:
    assert site_parameters({"spat-rate": {"lowest_hz": 0.8}}, where="a file")["spat-rate"].fewest == 20
    with pytest.raises(ConfigurationError, match="there is no such parameter"):
        site_parameters({"spat-rate": {"lowest": 1}}, where="a file")
    with pytest.raises(ConfigurationError, match="a number from 0"):
        site_parameters({"spat-rate": {"lowest_hz": -1}}, where="a file")
    with pytest.raises(ConfigurationError, match="one of spat-rate"):
        monitor_of("spat-rat")
    with pytest.raises(ConfigurationError, match="monitor = 'spat-rats' is not allowed: one of spat-rate"):
        site_parameters({"spat-rats": {"lowest_hz": 0.8}}, where="a file")
    with pytest.raises(ConfigurationError, match=r"lowest_hz = 13\.0 is not allowed: at most highest_hz, which is 12\.0"):
        site_parameters({"spat-rate": {"lowest_hz": 13}}, where="a file")
    with pytest.raises(ConfigurationError, match=r"a file, map-rate"):
        site_parameters({"map-rate": {"highest_hz": 0.5}}, where="a file")
    assert site_parameters({"spat-rate": {"lowest_hz": 13, "highest_hz": 13}}, where="a file")
    assert site_parameters({"fcw": {"anything": 1}}, where="a file that applications use, too")
    assert all("-" in name for name in BY_NAME)
