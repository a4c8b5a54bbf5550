"""Recall, lead and false warnings of a trial, whole and in classes of what the air does and of who drives how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluation.v2x.actors import Floats
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.measured import Conditions

Mask = npt.NDArray[np.bool_]
Classes = Mapping[str, Mapping[str, Mask]]
"""By what encounters differ → name of a class → which of them (n,) are in it."""
AIR: Mapping[str, tuple[float, ...]] = {
    "noise_m": (0.0, 0.5, 1.0, 2.0, 3.0),
    "latency_s": (0.0, 0.1, 0.2, 0.3),
    "loss": (0.0, 0.05, 0.1, 0.2),
    "rate_hz": (2.0, 3.0, 5.0, 10.0),
}
SPEED_MPS = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0)
_LEVEL, _TRUCK_M = 0.01, 6.0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of n encounters: who had to be told, and was in time; lead_s: NaN where none is asked for or nobody was told.

    false: who was told without need; hours: vehicle-hours of each encounter.
    """

    judged: Mask
    given: Mask
    lead_s: Floats
    false: Mask
    hours: float

    def figures(self, inside: Mask, prefix: str = "") -> dict[str, Any]:
        """Those of some encounters; None where there is nothing to count."""
        lead, false = self.lead_s[inside & np.isfinite(self.lead_s)], int((self.false & inside).sum())
        found = {
            "recall": share(self.given, self.judged & inside),
            "lead_p5_s": percentile(lead, 5),
            "lead_p50_s": percentile(lead, 50),
            "with_room": len(lead),
            "false_staged": false,
            "false_staged_per_vehicle_hour": round(false / (self.hours * int(inside.sum())), 3) if inside.any() else None,
        }
        return {f"{prefix}{key}": value for key, value in found.items()}


def whole(ours: Outcomes, plain: Outcomes | None = None) -> dict[str, Any]:
    """Figures of all encounters, and those of the plain way beside them; of that None where it cannot judge."""
    everything = np.ones(len(ours.judged), np.bool_)
    beside = plain.figures(everything, "baseline_") if plain is not None else {"baseline_recall": None}
    return {"avoidable": int(ours.judged.sum()), **ours.figures(everything), **beside}


def sliced(classes: Classes, ours: Outcomes, plain: Outcomes | None = None) -> dict[str, Any]:
    """The same of each class that has encounters. n: of those who had to be told."""
    return {
        name: {
            label: {
                "n": int((ours.judged & inside).sum()),
                **ours.figures(inside),
                **(plain.figures(inside, "baseline_") if plain is not None else {}),
            }
            for label, inside in of.items()
            if inside.any()
        }
        for name, of in classes.items()
    }


def ruled(
    encounters: Encounters, *, judged: Mask, given: Mask, lead_s: Floats, false: Mask, conditions: Conditions | None
) -> dict[str, Any]:
    """All figures of a rule's trial, with the keys that every application has; the plain way knows no rules. See `Outcomes`."""
    ours = Outcomes(judged, given, lead_s, false, encounters.lasts_s / 3600.0)
    return {"n": len(encounters), **whole(ours), "slices": sliced(classes(encounters, conditions), ours)}


def classes(encounters: Encounters, conditions: Conditions | None = None) -> Classes:
    """How fast hosts drive, whether up or down, and who is a truck; with conditions, also what the air does."""
    actors, host = encounters.actors, encounters.rows(0)
    slope, is_truck = actors.gradient[host], actors.size_m[:, 0] > _TRUCK_M
    others = np.arange(len(encounters), len(actors)).reshape(-1, len(encounters))
    air = {name: _between(getattr(conditions, name), edges) for name, edges in AIR.items()} if conditions is not None else {}
    return {
        "speed_mps": _between(actors.speed_mps[host], SPEED_MPS),
        "slope": {"down": slope < -_LEVEL, "level": np.abs(slope) <= _LEVEL, "up": slope > _LEVEL},
        "truck": {
            "none": np.asarray(~is_truck.reshape(-1, len(encounters)).any(axis=0)),
            "the host": is_truck[host],
            "another": np.asarray(is_truck[others].any(axis=0)),
        },
        **air,
    }


def share(given: Mask, judged: Mask) -> float | None:
    """Of the judged ones."""
    return round(float(np.mean(given[judged])), 4) if judged.any() else None


def percentile(values: Floats, rank: float) -> float | None:
    """To a millisecond; None without values."""
    return round(float(np.percentile(values, rank)), 3) if len(values) else None


def _between(values: Floats, edges: tuple[float, ...]) -> Mapping[str, Mask]:
    return {f"{low:g}–{high:g}": (values >= low) & (values <= high) for low, high in pairwise(edges)}
