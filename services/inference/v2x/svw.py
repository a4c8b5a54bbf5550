"""Signal violation warning (闯红灯预警, T/CSAE 53 application 11): the host will cross its stop line on red.

Judged by how hard it would have to brake after a reaction, whichever way it goes on: drivers who mean to stop begin before that
is uncomfortable. Where it may turn right although straight on is red, slowing down for the turn is enough.
docs/applications/svw.md has the reasons and limits.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from chelu.applications.rules import SvwParameters
from services.inference.reports import Ints
from services.inference.signals import Light
from services.inference.v2x.assessment import Assessment, Subject, about_things, level_of
from services.inference.v2x.obligation import obligation
from services.inference.v2x.reactions import in_time_s, is_noticeable, on_level
from services.inference.v2x.scene import Scene

NAME = "svw"
KIND = "stop line"


def assess(scene: Scene, parameters: SvwParameters) -> list[Assessment]:
    """Findings for hosts with a line ahead."""
    p, hosts, first = parameters, scene.hosts, scene.first_lines
    rows = np.flatnonzero(
        (first.distance_m <= p.range_m)
        & (first.distance_m > -p.margin_m)
        & first.is_certain
        & (hosts.speed_mps >= p.least_speed_mps)
    )
    if not len(rows):
        return []
    hosts, first = scene.hosts.where(rows), first.take(rows)
    brakes = hosts.acceleration_mps2 <= p.is_braking_mps2
    asks = partial(obligation, scene.signals, first, hosts.speed_mps, margin_m=p.margin_m, turn_mps=p.turn_mps)
    asked = asks(reaction_s=p.reaction_s)
    is_asked, everybody = asked.need_mps2 > 0, np.arange(len(hosts))
    need = on_level(hosts, everybody, asked.need_mps2)
    late = asked.late_mps2 / hosts.grip  # by choice people slow down as quickly on a slope as on the level
    if hosts.haste_s.any():  # told earlier, or braking longer: both at once would count a wet road twice
        late = np.maximum(late, asks(reaction_s=in_time_s(hosts, everybody, p.reaction_s)).late_mps2)
    is_asked &= ~(asked.is_yellow & (need > p.yellow_mps2))
    must_brake = is_noticeable(need, hosts.speed_mps, p.least_need_mps2 * hosts.grip, p)
    level = level_of(
        imminent=is_asked & (need >= p.imminent_mps2),
        warns=is_asked & (late >= p.warn_mps2) & must_brake & ~brakes,
        holds=is_asked & (need >= p.hold_mps2),
    )
    return [
        about_things(
            NAME, scene.hosts, rows, first.lane + 1, level=level, ttc_s=asked.arrive_s, required_mps2=need,
            distance_m=first.distance_m, subject=partial(_line, scene, first.lane, asked.movement),
        )
    ]  # fmt: skip


def _line(scene: Scene, lane: Ints, movement: Ints, row: int) -> Subject:
    signals, at = scene.signals, int(lane[row])
    return Subject(KIND, signals.line_name(at), signals.place(at), facts_of(scene, int(movement[row])))


def facts_of(scene: Scene, movement: int) -> dict[str, Any]:
    """What is told of a movement's signal."""
    phase, light, end_s = scene.signals.shown(movement)
    return {"phase": phase, "light": Light(light).name.lower(), "remaining_s": end_s}
