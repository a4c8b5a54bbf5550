"""Whether a warning crossed decks: judged by where the two really went, not by what the platform believed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.messages import Batch

LOOK_AHEAD_MS = 6000
LOOK_BACK_MS = 1000
NEAR_M = 12.0  # in plan: closer than this, two vehicles' ways meet
APART_M = 4.0  # in height: a truck and its clearance fit below


@dataclass(frozen=True, slots=True)
class WarnedPair:
    """Rows of the scene's actors, and the time of the situation on the scene's clock."""

    host: int
    other: int
    time_ms: int


def crossing_decks(samples: Batch, names: npt.NDArray[np.str_], pairs: Sequence[WarnedPair]) -> list[str]:
    """A sentence for each pair whose ways, in the seconds after the warning, meet in plan but nowhere at one height.

    samples: `simulators.scene.SAMPLE` columns of the whole scene, sorted by time.
    """
    tracks: dict[int, Batch] = {}
    found = []
    for pair in pairs:
        one, two = (_window(samples, tracks, actor, pair.time_ms) for actor in (pair.host, pair.other))
        apart = least_height(one, two)
        if apart is not None and apart > APART_M:
            who = f"{names[pair.host]} was warned of {names[pair.other]}"
            found.append(f"warning across decks: {who} at {pair.time_ms / 1000:.1f} s, {apart:.1f} m above or below")
    return found


def least_height(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64]) -> float | None:
    """The least difference in height where two ways (n, 3), (m, 3) come near in plan, in metres; None where they never do."""
    if not len(one) or not len(two):
        return None
    away = np.hypot(one[:, None, 0] - two[None, :, 0], one[:, None, 1] - two[None, :, 1])
    height = np.abs(one[:, None, 2] - two[None, :, 2])
    near = away < NEAR_M
    return float(height[near].min()) if near.any() else None


def _window(samples: Batch, tracks: dict[int, Batch], actor: int, time_ms: int) -> npt.NDArray[np.float64]:
    if actor not in tracks:
        tracks[actor] = samples.take(samples["actor"] == actor)
    track = tracks[actor]
    low, high = np.searchsorted(track["time_ms"], [time_ms - LOOK_BACK_MS, time_ms + LOOK_AHEAD_MS])
    return np.stack([track[name][low:high] for name in ("x_m", "y_m", "z_m")], axis=1)
