"""How often the applications warn in ordinary traffic: `python -m evaluation.v2x.quiet [TRACE]`.

Drives the recorded district through a site, every vehicle with a unit of its own, ten times a second. Nobody collides in it, so
every warning is one too many or a close call; and it gives the time of a whole step.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.models.motion.tracks import EPOCH_US, Recording, read_trace, reports_at
from services.inference.life import Notice, State
from services.inference.motion_model import OnnxMotionModel, shipped
from services.inference.reports import Floats, Ints
from services.inference.site import Site, SiteParameters

TRACE = Path(__file__).parents[2] / "simulators" / "data" / "district_trace.npz"


@dataclass(frozen=True, slots=True)
class Result:
    """What was raised, over how many vehicle-hours, and how long each step took."""

    raised: list[Notice]
    vehicle_hours: float
    step_ms: Floats

    def __str__(self) -> str:
        pairs = Counter(one for one, _ in {(one.application, frozenset((one.host.slot, one.other.slot))) for one in self.raised})
        counts = ", ".join(f"{name} {count} pairs" for name, count in sorted(pairs.items()))
        middle, most = np.percentile(self.step_ms, [50, 95])
        hours = f"{self.vehicle_hours:.1f} vehicle-hours"
        return f"{counts or 'no warnings'} in {hours}; a step takes {middle:.1f} ms (95 %: {most:.1f})"


def main(arguments: list[str] | None = None) -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.v2x.quiet", description=__doc__.split("\n", 1)[0])
    parser.add_argument("trace", type=Path, nargs="?", default=TRACE)
    print(drive(read_trace(parser.parse_args(arguments).trace)))


def drive(recording: Recording) -> Result:
    """All of a recording through one site."""
    site = Site(
        SiteParameters(), roads=recording.roads, model=OnnxMotionModel(shipped()), new_id=map(str, itertools.count()).__next__
    )
    raised, step_ms = [], []
    for rows in _steps(recording):
        reports = reports_at(recording, rows)
        began = time.perf_counter()
        changes = site.step(reports, EPOCH_US + round(float(recording.time_s[rows[0]]) * 1e6))
        site.segments()
        step_ms.append((time.perf_counter() - began) * 1e3)
        raised += [one for one in changes if one.state is State.RAISED]
    step_s = float(np.median(np.diff(np.unique(recording.time_s))))
    return Result(raised, len(recording.time_s) * step_s / 3600.0, np.array(step_ms))


def _steps(recording: Recording) -> Iterator[Ints]:
    edges = np.flatnonzero(np.diff(recording.time_s) > 1e-6) + 1
    yield from np.split(np.arange(len(recording.time_s)), edges)


if __name__ == "__main__":
    main()
