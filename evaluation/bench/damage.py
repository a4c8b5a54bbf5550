"""What damaged traffic costs: the rate stored at the most kept up with while some frames are spoilt, over that unspoilt.

Corrupt frames have other bytes in them, unknown ones a shape that nobody has a reader for. Each has to cost its own row only, and
all of them together no more than a fifth of the rate, their own rows included.
"""

from __future__ import annotations

from collections.abc import Mapping

from evaluation.bench.context import Context
from evaluation.bench.ladder import CORES, QUICK_STEP_S, STEP_S, find_top
from evaluation.bench.processes import cores_of_the_machine
from evaluation.bench.report import Figure, Ratio
from evaluation.bench.results import Findings
from evaluation.bench.road import Road, Step, road
from evaluation.bench.traffic import NO_FAULTS

FAULTS: Mapping[str, float] = {"corrupt": 0.01, "unknown": 0.01}
BAR = 0.8
ROUNDS = 5
SHARES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5)  # of the ladder's top, tried downwards until one holds


def run(context: Context) -> Findings:
    """`damage_rate_share`, what was refused of the damaged load, and what of it was lost."""
    top_per_s, workers = find_top(context)
    rounds = 1 if context.is_quick else ROUNDS
    clean: list[Step] = []
    damaged: list[Step] = []
    with road(cores=cores_of_the_machine()[:CORES], workers=workers) as site:
        site.run(top_per_s / 4, STEP_S)  # devices are registered
        for number in range(1, rounds + 1):
            for name, found, faults in (("clean", clean, NO_FAULTS), ("damaged", damaged, FAULTS)):
                context.tell(f"{name}, round {number} of {rounds}")
                found.append(_highest(site, top_per_s, QUICK_STEP_S if context.is_quick else STEP_S, faults))
    return Findings(figures(clean, damaged))


def figures(clean: list[Step], damaged: list[Step]) -> list[Figure]:
    """One clean and one damaged step a round, each the highest that was kept up with."""
    what = ", ".join(f"{share:.0%} {name}" for name, share in FAULTS.items())
    ours, theirs = (tuple(step.rate_per_s for step in steps) for steps in (damaged, clean))
    lost = tuple(float(step.lost) for step in damaged)
    return [
        Ratio(
            f"stored at the most kept up with, {what}", ours, "the same load unspoilt", theirs, "rows", BAR, "damage_rate_share"
        ).figure(),
        Figure(
            what="whole rows lost beside damaged ones",
            values=lost,
            unit="rows",
            key="damage_lost",
            bar=0,
            is_limit=True,
            is_by_worst=True,
        ),
        Figure(
            what="refused by a reason, of those spoilt",
            values=tuple(sum(step.dropped.values()) / max(step.spoilt, 1) for step in damaged),
            unit="share",
        ),
    ]


def _highest(site: Road, top_per_s: float, seconds: float, faults: Mapping[str, float]) -> Step:
    """The first share of the top that is kept up with; the lowest when none is."""
    for share in SHARES:
        step = site.run(top_per_s * share, seconds, faults=faults)
        if step.is_kept_up_with:
            break
    return step
