"""The judge of the vehicle-road applications: actors move as they say, truth is what simulation shows, figures can be trusted."""

import json
from dataclasses import replace

import numpy as np
import pytest

from chelu.errors import ConfigurationError
from chelu.roads.matching import match
from evaluation.v2x import dark_signals, decks, score, weather
from evaluation.v2x.actors import film, still
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.instants import SixInstants
from evaluation.v2x.judge import RULES, SHORT, report, tasks
from evaluation.v2x.measured import nominal, varied
from evaluation.v2x.ordinary import Roadside
from evaluation.v2x.radio import broadcast
from evaluation.v2x.results import Results
from evaluation.v2x.staging import STAGES, stage
from evaluation.v2x.trial import Outcome, Spell, run
from evaluation.v2x.truth import Truth, truth_of, was_needed

FEW = 24


@pytest.mark.parametrize("application", STAGES)
def test_actors_move_as_fast_and_where_they_say(application) -> None:
    actors = stage(application, FEW, 3).actors
    times = np.arange(0, 12, 0.01)
    shown = film(actors, times)
    step = np.diff(shown.xy, axis=1) / 0.01
    speed = np.hypot(step[..., 0], step[..., 1])
    middle = (shown.speed_mps[:, 1:] + shown.speed_mps[:, :-1]) / 2
    np.testing.assert_allclose(speed, middle, atol=0.12)
    heading = np.degrees(np.arctan2(step[..., 0], step[..., 1]))
    off = (heading - shown.heading_deg[:, :-1] + 180) % 360 - 180
    assert np.abs(off[speed > 1.0]).max() < 2.0


@pytest.mark.parametrize("application", STAGES)
def test_half_of_the_encounters_end_in_contact_and_many_of_those_can_be_avoided(application) -> None:
    encounters = stage(application, 200, 1)
    truth = truth_of(encounters)
    assert 0.3 < np.isfinite(truth.contact_s).mean() < 0.75
    assert truth.is_avoidable.sum() >= 40
    assert (truth.contact_s[truth.is_avoidable] > encounters.onset_s[truth.is_avoidable]).all()


def test_the_same_seed_stages_and_says_the_same() -> None:
    for make in (lambda: stage("icw", FEW, 5), lambda: stage("dnpw", FEW, 5)):
        one, two = make(), make()
        np.testing.assert_array_equal(one.actors.start, two.actors.start)
        first, second = (broadcast(x, varied(FEW, 2), 9).reports.xyz for x in (one, two))
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(stage("icw", FEW, 5).actors.start, stage("icw", FEW, 6).actors.start)


def _behind(gap: float, speed: float) -> Encounters:
    """One drives up on one that stands."""
    actors = still(2)
    actors = replace(actors, start=np.array([[0, -gap - 4.6], [0, 0.0]]), speed_mps=np.array([speed, 0.0]))
    return Encounters("fcw", actors, np.zeros(1), np.full(1, 20.0), 20.0)


def test_a_contact_comes_when_the_gap_is_used_up_and_can_be_avoided_only_in_time() -> None:
    truth = truth_of(_behind(60.0, 15.0))
    assert truth.contact_s[0] == pytest.approx(4.0, abs=1e-6)
    assert truth.is_avoidable[0]  # 15 m and 225 / 8 m are 43 m
    assert not truth_of(_behind(42.0, 15.0)).is_avoidable[0]


def test_a_warning_was_needed_only_where_braking_gently_would_not_do() -> None:
    """15 m/s need 56 m at 2 m/s²: within the next 5 s the host comes nearer than that, unless it passes beside."""
    row, at = np.zeros(1, np.int64), np.zeros(1)
    assert was_needed(_behind(60.0, 15.0), row, at)[0]
    assert not was_needed(_behind(200.0, 15.0), row, at)[0]
    beside = _behind(60.0, 15.0)
    aside = replace(beside.actors, start=np.array([[3.5, -64.6], [0, 0.0]]))
    assert not was_needed(replace(beside, actors=aside), row, at)[0]


def test_noise_latency_loss_and_rate_are_as_asked() -> None:
    n = 400
    encounters, conditions = stage("icw", n, 1), nominal(n)
    air = broadcast(encounters, conditions, 1)
    sent = len(encounters.actors) * encounters.lasts_s * 10
    assert len(air.actor) / sent == pytest.approx(0.98, abs=0.01)
    assert np.mean(air.arrival_s - air.time_s) == pytest.approx(0.1, abs=0.005)
    assert (np.diff(air.arrival_s) >= 0).all()
    mine = air.actor == 0
    there = film(encounters.actors.take(np.array([0])), air.time_s[mine]).xy[0]
    off = air.reports.xyz[mine, :2] - there
    assert 0.1 < off.std() < 1.5


