"""Ordinary traffic: a recording is heard of as it would be on the road, and a needless warning is told from a needed one."""

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.models.motion.tracks import Recording
from evaluation.v2x import ordinary, plain_traffic, recordings, traffic
from evaluation.v2x.explain import Explanations
from evaluation.v2x.hindsight import NOBODY, Hindsight, Raised, Verdict
from evaluation.v2x.measured import nominal
from evaluation.v2x.ordinary import Roadside, drive, exact, on_air, together
from evaluation.v2x.traffic import Traffic
from services.inference.reports import Participant, Track

STEP_S = 0.1


def _crossing(*, other_yields: bool) -> Traffic:
    """Two at 14 m/s whose ways cross after 5 s; the other one stops before, hard and late, or does not."""
    times = np.arange(0, 8, STEP_S)
    brakes = np.clip(times - 3.0, 0, 14 / 6) if other_yields else np.zeros_like(times)
    speed = np.stack([np.full_like(times, 14.0), 14.0 - 6.0 * brakes])
    driven = np.cumsum(speed, axis=1) * STEP_S - speed[:, :1] * STEP_S
    zero = np.zeros_like(times)
    xyz = np.stack([np.stack([zero, driven[0] - 70, zero]), np.stack([driven[1] - 70, zero, zero])])
    n = len(times)
    order = np.lexsort((np.repeat([0, 1], n), np.tile(times, 2)))
    return Traffic(
        Recording(
            name="a crossing",
            time_s=np.tile(times, 2)[order],
            vehicle=np.repeat([0, 1], n)[order],
            xyz=xyz.transpose(0, 2, 1).reshape(-1, 3)[order],
            speed_mps=speed.ravel()[order],
            heading_deg=np.repeat([0.0, 90.0], n)[order],
            acceleration_mps2=np.gradient(speed, STEP_S, axis=1).ravel()[order],
            yaw_rate_dps=np.zeros(2 * n),
            size_m=np.array([[4.6, 1.8], [4.6, 1.8]]),
            roads=None,
        ),
        walkers=0,
    )


def test_a_warning_is_needed_where_both_would_meet_needless_where_not_and_else_not_judged() -> None:
    hindsight = Hindsight(_crossing(other_yields=False).recording)
    early, behind, late = (Raised("icw", 0, 1, at_s) for at_s in (0.5, 2.9, 5.5))
    assert hindsight.verdicts([early, late]) == [Verdict.NEEDED, Verdict.UNJUDGED]
    yielding = Hindsight(_crossing(other_yields=True).recording)
    assert yielding.verdicts([behind]) == [Verdict.NEEDED]  # at 2.9 s the other has not begun to brake
    assert yielding.verdicts([Raised("icw", 1, 0, 3.0)]) == [Verdict.NEEDED]
    apart = _crossing(other_yields=False).recording
    apart.xyz[apart.vehicle == 1, 1] -= 500.0
    assert Hindsight(apart).verdicts([early]) == [Verdict.NEEDLESS]


def test_who_is_gone_five_seconds_after_a_warning_of_a_thing_is_not_judged(monkeypatch) -> None:
    def warns_of_things(driven, heard, tell, explanations, rules):
        rules += [Raised(name, 0, NOBODY, at_s) for name, at_s in (("svw", 2.0), ("svw", 5.5), ("slw", 2.0))]
        return []

    monkeypatch.setattr(ordinary, "drive", warns_of_things)
    monkeypatch.setattr(traffic, "ngsim", lambda: _crossing(other_yields=False))
    found = ordinary.drive_ngsim(Roadside(Path()), lambda share: None)
    assert found["raised"] == {"slw": 1, "svw": 2}
    assert found["false"] == {"svw": 1}
    assert found["unjudged"] == {"svw": 1}


def test_explanations_are_written_a_line_each_with_the_thresholds(tmp_path) -> None:
    driven, file = _crossing(other_yields=True), tmp_path / "why.jsonl"
    hindsight = Hindsight(driven.recording)
    explanations = Explanations(driven.recording, hindsight)
    warnings = drive(driven, exact(driven), explanations=explanations)
    explanations.append_to(file, hindsight.verdicts(warnings))
    told = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [one["application"] for one in told] == [one.application for one in warnings]
    first = next(one for one in told if one["host"]["road_user"] == 0)
    assert first["verdict"] == "needed"
    assert first["cause"] == "other went slower"
    assert first["other"]["missed_along_m"] < -5.0
    assert abs(first["host"]["missed_along_m"]) < 0.5
    assert len(first["other"]["future_m"]) == len(first["other"]["really_m"]) == 11
    assert first["thresholds"]["yield_mps2"] > 0
    assert first["view"]["turn_deg"] == pytest.approx(90.0)


@pytest.fixture(scope="module")
def district() -> Traffic:
    return traffic.read(recordings.shipped())


def test_vehicles_speak_and_who_walks_is_seen(district) -> None:
    _, reports = next(district.instants())
    speaks = reports.kind == Track.SPEAKS
    assert (speaks == (reports.participant_type == Participant.MOTOR)).all()
    assert (reports.participant_type[~speaks] == Participant.PEDESTRIAN).all()
    assert 0 < np.count_nonzero(~speaks) < np.count_nonzero(speaks)
    assert len(np.unique(reports.key)) == len(reports)
    assert (reports.own_key[~speaks] == 0).all()


