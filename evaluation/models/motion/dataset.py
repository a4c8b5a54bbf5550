"""Write the training examples: `python -m evaluation.models.motion.dataset TRACE… --out FILE`. Only our own simulated traces.

Further traces are made with `python -m simulators.district.build --seed N --directory D` and `… .record --directory D`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evaluation.models.motion.tracks import Examples, examples, read_trace
from services.inference.ahead import Ahead, ahead_of, features
from services.inference.futures import AHEAD_S, ModelLimits, driven
from services.inference.history import Recent
from services.inference.motion_model import KNOTS_S
from services.inference.reports import Floats, Ints
from services.inference.ways import MOST_WAYS

Mask = npt.NDArray[np.bool_]
_SAME_M = 0.5  # ways of which none is nearer to what was driven by more than this are all right
_MOST_OFF_M = 2.5  # and further from the nearest than this, somebody changed lanes or left the map


@dataclass(frozen=True, slots=True)
class Driven:
    """Of r rows of `Ahead` what became of them: metres along the way beyond physics, change of what it lay aside, at `KNOTS_S`.

    is_taken: whether the vehicle took this way, as far as it had parted from the others.
    """

    along_m: Floats
    aside_m: Floats
    is_taken: Mask


def main(arguments: list[str] | None = None) -> None:
    """Features and what became of them, of all traces in one .npz."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.models.motion.dataset", description=__doc__.split("\n", 1)[0])
    parser.add_argument("traces", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    tables: list[dict[str, npt.NDArray[np.generic]]] = []
    for index, path in enumerate(options.traces):
        tables.append(table(examples(read_trace(path)), first_vehicle=index * 1_000_000))
        print(f"{path}: {len(tables[-1]['vehicles'])} examples")
    columns = {name: np.concatenate([one[name] for one in tables]) for name in tables[0]}
    np.savez_compressed(options.out, allow_pickle=False, **columns)


def table(found: Examples, *, first_vehicle: int) -> dict[str, npt.NDArray[np.generic]]:
    """Columns (n, MOST_WAYS, …) of those examples on which the model is asked and of which a way was taken."""
    used = np.flatnonzero(is_modelled(found.now))
    if found.on is None:
        raise ValueError("a recording without a map shows no ways")
    now, on = found.now.take(used), found.on.take(used)
    ahead = ahead_of(now, on, float(AHEAD_S[-1]))
    became = driven_of(found, now, ahead, found.actual[used])
    column = np.arange(len(ahead)) - np.searchsorted(ahead.row, ahead.row)
    columns = {
        "inputs": features(now, ahead).astype(np.float32),
        "is_there": np.ones(len(ahead), np.bool_),
        "is_taken": became.is_taken,
        "along": became.along_m.astype(np.float32),
        "aside": became.aside_m.astype(np.float32),
    }
    result: dict[str, npt.NDArray[np.generic]] = {"vehicles": found.vehicle[used] + first_vehicle}
    for name, values in columns.items():
        padded = np.zeros((len(used), MOST_WAYS, *values.shape[1:]), values.dtype)
        padded[ahead.row, column] = values
        result[name] = padded
    has_way = np.asarray(result["is_taken"]).any(axis=1)
    return {name: values[has_way] for name, values in result.items()}


def driven_of(found: Examples, now: Recent, ahead: Ahead, actual: Floats) -> Driven:
    """What was driven, along and beside each way; actual (n, knots, 2): places of the tracks."""
    if found.on is None:
        raise ValueError("a recording without a map shows no ways")
    ways, true = found.on.ways, actual[ahead.row]
    steps = np.diff(np.concatenate([now.xy[ahead.row][:, None], true], axis=1), axis=1)
    moved = np.hypot(steps[..., 0], steps[..., 1])
    along, aside = np.empty(true.shape[:2]), np.empty(true.shape[:2])
    about = ahead.along_m
    for knot in range(true.shape[1]):
        along[:, knot], aside[:, knot] = ways.foot(ahead.way, true[:, knot], about + moved[:, knot])
        about = along[:, knot]
    physical = driven(now.speed_mps, now.acceleration_mps2, KNOTS_S)[0][ahead.row]
    return Driven(along - ahead.along_m[:, None] - physical, aside - ahead.aside_m[:, None], _taken(ahead.row, aside))


def _taken(owner: Ints, aside_m: Floats) -> Mask:
    """Rows from which what was driven was never further aside than from the best of the track's rows."""
    worst = np.abs(aside_m).max(axis=1)
    best = np.full(int(owner.max(initial=-1)) + 1, np.inf)
    np.minimum.at(best, owner, worst)
    return np.asarray((worst <= best[owner] + _SAME_M) & (best[owner] <= _MOST_OFF_M))


def is_modelled(now: Recent) -> Mask:
    """Where service would ask the model (`services.inference.futures.ModelLimits`)."""
    limits = ModelLimits()
    return np.asarray(
        now.is_whole
        & np.isfinite(now.turn_deg)
        & (np.abs(now.acceleration_mps2) <= limits.most_acceleration_mps2)
        & (now.speed_mps >= limits.least_speed_mps)
        & (now.speed_mps <= limits.most_speed_mps)
    )


if __name__ == "__main__":
    main()
