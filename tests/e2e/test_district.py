"""A town in SUMO behind a whole site: its signals are agents, inference decides, and every row is stored."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(find_spec("libsumo") is None, reason="libsumo is not installed (extra sumo)")


def drive(file: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    command = [str(Path(sys.executable).with_name("chelu")), "district", "run", "--json", str(file), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
    return done.returncode, json.loads(file.read_text()) if file.exists() else {}, done.stderr + done.stdout


def test_a_quarter_of_an_hour_of_the_district_runs_in_the_closed_loop_faster_than_time(mosquitto: object, tmp_path: Path) -> None:
    """The hour, and the day, are `chelu district run`."""
    code, found, said = drive(tmp_path / "quarter.json", "--hours", "0.25", "--begin-hour", "8")
    assert code == 0, said
    assert found["hours"] == 0.25
    assert found["speed"] > 5.0, found  # on a machine of its own it is far more
    assert (found["breaches"], found["late_changes"]) == (0, 0)
    assert found["rows"]["lost"] == 0
    assert found["rows"]["published"] > 25_000
    assert found["commands"]["commanded"] > 1_200
    assert found["trips"]["completed"] > 300
    assert found["undecided"] < 9, "in one second of a hundred nobody decided"
