"""What slot advice does to trucks' waits at a gate, by how many heed it; the advised ones come later, none is sent away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from evaluation.environment.outlooks import START_US
from services.inference.city.environment import gate
from services.inference.city.environment.gate import SLOT_S, SLOTS_A_DAY, SLOTS_AHEAD, GateParameters
from simulators.surroundings import port
from simulators.surroundings.period import Floats, Period

HEEDED = (0.0, 0.4, 0.7, 1.0)
STEP_S = 300
_EACH = SLOT_S // STEP_S
LEARN_DAYS = 7


def judge(count: int, days: int, seed: int, tell: Callable[[float], None]) -> dict[str, Any]:
    """By share of trucks that heed advice: waits of all trucks, and by how long those who came later did so."""
    found: dict[str, Any] = {"gates": count, "days": days}
    for place, share in enumerate(HEEDED):
        waits: list[Floats] = []
        weights: list[Floats] = []
        later_s = trucks = 0.0
        for number in range(count):
            period = Period(START_US, (LEARN_DAYS + days) * 86_400 // STEP_S, STEP_S)
            wanted = port.arrivals(period, seed + number)
            came, delay = heeded(wanted, share)
            after = LEARN_DAYS * 86_400 // STEP_S
            waits.append(port.gate_of(came, STEP_S).wait_s[after:])
            weights.append(came[after:])
            later_s, trucks = later_s + float(delay), trucks + float(came[after:].sum())
            tell((place + (number + 1) / count) / len(HEEDED))
        found[f"{share:.0%} heed"] = _figures(np.concatenate(waits), np.concatenate(weights), later_s / trucks)
    return found


def heeded(wanted: Floats, share: float) -> tuple[Floats, float]:
    """Who comes by step (t,) when that share of those advised to another slot goes by it, and the seconds of delay of all.

    Nothing of the future is known: every half hour the plan is made of what came until then, as the service makes it.
    """
    came, delay = wanted.copy(), 0.0
    parameters, capacity = GateParameters(), port.CAPACITY_H * SLOT_S / 3600.0
    by_slot = wanted.reshape(-1, _EACH).sum(axis=1)  # who would come by themselves
    queue = waiting = 0.0  # of them, who was sent here from the slot before
    for slot in range(len(by_slot)):
        step = slot * _EACH
        if slot >= LEARN_DAYS * SLOTS_A_DAY and share > 0:
            foreseen = gate.arrivals_ahead(by_slot[max(0, slot - 7 * SLOTS_A_DAY) : slot], SLOTS_AHEAD)
            foreseen[0] += waiting
            advice = gate.advise(queue, foreseen, capacity, parameters)
            coming = float(came[step : step + _EACH].sum())
            moved = (
                min(np.floor(share * coming * advice.moved[0] / max(foreseen[0], 1.0)), coming) if advice.moved[0] > 0 else 0.0
            )
            waiting = 0.0
            if moved >= 1 and step + 2 * _EACH <= len(came):
                piece = came[step : step + _EACH]
                came[step : step + _EACH] = piece * (1.0 - moved / coming)
                came[step + _EACH : step + 2 * _EACH] += moved / _EACH
                waiting, delay = moved, delay + moved * SLOT_S
        there = came[step : step + _EACH].copy()
        there[0] += queue
        queue = float(port.gate_of(there, STEP_S).waiting[-1])
    return came, delay


def _figures(wait_s: Floats, trucks: Floats, later_s: float) -> dict[str, float]:
    known = np.isfinite(wait_s) & (trucks > 0)
    wait, weight = wait_s[known] / 60.0, trucks[known]
    order = np.argsort(wait)
    shares = np.cumsum(weight[order]) / weight.sum()
    return {
        "wait_min_mean": round(float((wait * weight).sum() / weight.sum()), 1),
        "wait_min_p95": round(float(wait[order][np.searchsorted(shares, 0.95)]), 1),
        "longer_than_30_min_percent": round(100.0 * float(weight[wait > 30.0].sum() / weight.sum()), 1),
        "came_later_min_mean": round(later_s / 60.0, 1),
    }
