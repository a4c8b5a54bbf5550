"""Left-turn assist (左转辅助, T/CSAE 53 application 3): the host turns across the path of an oncoming vehicle.

Told by what the host does, not by where it is: its future turns, the other comes towards it and goes straight on. Which side the
turn is to follows from where the oncoming traffic is. docs/applications/lta.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.conflicts import LtaParameters
from services.inference.pairs import Tracks, swept
from services.inference.types import Mask
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.crossing import can_be_driven, is_likely, needs_of, yields
from services.inference.v2x.obligation import are_held_apart
from services.inference.v2x.reactions import in_time_s
from services.inference.v2x.scene import Scene, Views, angle_at_deg, turned_deg

NAME = "lta"
_ONCOMING_DEG = 105.0  # also when the host has begun to turn
_TURNS_DEG = 12.0
_STRAIGHT_DEG = 12.0


def assess(scene: Scene, parameters: LtaParameters) -> list[Assessment]:
    """Findings for the turning vehicle; the oncoming one is warned by the intersection collision warning."""
    p, tracks = parameters, scene.tracks
    views, contact = scene.views, scene.views.contact_s()
    views = views.where(
        is_likely(views, p)
        & (contact <= in_time_s(tracks, views.host, p.warn_s))
        & tracks.is_vehicle[views.other]
        & (tracks.speed_mps[views.other] >= p.least_oncoming_mps)
        & (tracks.speed_mps[views.host] >= p.least_speed_mps)
    )
    views = views.where(turns_across(tracks, views))
    views = views.where(can_be_driven(swept(tracks, views.host_way), views.contact_s()))
    views = views.where(scene.roads.may_cross(tracks.slots[views.host], tracks.slots[views.other]))
    views = views.where(~are_held_apart(scene, views))
    contact = views.contact_s()
    views = views.where(angle_at_deg(tracks, views.host_way, views.other_way, contact) >= p.least_angle_deg)
    needs, contact = needs_of(tracks, views, p), views.contact_s()
    brakes = tracks.acceleration_mps2[views.host] <= p.is_braking_mps2
    least = np.where(brakes, p.hard_mps2, p.least_need_mps2)
    warns = needs.host_stop_mps2 >= least * tracks.grip[views.host]
    warns &= ~yields(tracks, views.other, needs.other_stop_mps2, p)
    level = level_of(
        imminent=warns & (contact <= p.imminent_s) & np.isfinite(views.first_s),
        warns=warns,
        holds=contact <= in_time_s(tracks, views.host, p.warn_s),
    )
    return [assessment(NAME, tracks, views, level=level, ttc_s=contact, required_mps2=needs.host_mps2, distance_m=needs.way_m)]


def turns_across(tracks: Tracks, views: Views) -> Mask:
    """Whether the host turns across the path of one that comes towards it and goes straight on."""
    contact = views.contact_s()
    host_turn, other_turn = (turned_deg(tracks, side, contact) for side in (views.host_way, views.other_way))
    return np.asarray(
        (np.abs(views.turn_deg) >= _ONCOMING_DEG) & (np.abs(host_turn) >= _TURNS_DEG) & (np.abs(other_turn) <= _STRAIGHT_DEG)
    )