def test_vehicle_hours_count_vehicles_alone(district) -> None:
    alone = Traffic(district.recording, 0)
    assert 11.0 < district.vehicle_hours < alone.vehicle_hours < 15.0


def test_on_air_each_road_user_is_off_by_half_a_metre_that_drifts_and_two_in_a_hundred_messages_are_lost(district) -> None:
    air, recording = district.broadcast(nominal(1), 3), district.recording
    place = {one: row for row, one in enumerate(zip(recording.vehicle.tolist(), recording.time_s.tolist(), strict=True))}
    row = np.array([place[one] for one in zip(air.actor.tolist(), air.time_s.tolist(), strict=True)])
    off = air.reports.xyz - recording.xyz[row]
    assert len(row) / len(recording.time_s) == pytest.approx(0.98, abs=0.002)
    assert off.std(axis=0) == pytest.approx([0.5, 0.5, 0.5], abs=0.03)
    by_time = np.lexsort((air.time_s, air.actor))
    follows = (np.diff(air.actor[by_time]) == 0) & (np.diff(air.time_s[by_time]) < 0.15)
    one, two = off[by_time][:-1][follows], off[by_time][1:][follows]
    kept = np.sum(one * two, axis=0) / np.sum(one * one, axis=0)
    assert kept == pytest.approx([0.8, 0.8, 0.0], abs=0.03)  # heights' errors are new each time
    assert 0.079 < (air.arrival_s - air.time_s).min() < (air.arrival_s - air.time_s).max() < 0.121
    assert (np.diff(air.arrival_s) >= 0).all()


def test_on_air_signals_are_known_as_they_were_a_tenth_of_a_second_ago() -> None:
    driven = _crossing(other_yields=False)
    heard = list(on_air(driven, nominal(1), 1))
    assert {round(now_s - said_s, 6) for now_s, said_s, _ in heard} == {0.1}
    arrived = sum(len(reports) for _, _, reports in heard)
    assert 0.9 * len(driven.recording.time_s) < arrived < len(driven.recording.time_s)


def test_who_will_meet_is_warned_of_also_by_what_arrives_on_air() -> None:
    driven = _crossing(other_yields=False)
    found = {
        how: {(one.application, one.host): one.at_s for one in drive(driven, heard)}
        for how, heard in (("exact", exact(driven)), ("on air", on_air(driven, nominal(1), 1)))
    }
    assert found["on air"].keys() == found["exact"].keys() >= {("icw", 0), ("icw", 1)}
    assert all(abs(found["on air"][key] - found["exact"][key]) < 0.5 for key in found["exact"])


def test_six_instants_warn_once_of_two_that_will_meet_and_of_nobody_above_them() -> None:
    driven = _crossing(other_yields=False)
    (found,) = plain_traffic.raised(driven)
    assert {found.host, found.other} == {0, 1}
    assert 5.0 - 2.2 < found.at_s < 4.0
    driven.recording.xyz[driven.recording.vehicle == 1, 2] = 7.0
    assert list(plain_traffic.raised(driven)) == []


def test_recordings_are_taken_together_by_their_hours() -> None:
    parts = [
        {"vehicle_hours": 12.0, "raised": {"fcw": 5, "icw": 1}, "false": {"fcw": 2}, "unjudged": {"icw": 1}},
        {"vehicle_hours": 8.0, "raised": {"fcw": 1}, "false": {"fcw": 1}, "unjudged": {}},
        {"vehicle_hours": 0.0, "raised": {}, "false": {}, "unjudged": {}, "note": "not ordinary"},
    ]
    found = together(parts)
    assert found == {
        "recordings": 2,
        "vehicle_hours": 20.0,
        "raised": {"fcw": 6, "icw": 1},
        "false": {"fcw": 3},
        "unjudged": {"icw": 1},
        "false_per_vehicle_hour": {"fcw": 0.15},
    }
    assert together(parts[2:]) is None


def test_a_recording_that_is_not_on_this_machine_is_said_to_be_missing(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("CHELU_DATA", str(tmp_path))
    found = ordinary.drive_ngsim(Roadside(tmp_path), lambda share: None)
    assert "not on this machine" in found["note"]


def test_signals_say_what_they_show_numbered_as_inference_takes_them(district) -> None:
    assert district.signals is not None
    now = district.signals.at(40.0)
    roads = district.recording.roads
    assert len(now) == sum(
        len(set(roads.network.connections.group[roads.network.connections.signal == one].tolist()))
        for one in range(len(roads.network.signals.id))
    )
    assert (now["likely_end_s"] > 0).all()
    assert set(now["light"].tolist()) <= {3, 5, 6, 7}


def test_on_interstate_80_no_warning_is_needless() -> None:
    found = ordinary.drive_ngsim(Roadside(Path()), lambda share: None)
    if "note" in found:
        pytest.skip("NGSIM's recording is not on this machine; CHELU_DATA says where")
    assert found["vehicle_hours"] > 0.1
    assert found["false"] == {}
