"""The judge of fusion: its measures agree with TrackEval's, and what it finds is what fusion must reach."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.fusion.judge import judge, quarter
from evaluation.fusion.metrics import Frame, clear, hota, idf1
from evaluation.fusion.staging import SENSORS, Conditions, stage
from evaluation.models.motion.tracks import read_trace
from evaluation.v2x.recordings import shipped

# What TrackEval 1.3.0 says of `scene(seed)`: MOTA, switches, misses, surplus, IDF1, HOTA, DetA, AssA.
BY_TRACKEVAL = {
    0: (0.538931298, 33, 129, 140, 0.520817562, 0.386651853, 0.516398236, 0.29007485),
    1: (0.588597843, 28, 105, 134, 0.583270535, 0.428901502, 0.535661814, 0.34357656),
    2: (0.555895865, 25, 128, 137, 0.520152091, 0.400918935, 0.512748518, 0.313814337),
    3: (0.570121951, 15, 131, 136, 0.643887623, 0.459028937, 0.509888295, 0.413377937),
}


def scene(seed: int) -> list[Frame]:
    """Twelve who drive, tracks with errors, holes, ghosts, new ids and ids that change places."""
    r = np.random.default_rng(seed)
    frames, n = list[Frame](), 12
    place, velocity = r.uniform(0, 30, (n, 2)), r.normal(0, 1, (n, 2))
    ids, own = np.arange(n) * 3 + 5, np.arange(n) + 100
    for t in range(60):
        p = place + velocity * t * 0.3
        here = r.random(n) < 0.9
        if r.random() < 0.1:
            own[r.integers(n)] = own.max() + 1
        if r.random() < 0.1:
            a, b = r.integers(0, n, 2)
            own[a], own[b] = own[b], own[a]
        seen = r.random(n) < 0.85
        tracks, at = own[seen], p[seen] + r.normal(0, 0.8, (seen.sum(), 2))
        ghosts = r.integers(0, 3)
        tracks = np.concatenate([tracks, 900 + r.choice(9, ghosts, replace=False)])
        at = np.concatenate([at, r.uniform(0, 30, (ghosts, 2))])
        distance = np.hypot(*(p[here][:, None] - at[None]).transpose(2, 0, 1))
        frames.append(Frame(ids[here], tracks, np.maximum(1 - distance / 4, 0)))
    return frames


@pytest.mark.parametrize("seed", BY_TRACKEVAL)
def test_measures_are_those_of_trackeval(seed: int) -> None:
    frames = scene(seed)
    mot, measured = clear(frames), hota(frames)
    found = (mot.mota, mot.switches, mot.misses, mot.surplus, idf1(frames), measured.hota, measured.deta, measured.assa)
    assert found == pytest.approx(BY_TRACKEVAL[seed], abs=1e-8)


def test_who_finds_everybody_has_ones_and_who_finds_nobody_none() -> None:
    ids = np.arange(4)
    perfect = [Frame(ids, ids + 10, np.eye(4)) for _ in range(5)]
    assert (clear(perfect).mota, idf1(perfect), hota(perfect).hota) == pytest.approx((1.0, 1.0, 1.0))
    nothing = [Frame(ids, np.empty(0, np.int64), np.empty((4, 0))) for _ in range(5)]
    assert (clear(nothing).mota, clear(nothing).misses, idf1(nothing), hota(nothing).hota) == (0.0, 20, 0.0, 0.0)


def test_a_track_for_every_sensor_costs_what_it_should() -> None:
    ids = np.arange(3)
    double = [Frame(ids, np.arange(6), np.tile(np.eye(3), 2)) for _ in range(10)]
    assert clear(double).mota == pytest.approx(0.0)
    assert clear(double).surplus == 30
    assert idf1(double) == pytest.approx(2 * 30 / (30 + 60))


def test_sensors_see_within_their_reach_late_and_with_gaps() -> None:
    recording = quarter(read_trace(shipped()), 8.0)
    staged = stage(recording, 2, Conditions(), 1)
    late_s = (staged.said.arrival_us - staged.said.time_us) / 1e6
    assert (late_s.min(), late_s.max()) == pytest.approx((0.16, 0.24), abs=0.01)
    assert (np.diff(staged.said.arrival_us) >= 0).all()
    of_sensors = staged.said.take(np.flatnonzero(staged.said.device_key <= len(SENSORS)))
    away = np.hypot(*(of_sensors.xyz[:, None, :2] - staged.places).transpose(2, 0, 1)).min(axis=1)
    assert away.max() < 100.0 + 5.0
    assert set(np.unique(of_sensors.device_key)) == {1, 2}
    again = stage(recording, 2, Conditions(), 1)
    assert again.said.xyz.tobytes() == staged.said.xyz.tobytes(), "the seed decides every byte"


@pytest.mark.parametrize("sensors", [1, 3])
def test_fusion_finds_one_road_user_for_each_and_is_nearer_than_its_sources(sensors: int) -> None:
    found = judge(quarter(read_trace(shipped()), 8.0), sensors, conditions=Conditions(), seed=2, tell=lambda share: None)
    fused, alone = found["fused"], found["alone"]
    assert fused["mota"] > 0.9 > alone["mota"]
    assert fused["idf1"] > 0.93 > alone["idf1"]
    assert fused["hota"] > alone["hota"] + 0.2
    assert fused["surplus"] < 0.2 * alone["surplus"]
    assert fused["truth"] == alone["truth"] > 500
