from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulators.scene import Role, UnreadableError
from simulators.signals import Light, instants, states_at
from simulators.sources.forms import open_scene

LIGHTS = "RawFrameID,timestamp(ms),Vehicle Traffic light 1,Pedestrian Traffic light 1\n"
TRACKS = "track_id,frame_id,timestamp_ms,agent_type,x,y,vx,vy,ax,ay\n"


def test_the_crossings_pedestrians_are_perceived_and_all_there(recordings: Path) -> None:
    scene = open_scene(recordings / "sind_chongqing")
    samples = scene.read(scene.begin_ms, scene.end_ms).samples
    assert len(scene.actors) == 40
    assert len(samples) == 15_453
    assert (scene.actors["role"] == Role.PERCEIVED).all()
    assert (np.diff(samples["time_ms"]) >= 0).all()


def test_pedestrians_head_where_they_walk(recordings: Path) -> None:
    samples = open_scene(recordings / "sind_chongqing").read(0, 200_000).samples
    one = samples.take((samples["actor"] == samples["actor"][0]) & (samples["speed_mps"] > 0.5))
    course = np.degrees(np.arctan2(np.diff(one["x_m"]), np.diff(one["y_m"])))
    assert np.median(np.abs((course - one["heading_deg"][:-1] + 180) % 360 - 180)) < 10


def test_the_crossings_signals_say_ten_times_a_second_what_the_log_says(recordings: Path) -> None:
    signals = open_scene(recordings / "sind_chongqing").read(-20_000, 2_000_000).signals
    at = signals.take(signals["time_ms"] == 14_400)
    assert list(at["light"]) == [Light.RED] * 8  # the pedestrians' green begins at 14 414.4 ms
    at = signals.take(signals["time_ms"] == 14_500)
    assert list(at["light"]) == [Light.RED] * 4 + [Light.PROTECTED_GREEN] * 4
    np.testing.assert_allclose(at["likely_end_s"][4:], (33_533.53353 - 14_500) / 1000)
    assert len(signals) % 8 == 0
    assert set(np.diff(np.unique(signals["time_ms"]))) == {100}


def test_a_log_line_without_a_change_does_not_end_a_light(recordings: Path) -> None:
    signals = open_scene(recordings / "sind_chongqing").read(277_000, 277_100).signals
    np.testing.assert_allclose(signals["likely_end_s"][0], (290_490.4905 - 277_000) / 1000)  # not 277 377, where nothing changed


def test_either_file_of_a_crossing_names_it(recordings: Path) -> None:
    folder = recordings / "sind_chongqing"
    for name in ("pedestrian_tracks.csv", "traffic_lights.csv"):
        assert open_scene(folder / name).name == "sind_chongqing"


def test_after_the_last_change_the_end_of_a_light_is_not_known() -> None:
    rows = states_at(
        instants(0, 300),
        np.array([0.0, 150.0]),
        np.array([[3], [6]], np.uint8),
        intersection_id=9,
        phase_ids=np.array([4], np.uint8),
    )
    assert list(rows["light"]) == [3, 3, 6, 6]
    np.testing.assert_allclose(rows["likely_end_s"], [0.15, 0.05, np.nan, np.nan])
    assert set(rows["intersection_id"]) == {9}
    assert set(rows["phase_id"]) == {4}


def test_before_the_first_change_nothing_is_said() -> None:
    rows = states_at(
        instants(0, 300), np.array([150.0]), np.array([[3]], np.uint8), intersection_id=1, phase_ids=np.array([1], np.uint8)
    )
    assert list(rows["time_ms"]) == [200, 300]


def test_a_crossing_of_pedestrians_alone_is_a_scene(tmp_path: Path) -> None:
    (tmp_path / "pedestrian_tracks.csv").write_text(
        TRACKS + "P1,0,0,pedestrian,1,2,0.5,0,0,0\nP1,1,100.1,pedestrian,1.05,2,0.5,0,0,0\n"
    )
    scene = open_scene(tmp_path)
    assert (scene.begin_ms, scene.end_ms) == (0, 101)
    assert not len(scene.read(0, 1000).signals)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("traffic_lights.csv", LIGHTS + "1,0,2,0\n", "Vehicle Traffic light 1 = 2 is none of"),
        ("traffic_lights.csv", LIGHTS + "1,0,1\n", "line 2 has another number of columns"),
        ("traffic_lights.csv", LIGHTS + "1,soon,1,0\n", "something else than numbers"),
        ("traffic_lights.csv", "a,b\n1,2\n", "no column named"),
        ("traffic_lights.csv", "", "it has no rows"),
        ("pedestrian_tracks.csv", "track_id,x\nP1,2\n", "no column named agent_type"),
        ("pedestrian_tracks.csv", TRACKS + "P1,0,0,pedestrian,inf,2,0,0,0,0\n", "not finite"),
        ("other.csv", "", "holds neither"),
    ],
)
def test_a_crossing_that_is_not_understood_is_refused_with_a_sentence(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UnreadableError, match=says):
        open_scene(tmp_path)