def test_figures_count_what_was_warned_in_time_and_what_was_not() -> None:
    encounters = stage("icw", 4, 1)
    contact = np.array([8.0, 8.0, 8.0, np.inf])
    truth = Truth(contact, np.array([True, True, True, False]))
    spells = [Spell(0, 0, 5.0, 9.0), Spell(1, 0, 4.0, 5.0), Spell(2, 1, 5.0, 9.0)]  # held; cleared long before; only the other
    found = score.figures(encounters, truth, Outcome("icw", spells, np.array([7.0, np.inf, 9.0, np.inf])))
    assert (found["n"], found["contacts"], found["avoidable"]) == (4, 3, 3)
    assert found["recall"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["baseline_recall"] == pytest.approx(1 / 3, abs=1e-4)


def test_slices_count_leads_and_false_warnings_of_both_ways_where_they_belong() -> None:
    encounters = stage("icw", 4, 1)
    host = np.array([4.0, 12.0, 12.0, 12.0])
    start = encounters.actors.start + 1e5 * np.arange(8)[:, None]
    actors = replace(encounters.actors, speed_mps=np.concatenate([host, host]), start=start)
    apart = replace(encounters, actors=actors)  # nobody comes near another: warnings are needless
    truth = Truth(np.array([8.0, 8.0, np.inf, np.inf]), np.array([True, True, False, False]))
    spells = [Spell(0, 0, 5.0, 9.0), Spell(2, 0, 5.0, 9.0)]
    conditions = replace(nominal(4), noise_m=np.array([0.2, 0.2, 2.5, 2.5]))
    found = score.figures(apart, truth, Outcome("icw", spells, np.array([np.inf, 7.0, np.inf, 3.0])), conditions)["slices"]
    assert list(found["speed_mps"]) == ["0–5", "10–15"]
    assert (found["speed_mps"]["0–5"]["recall"], found["speed_mps"]["10–15"]["recall"]) == (1.0, 0.0)
    low, high = found["noise_m"]["0–0.5"], found["noise_m"]["2–3"]
    assert (low["n"], low["false_staged"], low["baseline_false_staged"]) == (2, 0, 0)
    assert (high["n"], high["false_staged"], high["baseline_false_staged"]) == (0, 1, 1)
    hours = 2 * 2 * encounters.lasts_s / 3600
    assert high["false_staged_per_vehicle_hour"] == pytest.approx(1 / hours, abs=1e-3)
    assert low["baseline_recall"] == 0.5
    assert high["recall"] is None


@pytest.mark.parametrize("application", ["icw", "vrucw"])
def test_a_short_trial_finds_nearly_every_avoidable_contact(application) -> None:
    n = 40
    encounters = stage(application, n, 2)
    outcome = run(encounters, nominal(n), 2)
    found = score.figures(encounters, truth_of(encounters), outcome)
    assert found["recall"] >= 0.95
    assert found["lead_p50_s"] > 2.0


@pytest.mark.parametrize("drive", [decks.cross, decks.cross_on_map, decks.follow_on_map])
def test_roads_on_two_levels_warn_nobody(drive) -> None:
    assert drive(30, 1, lambda share: None)["warnings"] == 0


def test_those_along_one_another_are_warned_where_heights_are_one_and_no_map_parts_them() -> None:
    outcome = run(decks.along(30, 1, (0.0, 0.0)), nominal(30), 1)
    assert outcome.by_application["fcw"] >= 28


def test_who_drives_along_below_another_comes_round_a_bend_of_its_own_to_the_same_straight() -> None:
    encounters = decks.along(FEW, 1)
    shown = film(encounters.actors, np.arange(0.0, 12.0, 0.05))
    host, other = (encounters.rows(block) for block in (0, 1))
    assert np.hypot(*(shown.xy[host, 0] - shown.xy[other, 0]).T).min() > 25.0
    late = shown.times_s > 3.1
    turn = shown.heading_deg[host] - shown.heading_deg[other]
    np.testing.assert_allclose(np.sin(np.radians(turn[:, late])), 0.0, atol=1e-9)
    nearest = np.hypot(*np.moveaxis(shown.xy[host] - shown.xy[other], -1, 0)).min(axis=1)
    assert nearest.max() < 1.5


def test_the_map_of_a_crossing_on_two_levels_has_both_roads_where_their_vehicles_drive() -> None:
    encounters = decks.stacked(5, 1)
    network = decks.map_of(encounters)
    shown = film(encounters.actors, np.arange(0, 12.0, 0.5))
    up = np.broadcast_to(encounters.actors.up_m[:, None], shown.way_m.shape)
    xyz = np.concatenate([shown.xy, up[..., None]], axis=2)
    found = match(network, xyz.reshape(-1, 3), shown.heading_deg.ravel())
    assert (found.lane.reshape(up.shape) == np.arange(10)[:, None]).all()
    assert len(network.stacked.lower) == 5


def test_six_instants_need_five_reports_in_half_a_second() -> None:
    n = 30
    encounters = stage("icw", n, 1)
    slow = replace(nominal(n), rate_hz=np.full(n, 6.0), loss=np.zeros(n))
    for conditions, is_warned in ((replace(slow, rate_hz=np.full(n, 10.0)), True), (slow, False)):
        plain, air = SixInstants(encounters), broadcast(encounters, conditions, 1)
        for now_s, rows in air.ticks(encounters.lasts_s):
            plain.step(air, rows, now_s)
        assert np.isfinite(plain.warned_s).any() == is_warned


def test_the_report_has_the_keys_of_every_finished_application() -> None:
    figures = {"n": 1, "recall": 1.0, "lead_p5_s": 2.6, "lead_p50_s": 3.0, "baseline_recall": 0.5}
    parts = [{"vehicle_hours": 8.0, "raised": {"icw": 4}, "false": {"icw": 2}, "unjudged": {}}]
    parts += [{"vehicle_hours": 2.0, "raised": {}, "false": {}, "unjudged": {}}]
    exact = {"vehicle_hours": 20.0, "raised": {}, "false": {"icw": 1}, "unjudged": {}}
    found = report(
        {"icw, nominal": figures, "traffic, shipped": parts[0], "traffic, seed 1": parts[1], "exact traffic, shipped": exact}
    )
    assert set(found["applications"]) == {"icw"}
    assert found["applications"]["icw"]["false_per_vehicle_hour"] == 0.2
    assert found["applications"]["icw"]["false_exact_per_vehicle_hour"] == 0.05
    assert {"recall", "false_per_vehicle_hour", "lead_p5_s", "lead_p50_s", "baseline_recall", "n"} <= set(
        found["applications"]["icw"]
    )


def test_what_ordinary_traffic_does_not_judge_has_no_share_of_false_warnings() -> None:
    figures = {"n": 1, "recall": 1.0, "lead_p5_s": 2.6, "lead_p50_s": 3.0, "baseline_recall": None}
    traffic = {"vehicle_hours": 8.0, "raised": {"slw": 40}, "false": {}, "unjudged": {}}
    found = report({"slw, nominal": figures, "svw, nominal": figures, "traffic, shipped": traffic})["applications"]
    assert {name: one["false_per_vehicle_hour"] for name, one in found.items()} == {"slw": None, "svw": 0.0}


def test_a_run_goes_on_only_with_one_of_its_kind(tmp_path) -> None:
    file = tmp_path / "v2x.json"
    first = Results({"encounters": 200}, file, {"icw, nominal": {"n": 200}})
    first.write({})
    again = Results({"encounters": 200}, file)
    again.resume()
    assert again.tasks == first.tasks
    with pytest.raises(ConfigurationError, match="same kind"):
        Results({"encounters": 2000}, file).resume()
    file.write_text(json.dumps({"tasks": 3}), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="earlier run"):
        Results({"encounters": 200}, file).resume()


def test_every_application_is_judged_at_nominal_and_at_varied_conditions(tmp_path) -> None:
    named = tasks(SHORT, Roadside(tmp_path))
    staged = {f"{one}, {how}" for one in (*STAGES, *RULES, dark_signals.NAME) for how in ("nominal", "varied")}
    skies = {f"weather, {one}" for one in (*weather.APPLICATIONS, "svw")}
    traffic = {"traffic, shipped", "exact traffic, shipped", "six instants", "NGSIM"}
    assert staged | skies | {"decks", "decks on a map", "decks along a map"} | traffic == set(named)
