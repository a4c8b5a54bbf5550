"""Green-light speed advice (绿波车速引导, T/CSAE 53 application 13): how fast to drive so as to pass the next signals on green.

Advice, no warning. A range of speeds is cut, line by line along the straightest way, to those that reach each while it is green;
docs/applications/glosa.md has the reasons and limits.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from chelu.applications.rules import GlosaParameters
from services.inference.approach import LinesAhead
from services.inference.reports import Floats, Ints
from services.inference.stop_lines import MOST_LINES
from services.inference.types import Mask
from services.inference.v2x.assessment import NOTHING, WARNING, Assessment, Subject, about_things
from services.inference.v2x.scene import Scene
from services.inference.v2x.svw import KIND, facts_of

NAME = "glosa"
_STEP_MPS = 0.5  # advice is told in such steps, so that it changes only when that is worth telling


@dataclass(frozen=True, slots=True)
class Advice:
    """For n hosts: speeds from lowest to highest, how many lines in a row they pass on green, and when the first is free."""

    lowest_mps: Floats
    highest_mps: Floats
    lights: Ints
    free_from_s: Floats
    free_until_s: Floats

    def where(self, mask: Mask) -> Self:
        """These only."""
        return type(self)(*(getattr(self, one.name)[mask] for one in fields(self)))


def assess(scene: Scene, parameters: GlosaParameters) -> list[Assessment]:
    """Advice for hosts on their way to a line."""
    p, hosts, first = parameters, scene.hosts, scene.first_lines
    near = (first.distance_m <= p.range_m) & (first.distance_m >= p.least_m)
    rows = np.flatnonzero(near & (hosts.speed_mps >= p.least_mps))
    if not len(rows):
        return []
    lines = scene.signals.lines(hosts.slots[rows])
    advice = advised(lines, *_spans(scene, lines, p), hosts.speed_mps[rows], p)
    line, movement = lines.lane[:, 0], first.connection[rows, 0]

    def subject(row: int) -> Subject:
        at = int(line[row])
        facts = facts_of(scene, int(movement[row]))
        name, place = scene.signals.line_name(at), scene.signals.place(at)
        return Subject(KIND, name, place, facts, _told(advice, row, scene.signals.now_us))

    return [
        about_things(
            NAME, hosts, rows, line + 1, level=np.where(advice.lights > 0, WARNING, NOTHING),
            ttc_s=lines.distance_m[:, 0] / hosts.speed_mps[rows], required_mps2=np.zeros(len(rows)),
            distance_m=lines.distance_m[:, 0], subject=subject, is_advice=True,
        )
    ]  # fmt: skip


def advised(lines: LinesAhead, begin_s: Floats, end_s: Floats, speed_mps: Floats, p: GlosaParameters) -> Advice:
    """Speeds for n road users; begin_s, end_s (n, MOST_LINES, w): when each line is free."""
    n = len(speed_mps)
    low, high = np.full(n, p.least_mps), np.full(n, np.inf)
    lights, is_on = np.zeros(n, np.int64), np.ones(n, np.bool_)
    first = np.full((n, 2), np.nan)
    for line in range(MOST_LINES):
        way, limit = lines.distance_m[:, line], lines.limit_mps[:, line]
        limit = np.where(np.isnan(limit), speed_mps, limit)  # where none is known nobody is asked to drive faster
        lowest, highest = _speeds(way, speed_mps, begin_s[:, line], end_s[:, line], p)
        lowest = np.maximum(lowest, low[:, None])
        highest = np.minimum(np.minimum(highest, high[:, None]), limit[:, None])
        highest = np.where(highest - lowest >= 0.0, highest, -np.inf)
        best, row = np.argmax(highest, axis=1), np.arange(n)  # of several greens the one that is reached fastest
        is_on &= (lines.lane[:, line] >= 0) & np.isfinite(highest[row, best])
        low, high = np.where(is_on, lowest[row, best], low), np.where(is_on, highest[row, best], high)
        lights += is_on
        if line == 0:
            first = np.stack([begin_s[row, 0, best], end_s[row, 0, best]], axis=1)
    return Advice(low, high, lights, first[:, 0], first[:, 1])


def _spans(scene: Scene, lines: LinesAhead, p: GlosaParameters) -> tuple[Floats, Floats]:
    """When each line is free (n, lines, w), less the margins; what is free now may be used from now on."""
    begin, end = scene.signals.table.free_spans(lines.row, scene.signals.now_us, p.least_green_s)
    return np.where(begin > 0, begin + p.margin_s, begin), end - p.margin_s


def _speeds(way_m: Floats, speed_mps: Floats, begin_s: Floats, end_s: Floats, p: GlosaParameters) -> tuple[Floats, Floats]:
    """Lowest and highest speeds (n, w) with which one arrives within spans (n, w); inf and −inf where none does."""
    way, speed = (np.broadcast_to(one[:, None], begin_s.shape) for one in (np.where(np.isfinite(way_m), way_m, 1e6), speed_mps))
    highest = np.where(begin_s > 0, speed_to_arrive(way, speed, begin_s, p.slows_mps2, p.speeds_up_mps2), np.inf)
    lowest = np.where(np.isinf(end_s), 0.0, speed_to_arrive(way, speed, end_s, p.slows_mps2, p.speeds_up_mps2))
    is_span = np.isfinite(begin_s) & (end_s > begin_s)
    # Who cannot arrive so late (NaN) with gentle slowing down would come before the span; who cannot so early, after it.
    too_early, too_late = np.isnan(highest) & (begin_s * speed > way), np.isnan(lowest) & (end_s * speed < way)
    is_reached = is_span & ~too_early & ~too_late
    return np.where(is_reached, np.nan_to_num(lowest, nan=0.0), np.inf), np.where(
        is_reached, np.nan_to_num(highest, nan=np.inf), -np.inf
    )


def speed_to_arrive(way_m: Floats, speed_mps: Floats, after_s: Floats, slows_mps2: float, speeds_up_mps2: float) -> Floats:
    """The speed to go over to, at once and evenly, and then to keep, so as to have driven a way after a time; NaN: none does."""
    time = np.where(np.isfinite(after_s) & (after_s > 0), after_s, 1e6)
    slows = speed_mps * time >= way_m
    rate = np.where(slows, slows_mps2, -speeds_up_mps2)
    inner = (rate * time) ** 2 - 2.0 * rate * (speed_mps * time - way_m)
    root = np.sqrt(np.where(inner >= 0, inner, np.nan))
    return np.asarray(speed_mps - rate * time + np.where(slows, root, -root))


def _told(advice: Advice, row: int, now_us: int) -> dict[str, Any]:
    """Speeds to the step that lies within, instants to the second."""
    low, high = float(advice.lowest_mps[row]), float(advice.highest_mps[row])
    lowest, highest = np.ceil(low / _STEP_MPS) * _STEP_MPS, np.floor(high / _STEP_MPS) * _STEP_MPS
    until = float(advice.free_until_s[row])
    return {
        "lowest_mps": float(min(lowest, high)),
        "highest_mps": float(max(highest, min(lowest, high))),
        "lights": int(advice.lights[row]),
        "green_from_us": _second(now_us, float(advice.free_from_s[row])),
        "green_until_us": _second(now_us, until) if np.isfinite(until) else None,
    }


def _second(now_us: int, after_s: float) -> int:
    return round((now_us + after_s * 1e6) / 1e6) * 1_000_000
