"""Judge the motion model: `python -m evaluation.models.motion.evaluate [--trace FILE …]`: the numbers of docs/models/motion.md.

On the committed trace (a seed the model never saw) and on further ones: errors of the likeliest way against constant velocity,
acceleration and turn rate and against the stage's physics; of the best of all futures; and whether the mixture is as unsure as it
should be. NGSIM and the pedestrians of Chongqing, where they are there, have no map here and show how good physics is.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from chelu.motion.kinematics import constant_acceleration, constant_turn_rate_acceleration, constant_velocity
from evaluation.models.motion import calibration, pedestrians
from evaluation.models.motion.dataset import Driven, driven_of, is_modelled
from evaluation.models.motion.tracks import Examples, at_knots, examples, read_ngsim, read_trace
from services.inference.ahead import Ahead, ahead_of, on_ways
from services.inference.futures import AHEAD_S, driven, driven_ways, physics
from services.inference.history import Recent
from services.inference.motion_model import KNOTS_S, PACES, OnnxMotionModel, Outlook, between, shipped
from services.inference.reports import Floats
from services.inference.ways import Ways

ROOT = Path(__file__).parents[3]
HORIZONS_S = (1.0, 2.0, 3.0, 4.0, 5.0)
_COLUMNS = [int(np.argmin(np.abs(KNOTS_S - horizon))) for horizon in HORIZONS_S]
_BARS = "|---|" + "---|" * len(HORIZONS_S)


@dataclass(frozen=True, slots=True)
class Asked:
    """Moments at which the model is asked: what was known, the ways, what the model says of them, where they really were."""

    now: Recent
    ways: Ways
    ahead: Ahead
    outlook: Outlook
    actual: Floats
    became: Driven


def main(arguments: list[str] | None = None) -> None:
    """Print the tables as Markdown; with --out write them to a file."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.models.motion.evaluate", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, default=shipped())
    parser.add_argument("--trace", type=Path, nargs="*", default=[ROOT / "simulators" / "data" / "district_trace.npz"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    model, parts = OnnxMotionModel(options.model), list[str]()
    for path in options.trace:
        recording = read_trace(path)
        parts += [f"### {recording.name}", "", *of_district(asked_of(examples(recording), model)), ""]
    text = "\n".join([*parts, *of_ngsim(), *of_pedestrians()])
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def asked_of(found: Examples, model: OnnxMotionModel) -> Asked:
    """All moments of a recording with a map at which the rule asks the model and there is a way."""
    if found.on is None:
        raise ValueError("a recording without a map shows no ways")
    rows = np.flatnonzero(is_modelled(found.now))
    rows = rows[np.unique(ahead_of(found.now.take(rows), found.on.take(rows), float(AHEAD_S[-1])).row)]
    now, on = found.now.take(rows), found.on.take(rows)
    ahead = ahead_of(now, on, float(AHEAD_S[-1]))
    became = driven_of(found, now, ahead, found.actual[rows])
    return Asked(now, on.ways, ahead, model.outlook(now, ahead), found.actual[rows], became)


def of_district(asked: Asked) -> list[str]:
    """The tables of one recording."""
    found = errors(asked.now, asked.actual)
    futures, weight = modes(asked)
    order = np.lexsort((-asked.outlook.way, asked.ahead.row))
    first = order[np.concatenate([[True], np.diff(asked.ahead.row[order]) > 0])]
    served = at_knots(driven_ways(asked.ways, asked.now, asked.ahead, asked.outlook)[0])
    found["motion model, likeliest way"] = np.linalg.norm(served[first] - asked.actual, axis=-1)
    return [
        *table(f"{len(asked.actual)} moments, mean displacement error in m:", found),
        *several(found["motion model, likeliest way"], futures, weight),
        *unsure(asked),
    ]


def errors(now: Recent, actual: Floats) -> dict[str, Floats]:
    """Predictor → error in m per moment and knot (n, knots)."""
    state = (now.xy, now.heading_deg, now.speed_mps)
    paths = {
        "constant velocity": constant_velocity(*state, KNOTS_S).xy,
        "constant acceleration": constant_acceleration(*state, now.acceleration_mps2, KNOTS_S).xy,
        "CTRA": constant_turn_rate_acceleration(*state, now.acceleration_mps2, now.yaw_rate_dps, KNOTS_S).xy,
        "physics of the stage": at_knots(physics(now).xy),
    }
    return {name: np.asarray(np.linalg.norm(xy - actual, axis=-1)) for name, xy in paths.items()}


def modes(asked: Asked) -> tuple[Floats, Floats]:
    """Errors (n, futures, knots) of every way at every pace, inf where there is none, and how likely each is (n, futures)."""
    ahead, physical = asked.ahead, driven(asked.now.speed_mps, asked.now.acceleration_mps2)[0][asked.ahead.row]
    aside = ahead.aside_m[:, None] + between(asked.outlook.aside_m, AHEAD_S)
    column = (np.arange(len(ahead)) - np.searchsorted(ahead.row, ahead.row)) * PACES
    most = int(column.max(initial=0)) + PACES
    found, weight = np.full((len(asked.actual), most, len(KNOTS_S)), np.inf), np.zeros((len(asked.actual), most))
    for pace in range(PACES):
        along = np.maximum.accumulate(physical + between(asked.outlook.along_m[:, pace], AHEAD_S), axis=1)
        xy = at_knots(on_ways(asked.ways, ahead, np.maximum(along, 0.0), aside))
        found[ahead.row, column + pace] = np.linalg.norm(xy - asked.actual[ahead.row], axis=-1)
        weight[ahead.row, column + pace] = asked.outlook.way * asked.outlook.pace[:, pace]
    return found, weight


def table(head: str, found: Mapping[str, Floats]) -> list[str]:
    """Mean by horizon, and at the last the 95th percentile."""
    lines = [head, "", f"| | {_heads()} | 5 s, 95 % |", _BARS + "---|"]
    for name, error in found.items():
        lines.append(f"| {name} | {_row(error.mean(axis=0))} | {np.percentile(error[:, -1], 95):.2f} |")
    return [*lines, ""]


def several(likeliest: Floats, futures: Floats, weight: Floats) -> list[str]:
    """Mean and last displacement of the likeliest future, and of the best of the k likeliest."""
    lines = [
        "| | ADE, m | FDE, m |",
        "|---|---|---|",
        f"| likeliest way | {likeliest.mean():.2f} | {likeliest[:, -1].mean():.2f} |",
    ]
    order = np.argsort(-weight, axis=1)
    sorted_ = np.take_along_axis(futures, order[..., None], axis=1)
    for k in (2, futures.shape[1]):
        best_ade, best_fde = sorted_[:, :k].mean(axis=2).min(axis=1), sorted_[:, :k, -1].min(axis=1)
        lines.append(f"| best of the {k} likeliest of up to {futures.shape[1]} | {best_ade.mean():.2f} | {best_fde.mean():.2f} |")
    return [*lines, ""]


def unsure(asked: Asked) -> list[str]:
    """Share of truths within what the model says, by horizon, and how often ways said to be likely are taken."""
    lines = ["truth within the central share of the mixture, on the way that was taken:", "", f"| | {_heads()} |", _BARS]
    for side, shares in calibration.covered(asked.outlook, asked.became).items():
        for within, share in zip(calibration.WITHIN, shares, strict=True):
            lines.append(f"| {side}, {within * 100:.0f} % | {_row(share * 100.0, 0)} |")
    lines += ["", "ways, where they part within 5 s:", "", "| said | number | said, mean | taken |", "|---|---|---|---|"]
    for (low, high), one in zip(
        pairwise(calibration.EDGES), calibration.ways_said(asked.outlook, asked.became, asked.ahead), strict=False
    ):
        lines.append(f"| {low:.1f}–{high:.1f} | {one.count} | {one.said:.2f} | {one.taken:.2f} |")
    return [*lines, ""]


def of_ngsim() -> list[str]:
    """Interstate 80: physics alone, since there is no map."""
    path = Path(os.environ.get("CHELU_DATA", ROOT.parent / "shared" / "data")) / "ngsim_i80_50_vehicles.sqlite"
    if not path.exists():
        return ["NGSIM: not on this machine", ""]
    found = examples(read_ngsim(path))
    lines = table(f"NGSIM I-80, {len(found.actual)} moments, mean displacement error in m:", errors(found.now, found.actual))
    squares = {name: np.sqrt(np.mean(error**2, axis=0)) for name, error in errors(found.now, found.actual).items()}
    lines += [
        "and root mean square:",
        "",
        f"| | {_heads()} |",
        _BARS,
        *(f"| {name} | {_row(one)} |" for name, one in squares.items()),
    ]
    return [*lines, ""]


def of_pedestrians() -> list[str]:
    """SinD's pedestrians."""
    if not pedestrians.file().exists():
        return ["Chongqing's pedestrians: not on this machine"]
    walks = pedestrians.read(pedestrians.file())
    lines = [
        f"Chongqing's pedestrians, {len(walks.xy)} moments, 3.2 s seen, 4.8 s ahead:",
        "",
        "| | ADE, m | FDE, m |",
        "|---|---|---|",
    ]
    for name, error in pedestrians.errors(walks).items():
        lines.append(f"| {name} | {error.mean():.2f} | {error[:, -1].mean():.2f} |")
    return lines


def _heads() -> str:
    return " | ".join(f"{horizon:.0f} s" for horizon in HORIZONS_S)


def _row(values: Floats | Sequence[float], digits: int = 2) -> str:
    return " | ".join(f"{float(np.asarray(values)[column]):.{digits}f}" for column in _COLUMNS)


if __name__ == "__main__":
    main()
