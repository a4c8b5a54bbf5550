"""Judging incidents: what counts as found and as false, and the short form of the command on SUMO."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from typer.testing import CliRunner

from chelu.cli import build
from chelu.roads import sumo
from evaluation.incidents.judge import BASE_US, Drive, false_a_day, judge
from evaluation.incidents.staging import NETWORK, Staged, against, candidates
from services.inference.city.incidents.watch import Finding, Incident, Kind


@pytest.fixture(scope="module")
def network():
    return sumo.read(NETWORK.read_bytes())


def raised(network, kind, lane, second):
    finding = Finding((kind, 1, 0), kind, network.lane_of[lane], 10.0, 0, ())
    return Incident(finding, BASE_US + second * 1_000_000)


def test_found_is_the_kind_on_the_road_while_it_lasts_and_its_queue_is_not_false(network) -> None:
    staged = (
        Staged(Kind.STOPPED, "gorge_n5", "gorge_n5_0", 270.0, 100, 340),
        Staged(Kind.DEBRIS, "lantern_5e", "lantern_5e_1", 160.0, 500, 740),
    )
    said = [
        raised(network, Kind.QUEUE, "gorge_n5_0", 150),  # behind it: neither found nor false
        raised(network, Kind.STOPPED, "gorge_n5_0", 130),
        raised(network, Kind.STOPPED, "ferry_3e_1", 130),  # elsewhere
        raised(network, Kind.DEBRIS, "lantern_5e_1", 750),  # after it
    ]
    found = judge(Drive(np.empty((0, 6)), staged, 900), said, network)
    assert (found["staged"], found["detected"]) == (2, 1)
    assert found["kinds"][Kind.STOPPED]["seconds_to_detect_p50"] == 30.0
    assert found["false"] == {"stopped_vehicle": 1}


def test_false_alarms_are_told_by_the_day(network) -> None:
    assert false_a_day([raised(network, Kind.QUEUE, "gorge_n5_0", 5)], 3600)[Kind.QUEUE] == 24.0


def test_who_drives_against_the_direction_comes_from_the_lanes_end(network) -> None:
    road = next(one for one in candidates(network) if one[0] == "gorge_n5")
    rows = np.array(against([Staged(Kind.WRONG_WAY, "gorge_n5", road[1][0], 0.0, 50, 90)], network, 7))
    ends = network.lanes.shape[network.lane_of[road[1][0]]]
    np.testing.assert_allclose(rows[0, 2:5], ends[-1], atol=0.01)
    assert np.hypot(*(rows[-1, 2:4] - ends[0, :2])) < 25.0
    assert set(rows[:, 1]) == {7.0}


def test_the_short_form_finds_what_it_staged_where_all_speak(tmp_path) -> None:
    if find_spec("libsumo") is None:
        pytest.skip("the extra sumo is not installed")
    asked = ("--minutes", "10", "--ordinary", "5", "--json", str(tmp_path / "found.json"), "--plots", str(tmp_path))
    done = CliRunner().invoke(build(), ["evaluate", "incidents", *asked])
    assert done.exit_code == 0, done.output
    trials = json.loads((tmp_path / "found.json").read_text())["trials"]
    assert list(trials) == ["100", "30", "10"]
    assert trials["100"]["staged"] == trials["100"]["detected"] == 3
    assert sum(trials["100"]["false"].values()) <= 1
    assert (tmp_path / "incidents.png").stat().st_size > 5_000
