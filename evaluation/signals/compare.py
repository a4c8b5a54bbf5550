"""Controllers compared on the same seeds: means, and differences with the interval in which 95 of 100 such would lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

BASELINES = ("fixed", "actuated", "greedy", "max-pressure")
FIGURES = (
    "delay_s", "delay_completed_s", "time_loss_completed_s", "waiting_s", "stops", "queue", "queue_most", "throughput_per_h",
    "due", "completed", "on_the_way", "never_departed", "teleports", "collisions", "emergency_stops", "decides_ms",
)  # fmt: skip


def summary(runs: Mapping[str, Mapping[str, Any]], level: float = 0.95) -> dict[str, Any]:
    """runs: by controller, its results by seed. Means, safety, and paired differences in delay to the best of the baselines."""
    against = best_baseline(runs)
    found: dict[str, Any] = {}
    for name, results in runs.items():
        rows = list(results.values())
        found[name] = {figure: round(float(np.mean([row[figure] for row in rows])), 3) for figure in FIGURES}
        found[name]["seeds"] = len(rows)
        found[name]["breaches"] = sum(sum(row["breaches"].values()) for row in rows)
        if against is not None and name != against:
            found[name]["against"] = {"controller": against, **paired(results, runs[against], level)}
    return found


def best_baseline(runs: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The one of least mean delay among fixed, actuated, greedy and max-pressure that ran."""
    means = {name: np.mean([one["delay_s"] for one in runs[name].values()]) for name in BASELINES if runs.get(name)}
    return min(means, key=lambda name: means[name]) if means else None


def paired(results: Mapping[str, Any], others: Mapping[str, Any], level: float = 0.95) -> dict[str, float | int | None]:
    """Mean difference in delay over seeds that both have, in seconds and in %, and half of its interval; that needs two seeds."""
    seeds = sorted(results.keys() & others.keys())
    own, other = (np.array([one[seed]["delay_s"] for seed in seeds]) for one in (results, others))
    half = half_interval(own - other, level)
    mean = float(np.mean(own - other)) if seeds else 0.0
    share = 100.0 * mean / float(np.mean(other)) if seeds and np.mean(other) > 0 else 0.0
    return {
        "seeds": len(seeds),
        "difference_s": round(mean, 3),
        "difference_percent": round(share, 2),
        "half_interval_s": None if half is None else round(half, 3),
    }


def half_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> float | None:
    """By Student's t; nothing for fewer than two."""
    count = len(values)
    if count < 2:
        return None
    return float(stats.t.ppf(0.5 + level / 2, count - 1) * np.std(values, ddof=1) / np.sqrt(count))
