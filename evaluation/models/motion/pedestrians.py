"""Pedestrians at a signalised crossing in Chongqing (SinD), for evaluation only: how far off is physics, which serves them.

Seen for 3.2 s, foreseen for 4.8 s in steps of 0.4 s, as trajectory forecasting is usually judged: mean displacement (ADE) and the
last one (FDE).
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.inference.futures import STEP_S, physics
from services.inference.history import BACK_S, Recent
from services.inference.reports import Floats

_SEEN, _AHEAD, _STRIDE = 32, 48, 4  # frames of 0.1 s
_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Walks:
    """n moments: place, velocity as tracked, mean velocity of the last 0.8 s (n, 2); where each was every 0.4 s (n, 12, 2)."""

    xy: Floats
    velocity_mps: Floats
    mean_mps: Floats
    later: Floats


def file() -> Path:
    """Where the recording would be."""
    data = Path(os.environ.get("CHELU_DATA", _ROOT.parent / "shared" / "data"))
    return data / "sind_chongqing" / "pedestrian_tracks.csv"


def read(path: Path) -> Walks:
    """Every track without gaps, every 0.4 s."""
    with path.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    tracks: dict[str, list[list[float]]] = {}
    for row in rows:
        tracks.setdefault(row["track_id"], []).append([float(row[name]) for name in ("frame_id", "x", "y", "vx", "vy")])
    moments = [moment for track in tracks.values() for moment in _moments(np.array(track))]
    return Walks(*(np.array([moment[column] for moment in moments]) for column in range(4)))


def _moments(track: Floats) -> list[tuple[Floats, Floats, Floats, Floats]]:
    found = []
    for now in range(_SEEN - 1, len(track) - _AHEAD, _STRIDE):
        if track[now + _AHEAD, 0] - track[now - _SEEN + 1, 0] == _SEEN + _AHEAD - 1:
            place = track[:, 1:3]
            mean = (place[now] - place[now - 8]) / 0.8
            found.append((place[now], track[now, 3:5], mean, place[now + _STRIDE : now + _AHEAD + 1 : _STRIDE]))
    return found


def errors(walks: Walks) -> dict[str, Floats]:
    """Predictor → displacement (n, 12): the tracked velocity kept, that of the last 0.8 s kept, inference's stage."""
    ahead_s = np.arange(1, _AHEAD // _STRIDE + 1) * 0.4
    steps = np.rint(ahead_s / STEP_S).astype(np.int64)

    def missed(xy: Floats) -> Floats:
        return np.asarray(np.linalg.norm(xy - walks.later, axis=-1))

    return {
        "constant velocity": missed(walks.xy[:, None] + walks.velocity_mps[:, None] * ahead_s[:, None]),
        "mean velocity of 0.8 s": missed(walks.xy[:, None] + walks.mean_mps[:, None] * ahead_s[:, None]),
        "physics of the stage": missed(physics(_recent(walks)).xy[:, steps]),
    }


def _recent(walks: Walks) -> Recent:
    """As a roadside unit reports them: speed and heading, no acceleration and no turn rate."""
    count, nothing = len(walks.xy), np.zeros(len(walks.xy))
    return Recent(
        xy=walks.xy,
        heading_deg=np.degrees(np.arctan2(walks.velocity_mps[:, 0], walks.velocity_mps[:, 1])) % 360.0,
        speed_mps=np.hypot(walks.velocity_mps[:, 0], walks.velocity_mps[:, 1]),
        acceleration_mps2=nothing,
        yaw_rate_dps=nothing,
        length_m=nothing + 0.5,
        width_m=nothing + 0.5,
        turn_deg=nothing * np.nan,
        past=np.zeros((count, len(BACK_S), 3)),
        is_whole=np.zeros(count, np.bool_),
    )
