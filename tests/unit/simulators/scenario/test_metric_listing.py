"""`chelu scenario metrics` as a person calls it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from chelu.cli import build
from chelu.errors import ConfigurationError
from simulators.scenario.metrics.table import METRICS


@pytest.fixture
def asked():
    return lambda *arguments: CliRunner().invoke(build(), ["scenario", "metrics", *arguments])


def test_all_metrics_are_listed(asked) -> None:
    found = asked()
    assert found.exit_code == 0
    assert all(name in found.stdout for name in METRICS)


def test_one_is_defined_with_its_parameters(asked) -> None:
    said = asked("mdrac_mps2").stdout
    for word in ("mdrac_mps2 (m/s²)", "TTC − R", "reaction_s", "(if not given, 1)"):
        assert word in said


def test_a_name_that_is_none_is_refused_with_those_that_are(asked) -> None:
    found = asked("ttc")
    assert isinstance(found.exception, ConfigurationError)
    assert "minimum_distance_m" in str(found.exception)
