"""Real recordings go through the whole road and come back as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.conftest import Running

DATA = Path(os.environ.get("CHELU_DATA") or Path(__file__).parents[3] / "shared" / "data")
NGSIM, CROSSING = DATA / "ngsim_i80_50_vehicles.sqlite", DATA / "sind_chongqing"


def recording(path: Path) -> str:
    """The path, or a skip that says what is absent."""
    if not path.exists():
        pytest.skip(f"the recording {path.name} is absent (CHELU_DATA names where recordings are)")
    return str(path)


@pytest.mark.parametrize("speed", ["1", "5"])
def test_every_sample_of_the_motorway_recording_is_stored(running: Running, speed: str) -> None:
    done = running.chelu("replay", recording(NGSIM), "--check", "--speed", speed)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = sum(len(batch) for batch in running.client.stream("bsm"))
    assert rows == 5050


def test_the_crossing_keeps_its_pedestrians_and_signals(running: Running) -> None:
    done = running.chelu("replay", recording(CROSSING), "--check", "--start", "50", "--end", "110", "--speed", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    accounts = running.client.accounts()
    assert accounts["rsm"].stored > 0
    assert accounts["spat"].stored > 0
    assert not accounts["rsm"].dropped
    assert not accounts["spat"].dropped


def test_a_replay_without_a_site_says_what_to_start(running: Running, tmp_path: Path) -> None:
    done = running.chelu("replay", recording(NGSIM), "--data", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "chelu up" in done.stderr
