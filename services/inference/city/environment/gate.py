"""Trucks at a port's gate: how long the queue will be, and in which half hours there is room for whom.

A gate says how many it let in (``gate_entries``, since its sample before) and how many wait (``waiting_trucks``); from the two
follows who came. What it can serve is what it did while trucks waited, else its label ``capacity_per_h``. Slots are planned as a
fluid queue: who would make it longer than is borne is advised to the next slot with room, and each slot's free places are those
that a dispatcher may still give away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.city.environment.findings import Finding, Judged
from services.inference.parameters import parameter
from services.inference.register import Device
from services.inference.reports import Floats

APPLICATION = "gate"
SLOT_S = 1800
SLOTS_AHEAD = 12
SLOTS_A_DAY = 48
_RECENT = 4  # slots whose mean is the coming ones', where no day before is known
_PAST_DAYS = 7
_FEWEST_BUSY = 4  # slots with a queue, before the gate's own record is its capacity


@dataclass(frozen=True, slots=True)
class GateParameters:
    """`[site.gate]`; docs/city/environment.md has this as a table."""

    longest_wait_s: float = parameter(
        1800.0, "s", "ours: a wait that drivers and the road before the gate bear", low=60.0, high=14_400.0
    )
    clear_share: float = parameter(
        0.7, "1", "hysteresis: over when the longest wait foreseen is below this share", low=0.1, high=1.0
    )
    used_share: float = parameter(
        0.9, "1", "of the capacity that is planned with: the rest is for who comes unasked", low=0.3, high=1.0
    )


@dataclass(frozen=True, slots=True)
class Advice:
    """By slot (s,) from the one that has begun.

    arrivals, planned: as foreseen, and as advised; queue, wait_s: by what is planned, `unplanned_wait_s` without; places: still
    to be given away; moved: trucks advised to the slot after or later.
    """

    arrivals: Floats
    planned: Floats
    queue: Floats
    wait_s: Floats
    unplanned_wait_s: Floats
    places: Floats
    moved: Floats


def advise(queue: float, arrivals: Floats, capacity: float, parameters: GateParameters) -> Advice:
    """Plan slots from who waits now, who is foreseen by slot (s,), and what a slot serves. Nobody is sent away, only later."""
    planned, length, moved = (np.zeros(len(arrivals)) for _ in range(3))
    most = parameters.longest_wait_s / SLOT_S * capacity  # in the queue, for the last one to wait no longer
    waiting, carried = queue, 0.0
    for slot, coming in enumerate(arrivals.tolist()):
        room = max(0.0, most + capacity - waiting)
        planned[slot] = min(coming + carried, room)
        carried = coming + carried - planned[slot]
        moved[slot] = carried
        waiting = max(0.0, waiting + planned[slot] - capacity)
        length[slot] = waiting
    began = np.concatenate([[queue], length[:-1]])
    places = np.floor(np.maximum(0.0, parameters.used_share * capacity - began - planned))
    wait_s = _waits(queue, planned, capacity)
    return Advice(arrivals, planned, length, wait_s, _waits(queue, arrivals, capacity), places, moved)


def _waits(queue: float, arrivals: Floats, capacity: float) -> Floats:
    """How long (s,) who comes last in each slot waits: until those before it are through."""
    waits, waiting = np.zeros(len(arrivals)), queue
    for slot, coming in enumerate(arrivals.tolist()):
        waiting = max(0.0, waiting + coming - capacity)
        waits[slot] = waiting / max(capacity, 1e-9) * SLOT_S
    return waits


def capacity_of(served: Floats, waited: Floats, told: float) -> float:
    """What a slot serves: the median of those in which trucks waited all along (n,), else what was told; NaN for neither."""
    busy = np.isfinite(served) & (waited >= 1.0)
    return float(np.median(served[busy])) if np.count_nonzero(busy) >= _FEWEST_BUSY else told


def arrivals_ahead(came: Floats, slots: int) -> Floats:
    """Who is foreseen in the next slots (slots,), by the same slots of the days before and by how busy today is beside them.

    came (n,): by slot, the last one complete; NaN where nothing is known.
    """
    usual = np.array([_usual(came, len(came) + ahead) for ahead in range(slots)])
    recent = came[-_RECENT:]
    before = np.array([_usual(came, at) for at in range(max(0, len(came) - _RECENT), len(came))])
    known = np.isfinite(recent) & np.isfinite(before)
    level = float(np.nanmean(recent)) if np.isfinite(recent).any() else 0.0
    share = np.clip((recent[known].sum() + 1.0) / (before[known].sum() + 1.0), 0.5, 2.0) if known.any() else 1.0
    faded = 1.0 + (share - 1.0) * 0.8 ** np.arange(slots)  # today's difference from other days wears off
    return np.where(np.isfinite(usual), usual * faded, level)


def _usual(came: Floats, at: int) -> float:
    days = [came[at - day * SLOTS_A_DAY] for day in range(1, _PAST_DAYS + 1) if 0 <= at - day * SLOTS_A_DAY < len(came)]
    known = [one for one in days if np.isfinite(one)]
    return float(np.mean(known)) if known else float("nan")


def judged(gate: Device, advice: Advice, begin_us: int, parameters: GateParameters, *, is_standing: bool) -> Judged:
    """Whether the longest wait foreseen without advice is too long; the finding has the plan by slot."""
    longest_s = float(advice.unplanned_wait_s.max())
    bound_s = parameters.longest_wait_s * (parameters.clear_share if is_standing else 1.0)
    if longest_s <= bound_s:
        return Judged(APPLICATION, gate.device_id)
    slots = [
        {
            "begin_us": begin_us + slot * SLOT_S * 1_000_000,
            "foreseen": round(float(advice.arrivals[slot]), 1),
            "advised": round(float(advice.planned[slot]), 1),
            "moved_on": round(float(advice.moved[slot]), 1),
            "places": int(advice.places[slot]),
            "wait_s": round(float(advice.wait_s[slot])),
            "wait_without_advice_s": round(float(advice.unplanned_wait_s[slot])),
        }
        for slot in range(len(advice.arrivals))
    ]
    found = Finding(
        application=APPLICATION,
        subject=gate.device_id,
        part="queue",
        kind="truck_queue",
        severity="warning",
        value=longest_s,
        bound=parameters.longest_wait_s,
        text=f"{gate.device_id}: trucks will wait longer than {parameters.longest_wait_s / 60:g} min",
        place=gate.place,
        detail={"unit": "s", "slots": slots},
    )
    return Judged(APPLICATION, gate.device_id, [found])
