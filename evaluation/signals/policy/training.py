"""`chelu train policy`: drive, note what would have been best, learn, drive as was learned, and so on (Ross et al. 2011, DAgger).

The first round drives as the predictive controller decides; every later one as the policy learned so far does, so that it learns
what is best where it comes to by itself. All on networks of our own, none of which is judged.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.signals.networks import Plan, corridor, crossing, fork, grid, write
from evaluation.signals.policy import network
from evaluation.signals.policy.examples import Examples, joined, load
from evaluation.signals.pool import Pool
from evaluation.signals.programme import Limits

# Shares of the demand, each with other limits: what is the same everywhere cannot be learned.
LEVELS: Mapping[float, Limits] = {
    0.7: Limits(yellow_s=3.0),
    1.0: Limits(),
    1.3: Limits(yellow_s=5.0, most_green_s=60.0),
}


@dataclass(frozen=True, slots=True)
class Course:
    """rounds: of driving and learning; end_s: of each drive; seed: of the weights, and of the traffic of the first drive."""

    rounds: int = 3
    end_s: int = 600
    seed: int = 0
    workers: int = 2


def plans() -> tuple[Plan, ...]:
    """What is driven on: other sizes, flows and seeds than the judged networks have."""
    return (
        crossing("policy-crossing", 201, main=2, side=2, flows=(650, 800, 420, 300)),
        replace(crossing("policy-opposites", 202, main=3, side=1, flows=(900, 760, 230, 260)), has_arms=False),
        fork("policy-fork", 203, flows=(560, 700, 330)),
        corridor("policy-corridor", 204, gaps_m=(280, 210), main=640, side=250),
        grid("policy-grid", 205, size=2, gap_m=250, flow=380),
    )


def learn(file: Path, course: Course, say: Callable[[str], None]) -> None:
    """Train, and write the policy; `say` hears of every round."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        nets = [write(plan, place, end_s=course.end_s) for plan in plans()]
        parts: list[Examples] = []
        policy = place / "policy.onnx"
        for turn in range(course.rounds):
            delays, noted = _drive(nets, place, turn, policy if turn else None, course)
            parts += noted
            examples = joined(parts)
            weights = network.train(examples, seed=course.seed)
            network.write(weights, policy)
            say(
                f"round {turn + 1} of {course.rounds}: delay {sum(delays) / len(delays):.1f} s a trip while driving, "
                f"{len(examples.gain)} instants, {network.lost(weights, examples):.2f} s lost at each"
            )
        file.write_bytes(policy.read_bytes())


def _drive(
    nets: list[tuple[Path, Path]], place: Path, turn: int, policy: Path | None, course: Course
) -> tuple[list[float], list[Examples]]:
    """Delays, and what was noted, of every network at every level of demand, in their order."""
    tasks = {}
    for net, route in nets:
        for scale in LEVELS:
            name = f"{turn}.{net.name}.{scale:g}"
            tasks[name] = _task(net, route, scale, (turn, course), policy, place / f"{name}.npz")
    found = dict(Pool("evaluation.signals.policy.examples", course.workers, lambda _name, _share: None).run(tasks))
    return [found[name]["delay_s"] for name in tasks], [load(Path(task["examples"])) for task in tasks.values()]


def _task(net: Path, route: Path, scale: float, when: tuple[int, Course], policy: Path | None, examples: Path) -> dict[str, Any]:
    turn, course = when
    seed = 100 * course.seed + turn + 1
    scenario = {"net": str(net), "route": str(route), "begin_s": 0.0, "end_s": float(course.end_s), "seed": seed, "scale": scale}
    return {
        "scenario": scenario, "controller": "learned", "limits": asdict(LEVELS[scale]), "reach_m": 200.0,
        "policy": str(policy) if policy else None, "examples": str(examples),
    }  # fmt: skip
