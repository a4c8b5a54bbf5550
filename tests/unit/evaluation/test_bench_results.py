"""A run keeps the parts it has finished, and its file has a figure under each of the agreed keys."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from chelu.errors import ConfigurationError
from evaluation.bench import machine
from evaluation.bench.command import INTERRUPTED, Request, run
from evaluation.bench.context import Context, Part
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings, Results

MACHINE = {"cores": 2, "processor": "a fast one"}


def figure(key: str, value: float, bar: float | None = None) -> Figure:
    return Figure(what=f"the {key}", values=(value, value + 1, value + 2), unit="rows/s", key=key, bar=bar)


def part(*figures: Figure, runs: list[str] | None = None, name: str = "") -> Part:
    def work(context: Context) -> Findings:
        if runs is not None:
            runs.append(name)
        return Findings(figures, {name or "series": [1, 2]})

    return work


def interrupted(_: Context) -> Findings:
    raise KeyboardInterrupt


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs parts on a machine that is always the same; writes to bench.json."""
    monkeypatch.setattr(machine, "describe", lambda: MACHINE)
    monkeypatch.setattr(machine, "sentence", lambda _: "a machine")

    def start(table: dict[str, Part], **options: object) -> tuple[int, str]:
        out = io.StringIO()
        request = Request(json=tmp_path / "bench.json", **options)  # type: ignore[arg-type]
        return run(request, Console(file=out, width=100), table), out.getvalue()

    return start


def test_figures_stand_under_their_keys_with_median_and_spread(bench: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, _ = bench({"one": part(figure("rate", 10, bar=11), figure("", 5))})
    found = json.loads((tmp_path / "bench.json").read_text())
    assert code == 0
    assert found["machine"] == MACHINE
    rate = found["rate"]
    assert [rate[name] for name in ("median", "min", "max", "bar", "unit", "n", "is_met")] == [11, 10, 12, 11, "rows/s", 3, True]
    assert [one["what"] for one in found["parts"]["one"]["figures"]] == ["the rate", "the "]


def test_a_missed_bar_ends_with_one_and_is_named(bench: Callable[..., tuple[int, str]]) -> None:
    code, text = bench({"one": part(figure("rate", 10, bar=100)), "two": part(figure("fine", 10, bar=1))})
    assert code == 1
    assert "missed: rate" in text
    assert "missed: fine" not in text


def test_a_quick_run_ends_well_whatever_it_found(bench: Callable[..., tuple[int, str]]) -> None:
    assert bench({"one": part(figure("rate", 10, bar=100))}, is_quick=True)[0] == 0


def test_an_interrupted_run_keeps_what_is_done_and_goes_on_from_there(
    bench: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    runs: list[str] = []
    code, text = bench({"one": part(figure("rate", 10), runs=runs, name="one"), "two": interrupted})
    assert code == INTERRUPTED
    assert "--resume" in text
    assert list(json.loads((tmp_path / "bench.json").read_text())["parts"]) == ["one"]
    parts = {"one": part(runs=runs, name="one"), "two": part(figure("more", 3), runs=runs, name="two")}
    code, text = bench(parts, is_resumed=True)
    found = json.loads((tmp_path / "bench.json").read_text())
    assert (code, runs) == (0, ["one", "two"])
    assert (found["rate"]["median"], found["more"]["median"]) == (11, 4)
    assert found["parts"]["one"]["series"] == {"one": [1, 2]}


def test_a_part_is_asked_for_by_name(bench: Callable[..., tuple[int, str]]) -> None:
    runs: list[str] = []
    parts = {name: part(runs=runs, name=name) for name in ("one", "two", "soak")}
    bench(parts)
    bench(parts, parts=["soak"])
    assert runs == ["one", "two", "soak"]
    with pytest.raises(ConfigurationError, match="some of one, two, soak"):
        bench(parts, parts=["three"])


def test_a_file_of_another_machine_is_not_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    Results(MACHINE, is_quick=False, file=file).write()
    with pytest.raises(ConfigurationError, match="on this machine"):
        Results({**MACHINE, "cores": 64}, is_quick=False, file=file).resume()
    with pytest.raises(ConfigurationError, match="is_quick"):
        Results(MACHINE, is_quick=True, file=file).resume()


def test_a_file_that_no_run_wrote_is_not_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    file.write_text("[1, 2]")
    with pytest.raises(ConfigurationError, match="what an earlier run wrote"):
        Results(MACHINE, is_quick=False, file=file).resume()
    with pytest.raises(ConfigurationError, match="--json"):
        Results(MACHINE, is_quick=False).resume()


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    runs: list[str] = []
    request = Request(json=tmp_path / "nowhere" / "bench.json")
    with pytest.raises(ConfigurationError, match="--json"):
        run(request, Console(file=io.StringIO()), {"one": part(runs=runs, name="one")})
    assert runs == []
