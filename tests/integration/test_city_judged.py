"""The short form of judging the city brain: what it writes is there, reproducible, and better than what is simpler."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from rich.console import Console

from evaluation.city.command import Request, run

pytestmark = pytest.mark.skipif(find_spec("libsumo") is None, reason="libsumo is not installed (extra sumo)")


def test_the_short_form_judges_draws_and_takes_over_what_is_done(tmp_path: Path) -> None:
    request = Request(
        tmp_path / "city.json", tmp_path / "plots", tmp_path / "keep", None, 1, ("environment", "signals", "forecast"),
        is_quick=True, is_resumed=True,
    )  # fmt: skip
    assert run(request, Console(quiet=True)) == 0
    first = json.loads(request.json.read_text(encoding="utf-8"))
    assert "skipped" in first["parts"]["forecast"]
    ahead = first["parts"]["environment"]["figures"]["outlook"]["water_level"]["by_minutes"]["60"]
    assert ahead["mae"]["chelu"] < ahead["mae"]["last value"]
    waits = first["parts"]["environment"]["figures"]["gate"]
    assert waits["100% heed"]["wait_min_mean"] < waits["0% heed"]["wait_min_mean"]
    runs = first["parts"]["signals"]["figures"]["tasks"]
    assert runs["1/1/predictive"]["delay_s"] < runs["1/1/fixed"]["delay_s"]
    drawn = {file.name for file in (tmp_path / "plots").glob("*.png")}
    assert drawn == {"environment_water_level.png", "environment_pm2_5.png", "signals_controllers.png"}

    (tmp_path / "keep" / "environment.1.quick.json").unlink()
    assert run(request, Console(quiet=True)) == 0
    again = json.loads(request.json.read_text(encoding="utf-8"))["parts"]
    assert again["environment"]["figures"] == first["parts"]["environment"]["figures"]  # the same seed
    assert again["signals"] == first["parts"]["signals"]  # taken over
