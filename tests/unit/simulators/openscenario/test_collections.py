"""Whole collections: variations, reports, and what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chelu.cli import build
from chelu.errors import ConfigurationError
from simulators.scenario.cases import Design, Request, cases_of
from simulators.scenario.openscenario.importing import Options
from simulators.scenario.openscenario.reporting import reported, rows
from simulators.scenario.openscenario.variations import variants
from simulators.scenario.reading import read_file
from tests.unit.simulators.openscenario.files import (
    OTHER,
    by_value,
    event,
    on_lane,
    private,
    scenario,
    speed,
    story,
    teleport,
    written,
)

DECLARED = (
    '<ParameterDeclaration name="Speed" parameterType="double" value="20"><ConstraintGroup><ValueConstraint rule="lessThan" '
    'value="35"/></ConstraintGroup></ParameterDeclaration><ParameterDeclaration name="Lane" parameterType="integer" value="-2"/>'
)
VARIED = private("Ego", teleport(on_lane("$Lane", 50)), speed("$Speed")) + OTHER
CRASH = private("Ego", teleport(on_lane(-1, 50)), speed(20)) + OTHER


def variation(*parts: str) -> str:
    return (
        '<OpenSCENARIO><FileHeader revMajor="1" revMinor="1"/><ParameterValueDistribution><ScenarioFile filepath="tried.xosc"/>'
        f"<Deterministic>{''.join(parts)}</Deterministic></ParameterValueDistribution></OpenSCENARIO>"
    )


def ranged(name: str, low: float, high: float, step: float) -> str:
    return (
        f'<DeterministicSingleParameterDistribution parameterName="{name}"><DistributionRange stepWidth="{step}">'
        f'<Range lowerLimit="{low}" upperLimit="{high}"/></DistributionRange></DeterministicSingleParameterDistribution>'
    )


def test_a_variation_is_a_range_where_numbers_vary_and_scenarios_where_the_road_does(tmp_path: Path) -> None:
    written(tmp_path, scenario(init=VARIED, parameters=DECLARED))
    path = written(tmp_path, variation(ranged("Speed", 10, 40, 10), ranged("Lane", -3, -1, 1)), name="varied.xosc")
    found = list(variants(path, Options()))
    assert len(found) == 3
    for one, y in zip(found, (-8.75, -5.25, -1.75), strict=True):
        assert set(one.description.parameters) == {"speed"}
        cases = cases_of(one.description, Request(Design.GRID))
        assert cases.columns["speed"].tolist() == [10, 20, 30]  # 40 is outside the parameter's own constraint
        way = one.description.road.described()["main"]
        assert way.y_m == pytest.approx(y)


def test_sets_of_values_belong_together(tmp_path: Path) -> None:
    written(tmp_path, scenario(init=VARIED, parameters=DECLARED))
    pairs = "".join(
        f'<ParameterValueSet><ParameterAssignment parameterRef="Lane" value="{lane}"/><ParameterAssignment parameterRef="Speed" '
        f'value="{fast}"/></ParameterValueSet>'
        for lane, fast in ((-1, 5), (-2, 15), (-3, 50))
    )
    together = "DeterministicMultiParameterDistribution"
    several = f"<{together}><ValueSetDistribution>{pairs}</ValueSetDistribution></{together}>"
    found = list(variants(written(tmp_path, variation(several), name="varied.xosc"), Options()))
    assert [one.description.parameters["speed"].default for one in found] == [5, 15]  # 50 is outside the constraint


def test_a_report_says_file_by_file_what_runs_and_what_came_of_it(tmp_path: Path) -> None:
    written(tmp_path, scenario(init=VARIED, parameters=DECLARED), name="a.xosc")
    written(tmp_path, scenario(init=CRASH), name="b.xosc")
    unknown = by_value('<TimeOfDayCondition rule="greaterThan" dateTime="2026-01-01T00:00:00"/>')
    written(tmp_path, scenario(stories=story("Other", event("Brake", speed(0), unknown))), name="c.xosc")
    written(tmp_path, '<OpenSCENARIO><FileHeader revMajor="1" revMinor="1"/><Catalog name="x"/></OpenSCENARIO>', name="d.xosc")
    said: list[str] = []
    files = sorted(tmp_path.glob("*.xosc"))
    assert reported(rows(files, Options(), is_run=True), said.append, tmp_path / "all.json") == 1
    assert said[0] == f"{tmp_path}/a.xosc: runs: no contact in 10.00 s, minimum distance 1.50 m"
    assert said[1] == f"{tmp_path}/b.xosc: runs: contact of ego and other at 4.50 s, minimum distance 0.00 m"
    assert said[2].startswith(f"{tmp_path}/c.xosc: cannot be run: undecodable: {tmp_path}/c.xosc:")
    assert "/ByValueCondition/TimeOfDayCondition: <TimeOfDayCondition> is not understood" in said[2]
    assert said[3] == "3 files, 2 can be run, 1 cannot; 1 catalogues"
    kept = json.loads((tmp_path / "all.json").read_text())
    assert [row["can_run"] for row in kept] == [True, True, False, False]
    assert kept[1]["outcomes"][0]["contact_s"] == 4.5


def test_the_command_writes_scenarios_that_can_be_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, scenario(init=VARIED, parameters=DECLARED))
    printed = CliRunner().invoke(build(), ["scenario", "import", str(path)])
    assert printed.exit_code == 0, printed.output
    done = CliRunner().invoke(build(), ["scenario", "import", str(tmp_path), "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "tried.yaml").read_text() == printed.stdout
    assert read_file(tmp_path / "out" / "tried.yaml").scenario == "tried"


def test_options_that_cannot_be_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, scenario())
    for option, value in (("--driver", "nobody"), ("--longest", "0")):
        refused = CliRunner().invoke(build(), ["scenario", "import", str(path), option, value])
        assert isinstance(refused.exception, ConfigurationError)
        assert option in str(refused.exception)
