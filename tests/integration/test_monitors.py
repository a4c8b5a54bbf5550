"""Recordings through all monitors: nobody may be told anything of the real ones, and staged faults are found."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from chelu.cli import build
from chelu.lights import Light
from chelu.quality.monitors.catalogue import MONITORS, site_parameters
from chelu.quality.monitors.run import Report, run
from chelu.quality.monitors.window import Heard
from evaluation.monitors.day import TRACE, assess, ordinary_junction, stretch
from evaluation.monitors.recordings import heard_of, maps_of, open_recording
from evaluation.monitors.threads import together
from simulators.conflicts import staged_district

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CHELU_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module")
def district() -> Heard:
    return open_recording(TRACE)


def report_of(heard: Heard) -> Report:
    from_us, to_us = heard.bounds_us()
    return run(heard, site_parameters({}, where=""), from_us=from_us, to_us=to_us)


def test_the_hillside_recording_runs_through_all_monitors_without_a_false_alarm(district) -> None:
    report = report_of(district)
    assert report.events == []
    assert report.notifications() == []
    assert {one.name for one in MONITORS if not report.of_monitor(one.name).judged} == set()


@pytest.mark.parametrize(
    ("name", "judged"),
    [("sind_chongqing", {"spat-rate", "spat-transition", "spat-countdown"}), ("ngsim_i80_50_vehicles.sqlite", {"bsm-rate"})],
)
def test_real_recordings_run_through_all_monitors_without_a_false_alarm(name, judged) -> None:
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not on this machine")
    report = report_of(open_recording(DATA / name))
    assert report.events == []
    assert report.notifications() == []
    assert judged <= {one.name for one in MONITORS if report.of_monitor(one.name).judged}


def test_the_red_light_runner_staged_in_the_district_is_seen_at_the_line() -> None:
    staging = staged_district()
    report = report_of(heard_of(staging.scene, maps_of(TRACE)))
    runners = [event for event in report.events if event.monitor == "stop-line-red"]
    assert len(runners) == 1
    assert runners[0].value >= 3.0  # docs/replay.md: it has been red for 3 s


def test_a_recording_that_goes_round_gives_each_vehicle_a_round_of_its_own(district) -> None:
    one = ordinary_junction(district)
    twice = stretch(one, one.begin_us, one.begin_us + 2 * one.period_us)
    assert len(twice.bsm) == 2 * len(one.heard.bsm)
    assert len(np.unique(twice.bsm["vehicle_id"])) == 2 * len(np.unique(one.heard.bsm["vehicle_id"]))
    assert report_of(twice).notifications() == []


def test_threads_that_share_a_stretch_find_the_same_as_one_and_in_the_same_order(district) -> None:
    heard = stretch(one := ordinary_junction(district), one.begin_us, one.begin_us + 2 * one.period_us)
    spat = heard.spat.with_columns(light=heard.spat["light"].copy())
    spat["light"][::997] = Light.PROTECTED_GREEN  # events of several monitors
    faulty = replace(heard, spat=spat, bsm=heard.bsm.take(np.arange(len(heard.bsm)) % 7 > 0))
    from_us, to_us = faulty.bounds_us()
    parameters = site_parameters({}, where="")
    alone = run(faulty, parameters, from_us=from_us, to_us=to_us)
    with together(3) as begin:
        shared = run(faulty, parameters, from_us=from_us, to_us=to_us, begin=begin)
    assert len({event.monitor for event in alone.events}) >= 3
    assert repr(shared) == repr(alone)


def test_what_a_part_raises_on_a_thread_is_raised_where_its_result_is_waited_for() -> None:
    with together(2) as begin:
        result = begin(lambda: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            result()


def test_a_day_counts_the_same_on_any_number_of_threads(district) -> None:
    one = ordinary_junction(district)
    (alone, spent), (shared, _) = assess(one, 0.1, 1), assess(one, 0.1, 2)
    assert repr(shared) == repr(alone)
    assert spent.rows > 90_000
    assert min(spent.clock_s, spent.processor_s) > 0


def test_the_command_tells_as_json_what_it_found_and_says_so_by_its_exit_code() -> None:
    done = CliRunner().invoke(build(), ["monitors", "run", str(TRACE), "--monitor", "spat-rate", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {one["verdict"] for one in found["assessments"]} == {"too little"}
    assert sum(one["judged"] for one in found["days"]) == sum(one["judged"] for one in found["assessments"]) == 90
    assert found["notifications"] == []


def test_the_command_takes_a_sites_values(tmp_path) -> None:
    file = tmp_path / "values.toml"
    file.write_text("[hillside.spat-rate]\nlowest_hz = 11\nfewest = 5\n")
    asked = ["monitors", "run", str(TRACE), "--monitor", "spat-rate", "--parameters", str(file), "--site", "hillside"]
    done = CliRunner().invoke(build(), asked)
    assert done.exit_code == 1, done.output
    assert "90" in done.output
