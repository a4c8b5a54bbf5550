"""Verdicts and motion as Parquet: a row for each run, and one for each actor at each instant.

pyarrow is imported only here and late: it and SUMO do not bear one another in one process.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from simulators.scenario.evidence.shown import Evidence
from simulators.scenario.verdict import Outcome

WORDS = np.array([outcome.word for outcome in Outcome])
SHARED = {
    "speed_mps": "m/s",
    "acceleration_mps2": "m/s²",
    "heading_deg": "°",
    "along_m": "m",
    "aside_m": "m",
    "elevation_m": "m",
}


def runs_table(evidence: Evidence) -> bytes:
    """A row for each run: parameters, verdict, and of each requirement k its verdict, value, limit, margin and instant."""
    verdicts = evidence.verdicts
    columns: dict[str, Any] = {"run": np.arange(verdicts.runs), "verdict": WORDS[verdicts.outcome]}
    columns |= {f"parameter.{name}": column for name, column in evidence.parameters.items()}
    about = {}
    for index, one in enumerate(verdicts.requirements):
        head = f"requirement.{index}."
        columns |= {head + name: getattr(one, name) for name in ("value", "limit", "margin", "at_s")}
        columns |= {head + "verdict": WORDS[one.outcome], head + "reason": one.reason.astype(np.str_)}
        about[head + "title"] = one.title
    return _parquet(columns, {"scenario": evidence.header.scenario, **about})


def motion_table(evidence: Evidence) -> bytes:
    """A row for each actor at each instant that counts, of the runs that have a trace; ordered by run, time and actor."""
    trace = evidence.trace
    is_there = ~np.isnan(trace.speed_mps) | ~np.array([one.is_traffic for one in trace.actors])
    instant, column, actor = np.nonzero(trace.counts[:, :, None] & is_there)
    order = np.lexsort((actor, instant, column))
    at = instant[order], column[order], actor[order]
    names = np.array([one.name for one in trace.actors])
    columns: dict[str, Any] = {
        "run": np.asarray(evidence.runs, np.int64)[at[1]],
        "time_s": at[0] * trace.step_s,
        "actor": names[at[2]],
        "x_m": trace.xy[at][:, 0],
        "y_m": trace.xy[at][:, 1],
        **{name: getattr(trace, name)[at] for name in SHARED},
    }
    return _parquet(columns, {"scenario": evidence.header.scenario, "axes": "x east, y north"})


def _parquet(columns: dict[str, Any], about: dict[str, str]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({name: pa.array(column) for name, column in columns.items()})
    target = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata(about), target, compression="zstd")
    return target.getvalue()
