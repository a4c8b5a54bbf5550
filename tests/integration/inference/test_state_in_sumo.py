"""Traffic state of two minutes of the district against SUMO's own detectors: a small `chelu evaluate state`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from chelu.roads import sumo
from evaluation.state import judge
from evaluation.state.command import truth_of
from evaluation.state.drive import NETWORK, recording

SECONDS = 120


@pytest.mark.skipif(
    find_spec("libsumo") is None, reason="needs SUMO"
)  # not loaded here: it does not share a process with pyarrow
def test_flow_speed_and_queues_follow_sumos_detectors(tmp_path: Path) -> None:
    home = recording(1, 0.6, SECONDS, tmp_path)
    network = sumo.read(NETWORK.read_bytes())
    truth, drive = truth_of(network, home, SECONDS), judge.Drive.read(home, SECONDS)
    monitor, results = judge.run(network, drive, truth, judge.Trial(1.0))
    found = judge.compare(monitor, results, truth)
    assert found["segments"] > 3
    assert found["60_s"]["entered_percent"] <= 3.0
    assert (
        found["60_s"]["all_flow_percent"] <= 3.0
    )  # of single segments a loop counts others in a minute than drive through in it
    assert found["60_s"]["speed_percent"] <= 5.0
    assert found["queue"]["mean_absolute"] <= 1.0
    assert found["queue"]["groups_and_steps"] > 50
