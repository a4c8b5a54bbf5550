"""What roadside devices tell of a scenario: events and signs on its road, its weather, and what its signals show."""

from __future__ import annotations

import numpy as np

from chelu.messages import OBSERVATION, SPAT, Batch, filled
from chelu.quantities import QUANTITIES
from evaluation.scenarios.hearing import EPOCH_US
from services.inference.events.told import FOREVER_US, Path, Told
from simulators.scenario.description import Description, Weather
from simulators.scenario.notices import PRIORITY, RADIUS_M, lie_of
from simulators.scenario.roads import Notice, Signal
from simulators.scenario.scenes import PHASE
from simulators.scenario.trace import Trace
from simulators.scenario.values import values
from simulators.scenario.ways import Ways

UNIT_KEY = 60_001  # the roadside unit that tells of the road
SENSOR_KEY = 60_002
_CODES = {one.name: one.code for one in QUANTITIES}


def notices_of(description: Description, ways: Ways) -> list[Told]:
    """Events and signs, heard of before anybody drives."""
    return [_told(number, one, ways) for number, one in enumerate(description.road.told.values())]


def _told(number: int, one: Notice, ways: Ways) -> Told:
    lie = lie_of(one, ways)
    return Told(
        source=(UNIT_KEY, one.sign is not None, number),
        said=number,
        is_sign=one.sign is not None,
        code=one.event or one.sign or 0,
        text=one.text,
        priority=PRIORITY,
        place=lie.place,
        radius_m=RADIUS_M if lie.place is not None else 0.0,
        paths=(Path(lie.path, lie.half_m),),
        start_us=0,
        end_us=FOREVER_US,
        heard_us=EPOCH_US,
        is_perceived=False,
    )


def weather_of(description: Description) -> list[Batch]:
    """What the site's sensor measures; nothing where it is as it always is."""
    told = {"road_friction": description.weather.friction, "visibility": description.weather.sight_m}
    usual = {"road_friction": Weather().friction, "visibility": Weather().sight_m}
    return [_measured(name, value) for name, value in told.items() if value is not None and value != usual[name]]


def _measured(quantity: str, value: float) -> Batch:
    one = np.ones(1, np.int64)
    rows = filled(
        OBSERVATION, 1,
        time_us=one * EPOCH_US, quantity=np.array([_CODES[quantity]], np.uint16), value=np.array([value]),
    )  # fmt: skip
    return rows.with_columns(device_key=one * SENSOR_KEY)


def light_rows(description: Description, trace: Trace, run: int, at_s: float) -> Batch:
    """What all signals say at an instant: the light, and when it changes."""
    names = sorted(trace.lights)
    instant, count = min(int(at_s / trace.step_s + 1e-9), trace.instants - 1), len(names)
    ends = [_changes_in_s(description.road.signals[name], trace, run, at_s) for name in names]
    return filled(
        SPAT, count,
        time_us=np.full(count, EPOCH_US + round(at_s * 1e6)),
        intersection_id=np.arange(1, count + 1, dtype=np.uint16), phase_id=np.full(count, PHASE, np.int16),
        state_index=np.zeros(count, np.uint8), light=np.array([trace.lights[name][instant, run] for name in names], np.uint8),
        start_s=np.zeros(count), likely_end_s=np.array(ends),
    )  # fmt: skip


def _changes_in_s(signal: Signal, trace: Trace, run: int, at_s: float) -> float:
    """Seconds until a signal shows something else, by its stages, also beyond the run's end; NaN for one that never does."""
    begins, *lasts = (
        float(values(one, trace.parameters, trace.runs)[run])
        for one in (signal.begins_s, *(stage.for_s for stage in signal.stages))
    )
    ends = np.cumsum(lasts)
    into = float(np.mod(at_s - begins + 1e-9, ends[-1])) if ends[-1] > 0 else 0.0
    now = int(np.searchsorted(ends, into, side="right"))
    for ahead in range(1, len(lasts) + 1):
        row = (now + ahead) % len(lasts)
        if lasts[row] > 0 and signal.stages[row].shows != signal.stages[now].shows:
            return float(ends[row] - lasts[row] + (ends[-1] if row <= now else 0.0) - into)
    return float("nan")
