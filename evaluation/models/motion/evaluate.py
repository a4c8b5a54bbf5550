"""Judge the motion model: `python -m evaluation.models.motion.evaluate [--out FILE]`: the numbers of docs/models/motion.md.

Mean displacement error by horizon, against constant velocity, constant turn rate and acceleration, and the stage's physics, on
the committed trace (a seed the model never saw) and, where it is there, on NGSIM (real traffic, for evaluation only).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from chelu.motion.kinematics import Path as Driven
from chelu.motion.kinematics import constant_turn_rate_acceleration, constant_velocity
from evaluation.models.motion.dataset import is_modelled
from evaluation.models.motion.tracks import Examples, Recording, examples, in_frame, read_ngsim, read_trace
from services.inference.motion_model import KNOTS_S, OnnxMotionModel, shipped
from services.inference.reports import Floats

ROOT = Path(__file__).parents[3]
HORIZONS_S = (1.0, 2.0, 3.0, 4.0, 5.0)


def main(arguments: list[str] | None = None) -> None:
    """Print the tables as Markdown; with --out write them to a file."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.models.motion.evaluate", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, default=shipped())
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    model = OnnxMotionModel(options.model)
    text = "\n".join(table(found.name, errors(examples(found), model)) for found in recordings())
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def recordings() -> list[Recording]:
    """The committed trace, and NGSIM if its file is there."""
    found = [read_trace(ROOT / "simulators" / "data" / "district_trace.npz")]
    ngsim = Path(os.environ.get("CHELU_DATA", ROOT.parent / "shared" / "data")) / "ngsim_i80_50_vehicles.sqlite"
    return [*found, read_ngsim(ngsim)] if ngsim.exists() else found


def errors(found: Examples, model: OnnxMotionModel) -> dict[str, Floats]:
    """Predictor → error in m per example and knot (n, knots), where the rule asks the model (without a map: everywhere)."""
    chosen = is_modelled(found.now)
    has_lanes = np.isfinite(found.now.turn_deg).any()  # a recording without a map shows what the rule spares it
    rows = np.flatnonzero(chosen if has_lanes else found.now.is_whole)
    now, actual, physical = found.now.take(rows), found.actual[rows], found.physical[rows]

    def missed(path: Driven) -> Floats:
        return np.asarray(np.linalg.norm(in_frame(now, path.xy) - actual, axis=-1))

    still = np.zeros(len(rows))
    turn = constant_turn_rate_acceleration(
        now.xy, now.heading_deg, now.speed_mps, now.acceleration_mps2, now.yaw_rate_dps, KNOTS_S
    )
    return {
        "constant velocity": missed(constant_velocity(now.xy, now.heading_deg, now.speed_mps + still, KNOTS_S)),
        "CTRA": missed(turn),
        "physics of the stage": np.linalg.norm(physical - actual, axis=-1),
        "motion model": np.linalg.norm(physical + model.correction(now, KNOTS_S) - actual, axis=-1),
    }


def table(name: str, found: Mapping[str, Floats]) -> str:
    """Mean, and at the last horizon the 95th percentile, as Markdown."""
    count = len(next(iter(found.values())))
    heads = " | ".join(f"{horizon:.0f} s" for horizon in HORIZONS_S)
    lines = [f"{name}, {count} moments, mean displacement error in m:", "", f"| | {heads} | 5 s, 95 % |", "|---|" + "---|" * 6]
    columns = [int(np.argmin(np.abs(KNOTS_S - horizon))) for horizon in HORIZONS_S]
    for predictor, error in found.items():
        means = " | ".join(f"{error[:, column].mean():.2f}" for column in columns)
        lines.append(f"| {predictor} | {means} | {np.percentile(error[:, columns[-1]], 95):.2f} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
