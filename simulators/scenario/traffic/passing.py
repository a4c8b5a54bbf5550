"""The vehicles of the background traffic one by one, as they are on the air: each itself, whatever place of the run it has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from chelu.messages import Batch, Column
from simulators.scenario.joining import MOVING
from simulators.scenario.kinds import KINDS
from simulators.scenario.trace import Actor, Floats, Passing, Trace

ON_AIR = "passing-"  # and its number: no actor has a hyphen in its name


def named(number: int) -> str:
    """What a vehicle of the traffic is called on the air."""
    return f"{ON_AIR}{number}"


def near(trace: Trace) -> tuple[int, ...]:
    """The vehicles that are near an actor until the run's last instant that counts, as they come."""
    if trace.passing is None:
        return ()
    numbers = trace.passing.number[: int(trace.last[0]) + 1]
    found = numbers[numbers >= 0]  # in order of time
    _, first = np.unique(found, return_index=True)
    return tuple(found[np.sort(first)].tolist())


def everybody(trace: Trace) -> tuple[int, ...]:
    """All who come in during the run: who of them is near hangs on what actors do."""
    return () if trace.passing is None else tuple(range(len(trace.passing.kinds)))


def actor_of(passing: Passing, number: int) -> Actor:
    """What it is, near or not."""
    kind = passing.kinds[number]
    return Actor(named(number), kind, KINDS[kind].length_m, KINDS[kind].width_m, KINDS[kind].mass_kg, is_traffic=True)


def alone(trace: Trace, number: int) -> Trace:
    """One vehicle by itself, of a trace of one run: NaN where it is not near; its heading is there throughout, without jumps."""
    if trace.passing is None:
        raise ValueError("a trace of one run with traffic")
    instant, place = np.nonzero(trace.passing.number == number)
    columns: dict[str, Any] = {}
    for name in MOVING:
        column = getattr(trace, name)
        columns[name] = np.full((trace.instants, 1, 1, *column.shape[3:]), np.nan)
        columns[name][instant, 0, 0] = column[instant, 0, trace.cast + place]
    if len(instant):
        heading = np.unwrap(columns["heading_deg"][instant, 0, 0], period=360.0)
        columns["heading_deg"][:, 0, 0] = np.interp(np.arange(trace.instants), instant, heading)
    return replace(trace, actors=(actor_of(trace.passing, number),), way=np.full((1, 1), -1), passing=None, **columns)


def by_place(trace: Trace, rows: Batch, time: str, *names: str) -> Batch:
    """Rows in which vehicles of the traffic are called as in the evidence: by the place in which each is then, or was last.

    time: the column that says when, s; names: the columns with names.
    """
    if trace.passing is None:
        return rows
    return rows.with_columns(**{name: _placed(trace, trace.passing, rows[name], rows[time]) for name in names})


def _placed(trace: Trace, passing: Passing, names: Column, time_s: Floats) -> Column:
    found = names.copy()
    for name in np.unique(names[np.char.startswith(names, ON_AIR)]).tolist() if len(names) else ():
        instant, place = np.nonzero(passing.number == int(name.removeprefix(ON_AIR)))
        if not len(instant):
            continue
        own = names == name
        newest = np.searchsorted(instant, time_s[own] / trace.step_s + 1e-6, side="right") - 1
        called = np.array([one.name for one in trace.actors], names.dtype)
        found[own] = called[trace.cast + place[np.maximum(newest, 0)]]
    return found
