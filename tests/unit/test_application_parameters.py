"""The one schema of the applications' parameters: what may be set at a site, and what is said of what may not."""

from __future__ import annotations

from dataclasses import fields

import pytest

from chelu.applications import WARNING_APPLICATIONS, catalogue
from chelu.parameters import allowed


def test_every_application_has_its_parameters_and_nothing_else_has() -> None:
    assert catalogue.APPLICATIONS.keys() == WARNING_APPLICATIONS.keys()
    assert not catalogue.APPLICATIONS.keys() & catalogue.COMMON.keys()


def test_every_default_is_one_that_may_be_set_and_says_unit_and_source() -> None:
    for application, one in catalogue.every():
        assert allowed(catalogue.SCHEMA[application], one.name, one.default) is None, (application, one.name)
        assert one.metadata["unit"], (application, one.name)
        assert one.metadata["source"], (application, one.name)


@pytest.mark.parametrize(
    ("values", "where", "text"),
    [
        ({"fwc": {"warn_mps2": 4.0}}, "fwc", "one of the applications fcw, icw"),
        ({"fcw": {"warn": 4.0}}, "fcw.warn", "there is no such parameter; there are is_on, reaction_s"),
        ({"fcw": {"warn_mps2": "high"}}, "fcw.warn_mps2", "a number from 0.0 to 12.0"),
        ({"fcw": {"warn_mps2": 12.01}}, "fcw.warn_mps2", "a number from 0.0 to 12.0"),
        ({"fcw": {"warn_mps2": float("nan")}}, "fcw.warn_mps2", "a number from 0.0 to 12.0"),
        ({"fcw": {"warn_mps2": True}}, "fcw.warn_mps2", "a number from 0.0 to 12.0"),
        ({"fcw": {"warn_mps2": None}}, "fcw.warn_mps2", "a number from 0.0 to 12.0"),
        ({"fcw": {"is_on": 0.5}}, "fcw.is_on", "0 (off) or 1 (on)"),
    ],
)
def test_what_may_not_be_set_is_told_with_what_may(values: dict[str, dict[str, object]], where: str, text: str) -> None:
    ((found_where, _, found_text),) = catalogue.faults({**values, "life": {"clear_s": 1}})
    assert found_where == where
    assert found_text.startswith(text)


def test_bounds_themselves_may_be_set() -> None:
    for application, kind in catalogue.SCHEMA.items():
        for end in ("low", "high"):
            assert not list(catalogue.faults({application: {one.name: one.metadata[end] for one in fields(kind)}}))


def test_only_what_is_not_the_default_is_a_sites_own() -> None:
    given = {"fcw": {"warn_mps2": 4.8, "hold_share": 0.6}, "icw": {"horizon_s": 4.0}, "gone": {"x": 1.0}}
    assert catalogue.differing(given) == {"fcw": {"hold_share": 0.6}}
