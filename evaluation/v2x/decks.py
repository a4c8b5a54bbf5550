"""Crossings on two levels: the same encounters as on one, one road 6 to 9 m above the other. Nobody may be warned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from evaluation.v2x.radio import nominal
from evaluation.v2x.staging import stage
from evaluation.v2x.trial import run

LEVELS_M = (6.0, 9.0)


def cross(n: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """N crossings, all level: how many warnings of any application there were."""
    encounters = stage("icw", n, seed)
    actors = encounters.actors
    up = np.zeros(len(actors))
    up[encounters.rows(1)] = np.random.default_rng([seed, 3]).uniform(*LEVELS_M, n)
    encounters = replace(encounters, actors=replace(actors, up_m=up, gradient=np.zeros(len(actors))))
    outcome = run(encounters, nominal(n), seed, tell=tell)
    return {"n": n, "warnings": sum(outcome.by_application.values()), "raised": outcome.by_application}
