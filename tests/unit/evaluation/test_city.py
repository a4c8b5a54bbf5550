"""The judge of all judges: every part is a command that there is, in both forms; what is done is kept, what cannot be is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console

from chelu.cli import build
from chelu.errors import ConfigurationError
from evaluation.city import command, plots
from evaluation.city.command import Request
from evaluation.city.parts import PARTS, READINGS, SHORT, NoDataError, Place
from evaluation.signals import networks


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """With a recording of four rows; networks are not made, which takes SUMO."""
    data = tmp_path / "data"
    (data / READINGS).parent.mkdir(parents=True)
    (data / READINGS).write_text("a,b\n1,2\n3,4\n5,6\n7,8\n", encoding="utf-8")
    monkeypatch.setattr(networks, "write", lambda plan, where, end_s: (where / "net.xml", where / "rou.xml"))
    return Place(tmp_path, tmp_path / "plots", data, 3, is_quick=True)


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    return Request(tmp_path / "city.json", tmp_path / "plots", tmp_path / "keep", None, 3, (), is_quick=True, is_resumed=False)


def understood(words: list[str]) -> None:
    """Whether the command takes these words; it raises what it raises for others."""
    found: Any = typer.main.get_command(build())
    while hasattr(found, "get_command"):
        context = found.make_context("chelu", [], resilient_parsing=True)
        found = found.get_command(context, words.pop(0))
        assert found is not None
    found.make_context("chelu", words)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("is_quick", [True, False])
def test_every_part_is_a_command_that_there_is(place: Place, name: str, *, is_quick: bool) -> None:
    words = list(PARTS[name](replace(place, is_quick=is_quick)))
    for word in words:  # files that must be there
        if word.endswith((".xml", ".csv")):
            Path(word).touch()
    understood([*words, "--json", str(place.work / "own.json")])
    with pytest.raises(Exception, match="No such option"):
        understood([*words, "--no-such-option"])


def test_a_recording_is_learnt_from_by_its_first_half_and_judged_on_its_second(place: Place) -> None:
    PARTS["forecast"](place)
    assert (place.work / "train.csv").read_text() == "a,b\n1,2\n3,4\n"
    assert (place.work / "test.csv").read_text() == "a,b\n5,6\n7,8\n"
    with pytest.raises(NoDataError, match="traffic_speed"):
        PARTS["forecast"](replace(place, data=None))


def test_a_part_without_its_data_is_left_out_and_the_document_says_so(request_: Request) -> None:
    assert command.run(replace(request_, parts=["forecast"]), Console(quiet=True)) == 0
    document = json.loads(request_.json.read_text(encoding="utf-8"))
    assert (document["seed"], document["form"]) == (3, "quick")
    assert "is not there" in document["parts"]["forecast"]["skipped"]


def test_what_is_done_is_taken_over_and_what_fails_is_said(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    request_.keep.mkdir()
    kept = {"seconds": 1.0, "exit_code": 0, "figures": {"one": 1}}
    (request_.keep / "state.3.quick.json").write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.setitem(PARTS, "anomalies", lambda _: ["evaluate", "anomalies", "--no-such-option"])
    resumed = replace(request_, parts=["state", "anomalies"], is_resumed=True)
    assert command.run(resumed, Console(quiet=True)) == 1
    found = json.loads(request_.json.read_text(encoding="utf-8"))["parts"]
    assert found["state"] == kept
    assert "wrote nothing" in found["anomalies"]["failed"]


def test_a_part_that_there_is_not_is_named(request_: Request) -> None:
    with pytest.raises(ConfigurationError, match="moon"):
        command.run(replace(request_, parts=["moon"]), Console(quiet=True))
    assert set(SHORT) <= set(PARTS)


def test_controllers_are_drawn_side_by_side(tmp_path: Path) -> None:
    runs = {f"1/{seed}/{name}": {"delay_s": 20.0 + seed, "stops": 1.0} for seed in (1, 2) for name in ("fixed", "greedy")}
    file = plots.controllers({"tasks": runs}, tmp_path, "a street")
    assert file.read_bytes().startswith(b"\x89PNG")
