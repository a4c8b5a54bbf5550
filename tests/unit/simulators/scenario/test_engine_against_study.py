"""The engine's drivers in cut-ins as the study of UN R157 has them, against its own program's outcomes.

Same vehicles, same beginning, same drivers; what differs is the step (20 ms for 100), that the engine's braking is exact within a
step, and that its boxes turn with the way they take. So outcomes are compared by boxes along the road.
"""

from __future__ import annotations

import numpy as np
import pytest

from simulators.scenario.cases import Cases
from simulators.scenario.engine import run
from simulators.scenario.r157.grids import Grid, cases_of
from simulators.scenario.r157.sweep import Sweep
from simulators.scenario.r157.sweep import run as run_study
from tests.unit.simulators.scenario.written import described, scenario

LENGTH_M, WIDTH_M = 4.3, 1.9
COUNT, SEED = 400, 157


@pytest.mark.parametrize("driver", ["fsm", "rss", "regulation"])
def test_outcomes_are_those_of_the_study(driver: str) -> None:
    grid = cases_of(Grid.CUT_IN_LOW)
    rows = np.sort(np.random.default_rng(SEED).choice(len(grid), COUNT, replace=False))
    size = f"size: {{length_m: {LENGTH_M}, width_m: {WIDTH_M}}}"
    description = described(
        scenario(
            actors=f"""
                ego: {{start: {{way: main, along_m: 100, speed_kmh: ego}}, {size}, driver: {{model: {driver}}}}}
                other:
                  start:
                    ahead_of: ego
                    lane: 2
                    aside_m: -lateral * lateral / 3
                    gap_m: gap + (ego - other) / 3.6 * lateral / 1.5
                    speed_kmh: other
                  {size}
            """,
            manoeuvres="""
                - name: cuts_in
                  actor: other
                  when: {time_s: 0}
                  lane_change: {to_lane: 1, lateral_mps: lateral, lateral_mps2: 1.5}
            """,
            more="parameters: {ego: {default: 1}, other: {default: 1}, gap: {default: 1}, lateral: {default: 1}}",
            after_s=35,
        )
    )
    some = grid.take(rows)
    columns = {"ego": some.ego_kmh, "other": some.other_kmh, "gap": some.distance_m, "lateral": some.lateral_mps}
    trace = run(description, Cases(columns, COUNT))
    study = run_study([Sweep(Grid.CUT_IN_LOW, driver)])[0].has_collided[rows]

    along, aside = (np.abs(column[..., 1] - column[..., 0]) for column in (trace.along_m, trace.aside_m))
    boxes = ((along < LENGTH_M) & (aside < WIDTH_M)).any(axis=0)
    assert study.sum() > COUNT // 25
    assert np.mean(boxes == study) >= 0.98

    turned = np.isfinite(trace.contact_s)
    assert np.mean(study & ~turned) <= 0.01  # turned boxes are wider: hardly a contact is lost by them
