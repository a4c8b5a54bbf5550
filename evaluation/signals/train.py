"""`chelu train signals`: learn the weights of the predictive controller on networks of our own, none of which it is judged on.

Evolution: every generation draws candidates around the best so far, drives them over the same training networks and seeds, and
moves to the one that loses least, in the mean of delays relative to where it started. Seeded; resumable by its log.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chelu.errors import ConfigurationError
from evaluation.signals.networks import Plan, corridor, crossing, fork, grid, write
from evaluation.signals.pool import Pool
from evaluation.signals.programme import Limits
from services.inference.city.signals.rollout import Model

END_S = 900
FIRST = Model(
    saturation_vps=0.52, starts_s=1.0, yellow_s=2.0, empty=0.5, gap=0.3, fades_s=30.0, stop_s=4.0, left_s=10.0, left_s2=1.0
)
SEED = 7
SEEDS = (1, 2)  # of the traffic: one alone is luck, delays of one candidate differ by a tenth between seeds
BOUNDS: Mapping[str, tuple[float, float]] = {
    "saturation_vps": (0.40, 0.65), "starts_s": (0.0, 3.0), "yellow_s": (0.0, 3.0), "empty": (0.2, 3.0), "stop_s": (0.0, 12.0),
    "left_s": (0.0, 40.0), "left_s2": (0.0, 4.0), "gap": (0.1, 2.0),
    "fades_s": (8.0, 60.0),
}  # fmt: skip


def plans() -> tuple[Plan, ...]:
    """What is trained on: other sizes, flows and seeds than the judged networks have."""
    return (
        crossing("train-crossing", 101, main=2, side=2, flows=(700, 800, 420, 300)),
        fork("train-fork", 102, flows=(560, 700, 330)),
        corridor("train-corridor", 103, gaps_m=(280, 210), main=620, side=260),
        grid("train-grid", 104, size=2, gap_m=250, flow=360),
    )


@dataclass(frozen=True, slots=True)
class Learned:
    """The weights, and what they lose relative to the first ones, by candidates tried."""

    model: Model
    loss: float
    tried: int


def learn(first: Model, log: Path, *, generations: int, children: int, workers: int, tell: Callable[[str], None]) -> Learned:
    """Evolve; every candidate's delays are a line of the log, which a later run reads instead of driving them again."""
    rng, best, width = np.random.default_rng(SEED), first, 0.25
    known = _known(log)
    with tempfile.TemporaryDirectory() as scratch:
        files = [write(plan, Path(scratch), end_s=END_S) for plan in plans()]
        reference = _judge([first], files, known, log, workers)[0]
        loss, tried = 1.0, 1
        for generation in range(generations):
            candidates = [_near(best, width, rng) for _ in range(children)]
            found = [float(np.mean(np.divide(one, reference))) for one in _judge(candidates, files, known, log, workers)]
            tried += children
            least = int(np.argmin(found))
            if found[least] < loss:
                best, loss = candidates[least], found[least]
            else:
                width *= 0.7
            tell(f"generation {generation + 1}: {loss:.4f} of the first weights' delay after {tried} candidates; {asdict(best)}")
    return Learned(best, loss, tried)


def _near(model: Model, width: float, rng: np.random.Generator) -> Model:
    """Another model: every weight moved by a normal share of its range, kept within it."""
    values = {
        name: float(np.clip(getattr(model, name) + rng.normal(0.0, width) * (high - low) / 2, low, high))
        for name, (low, high) in BOUNDS.items()
    }
    return replace(model, **{name: round(value, 3) for name, value in values.items()})  # type: ignore[arg-type]


def _judge(
    models: list[Model], files: list[tuple[Path, Path]], known: dict[str, float], log: Path, workers: int
) -> list[list[float]]:
    """Delays of each model on each network."""
    runs = {_name(net, seed, model): (net, route, seed, model) for model in models for net, route in files for seed in SEEDS}
    left = {name: _task(*run) for name, run in runs.items() if name not in known}
    with log.open("a", encoding="utf-8") as stream:
        for name, found in Pool("evaluation.signals.drive", workers, lambda _name, _share: None).run(left):
            known[name] = float(found["delay_s"])
            stream.write(json.dumps([name, known[name]]) + "\n")
            stream.flush()
    return [[known[_name(net, seed, model)] for net, _ in files for seed in SEEDS] for model in models]


def _name(net: Path, seed: int, model: Model) -> str:
    return json.dumps([net.name, seed, asdict(model)])


def _task(net: Path, route: Path, seed: int, model: Model) -> dict[str, Any]:
    scenario = {"net": str(net), "route": str(route), "begin_s": 0.0, "end_s": float(END_S), "seed": seed, "scale": 1.0}
    return {
        "scenario": scenario, "controller": "predictive", "limits": asdict(Limits()), "reach_m": 200.0, "model": asdict(model),
    }  # fmt: skip


def _known(log: Path) -> dict[str, float]:
    if not log.exists():
        return {}
    try:
        return {str(name): float(delay_s) for name, delay_s in map(json.loads, log.read_text(encoding="utf-8").splitlines())}
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError("--log", str(log), f"a new file, or what an earlier training wrote ({error})") from None
