"""`chelu site parameters` against a registry that is a function."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from typer.testing import CliRunner

from chelu import api
from chelu.cli import build
from chelu.errors import ConfigurationError
from services.registry.cli_parameters import wanted

ROW = {
    "application": "fcw",
    "parameter": "warn_mps2",
    "unit": "m/s²",
    "default": 4.8,
    "lowest": 0.0,
    "highest": 12.0,
    "source": "a table",
    "own": 4.2,
    "value": 4.2,
    "in_force": 4.8,
}
TOLD = {"version": 1, "heard_us": 1_700_000_000_000_000, "refused": "version 2 …: a number from 0.0 to 12.0"}
FOUND = {"site_id": "north", "version": 2, "in_force": TOLD, "parameters": [ROW, {**ROW, "application": "icw", "own": None}]}


@pytest.fixture
def asked() -> list[httpx.Request]:
    return []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, asked: list[httpx.Request]) -> Callable[..., str]:
    """Runs the command; answers what it printed, raises what it raised."""

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if not request.url.path.endswith("history"):
            return httpx.Response(200, json=FOUND)
        change = {"change_id": 7, "version": 2, "at": "2026-05-01T08:00:00Z", "actor": "wang", "note": "trucks"}
        change |= {"application": "fcw", "parameter": "warn_mps2", "former": None, "latter": 4.2}
        is_last = request.url.params.get("before") == "7"
        return httpx.Response(200, json={"changes": [] if is_last else [change], "next": None if is_last else 7})

    def run(*arguments: str) -> str:
        client = api.Client("http://registry", "key", transport=httpx.MockTransport(handler))
        monkeypatch.setattr(api.Client, "find", lambda: client)
        result = CliRunner().invoke(build(), ["site", "parameters", "north", *arguments])
        if isinstance(result.exception, ConfigurationError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


def test_parameters_are_listed_with_default_value_and_unit_and_what_is_in_force(run: Callable[..., str]) -> None:
    head, line, last = run("--application", "fcw").splitlines()
    assert head.split() == ["application", "parameter", "value", "unit", "default", "allowed", "own", "in_force"]
    assert line.split() == ["fcw", "warn_mps2", "4.2", "m/s²", "4.8", "0–12", "4.2", "4.8"]
    assert last == "version 2; inference goes by version 1; refused: version 2 …: a number from 0.0 to 12.0"
    assert len(json.loads(run("--json"))["parameters"]) == 2


def test_a_change_names_the_version_that_it_is_of_and_its_reason(run: Callable[..., str], asked: list[httpx.Request]) -> None:
    run("--set", "fcw.warn_mps2=4.2", "--set", "fcw.is_on=null", "--note", "trials with trucks")
    assert [request.method for request in asked] == ["GET", "PATCH"]
    assert asked[1].headers["If-Match"] == '"2"'
    assert json.loads(asked[1].content) == {
        "values": {"fcw": {"warn_mps2": 4.2, "is_on": None}},
        "note": "trials with trucks",
    }


def test_history_is_read_page_by_page(run: Callable[..., str], asked: list[httpx.Request]) -> None:
    head, line = run("--history").splitlines()
    assert head.split()[:2] == ["at", "actor"]
    assert line.split() == ["2026-05-01T08:00:00Z", "wang", "2", "fcw", "warn_mps2", "–", "4.2", "trucks"]
    assert len(asked) == 3


def test_a_change_without_a_reason_is_asked_for_it(run: Callable[..., str], asked: list[httpx.Request]) -> None:
    with pytest.raises(ConfigurationError, match="--note is missing: why"):
        run("--set", "fcw.warn_mps2=4.2")
    assert asked == []


@pytest.mark.parametrize(
    "pair", ["fcw.warn_mps2", "warn_mps2=4", "fcw.=4", ".warn_mps2=4", "fcw.warn_mps2=", "fcw.warn_mps2=high"]
)
def test_a_setting_that_is_none_is_refused(pair: str) -> None:
    with pytest.raises(ConfigurationError, match="--set"):
        wanted([pair])
