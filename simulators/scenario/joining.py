"""Several traces of one scenario as one, their runs side by side in this order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chelu.messages import Batch, concatenate
from simulators.scenario.trace import Trace

MOVING = ("xy", "elevation_m", "heading_deg", "speed_mps", "acceleration_mps2", "along_m", "aside_m", "aside_mps")  # (t, n, …)
OF_RUNS = ("way", "last", "contact_s", "contact")  # (n, …)


def joined(traces: Sequence[Trace]) -> Trace:
    """All with the same actors, ways and instants."""
    first = traces[0]
    if len(traces) == 1:
        return first
    columns: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in traces], axis=1) for name in MOVING}
    columns |= {name: np.concatenate([getattr(one, name) for one in traces]) for name in OF_RUNS}
    columns |= {
        name: {key: np.concatenate([getattr(one, name)[key] for one in traces]) for key in getattr(first, name)}
        for name in ("fired", "parameters", "rig")
    }
    broken = tuple(why for one in traces for why in one.broken or ("",) * one.runs)
    lights = {key: np.concatenate([one.lights[key] for one in traces], axis=1) for key in first.lights}
    columns |= {name: _rows(traces, name) for name in ("warnings", "messages", "cooperation")}
    return replace(first, lights=lights, broken=broken, passing=None, **columns)


def without_traffic(trace: Trace) -> Trace:
    """The scenario's own actors alone."""
    if trace.cast == len(trace.actors):
        return trace
    columns: dict[str, Any] = {name: getattr(trace, name)[:, :, : trace.cast] for name in MOVING}
    return replace(trace, actors=trace.actors[: trace.cast], way=trace.way[:, : trace.cast], passing=None, **columns)


def _rows(traces: Sequence[Trace], name: str) -> Batch | None:
    found, before = [], 0
    for one in traces:
        batch: Batch | None = getattr(one, name)
        if batch is None:
            return None
        found.append(batch.with_columns(run=batch["run"] + before))
        before += one.runs
    return concatenate(found)
