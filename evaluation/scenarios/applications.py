"""The applications of `services.inference`, tested in memory: what actors say goes through a site's stages as in production.

Nothing is put into bytes and no clock runs: a run takes as long as the stages do. Every run has a site of its own, so that it
turns out the same in any company.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

from chelu.messages import Batch, concatenate
from chelu.roads import sumo
from evaluation.scenarios.hearing import EPOCH_US, Hearing, heard
from evaluation.scenarios.roadside import light_rows, notices_of, weather_of
from services.inference.life import Notice, State
from services.inference.motion_model import MotionModel, OnnxMotionModel, shipped
from services.inference.network import NetworkRoads
from services.inference.site import Site, SiteParameters
from simulators.scenario.description import Description
from simulators.scenario.sumo_net import roads_of
from simulators.scenario.trace import Trace
from simulators.scenario.traffic.passing import by_place

TICK_S = 0.05  # the site looks at what arrived since the last of these
SIGNALS_EVERY = 2  # ticks between two messages of the signals
LONGEST_TEXT = 48
COLUMNS = {"run": "i8", "time_s": "f8", "application": "U16", "host": "U48", "other": "U48", "state": "U16"}


def warnings(description: Description, trace: Trace) -> Batch:
    """What the applications tell the actors, as `simulators.scenario.devices.Device` has it."""
    roads = _roads(trace)
    said = [_of_run(description, trace, run, roads) for run in range(trace.runs)]
    return by_place(trace, concatenate(said), "time_s", "host", "other")


def _roads(trace: Trace) -> NetworkRoads:
    """The road as the register would have it; what signals show comes by their messages."""
    return NetworkRoads(sumo.read(roads_of(trace, 0)))


@cache
def _model() -> MotionModel:
    return OnnxMotionModel(shipped())


def _of_run(description: Description, trace: Trace, run: int, roads: NetworkRoads) -> Batch:
    site = Site(SiteParameters(), roads=roads, model=_model(), new_id=map(str, itertools.count()).__next__)
    site.hear(notices_of(description, trace.ways), weather_of(description))
    hearing, late_s = heard(description, trace, run), description.radio.latency_s
    told: list[tuple[float, Notice]] = []
    for tick in range(1, int(trace.last[run] * trace.step_s / TICK_S) + 1):
        now_s = tick * TICK_S
        if tick % SIGNALS_EVERY == 1 and trace.lights:
            site.signals.update(light_rows(description, trace, run, max(now_s - late_s, 0.0)))
        told += [(now_s + late_s, one) for one in site.step(hearing.until(now_s), EPOCH_US + round(now_s * 1e6))]
    return _batch(run, told, hearing)


def _batch(run: int, told: list[tuple[float, Notice]], hearing: Hearing) -> Batch:
    rows = [
        (run, at_s, one.application, hearing.name_of(one.host), _about(one, hearing), _STATES[one.state]) for at_s, one in told
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    return Batch({name: np.array(column, dtype) for (name, dtype), column in zip(COLUMNS.items(), columns, strict=True)})


def _about(one: Notice, hearing: Hearing) -> str:
    """Whom or what it warns of."""
    if one.other is not None:
        return hearing.name_of(one.other)
    return f"{one.subject.kind} {one.subject.id}"[:LONGEST_TEXT] if one.subject is not None else ""


_STATES = {State.RAISED: "raised", State.UPDATED: "updated", State.CLEARED: "cleared"}
