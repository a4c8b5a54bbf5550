"""Write the training examples: `python -m evaluation.models.motion.dataset TRACE… --out FILE`. Only our own simulated traces.

Further traces are made with `python -m simulators.district.build --seed N --directory D` and `… .record --directory D`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from evaluation.models.motion.tracks import examples, read_trace
from services.inference.futures import ModelLimits
from services.inference.history import Recent
from services.inference.motion_model import features
from services.inference.reports import Floats


def main(arguments: list[str] | None = None) -> None:
    """Features and targets (what physics misses) of all traces in one .npz."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.models.motion.dataset", description=__doc__.split("\n", 1)[0])
    parser.add_argument("traces", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    inputs, targets, vehicles = [], [], []
    for index, path in enumerate(options.traces):
        found = examples(read_trace(path))
        used = np.flatnonzero(is_modelled(found.now))
        inputs.append(features(found.now.take(used)).astype(np.float32))
        targets.append((found.actual - found.physical)[used].astype(np.float32))
        vehicles.append(found.vehicle[used] + index * 1_000_000)
        print(f"{path}: {len(used)} examples")
    np.savez_compressed(
        options.out, inputs=np.concatenate(inputs), targets=np.concatenate(targets), vehicles=np.concatenate(vehicles)
    )


def is_modelled(now: Recent) -> Floats:
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
