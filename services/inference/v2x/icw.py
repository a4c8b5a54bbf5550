"""Intersection collision warning (交叉路口碰撞预警, T/CSAE 53 application 2): two paths cross, and neither vehicle yields.

A conflict is an overlap of both footprints on their predicted futures at crossing headings. While one of the two can still leave
the place to the other with ordinary braking it may be about to, so nobody is warned before contact is near; then both are.
docs/applications/icw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.conflicts import IcwParameters
from services.inference.pairs import swept
from services.inference.types import Mask
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.crossing import can_be_driven, is_likely, needs_of, yields
from services.inference.v2x.lta import turns_across
from services.inference.v2x.obligation import are_held_apart
from services.inference.v2x.reactions import in_time_s, is_noticeable
from services.inference.v2x.scene import Scene, Views, angle_at_deg

NAME = "icw"
_SHARED_BEND_DEG = 100.0  # of two whose lanes follow one another, also across a junction


def assess(scene: Scene, parameters: IcwParameters) -> list[Assessment]:
    """Findings for both vehicles of every crossing conflict, as far as they speak; who turns across is the left-turn assist's."""
    p, tracks = parameters, scene.tracks
    views = scene.views.where(_crosses(scene, p))
    views = views.where(~_follow(scene, views, p))
    contact = views.contact_s()
    host, other = (swept(tracks, ways) for ways in (views.host_way, views.other_way))
    views = views.where(can_be_driven(host, contact) & can_be_driven(other, contact))
    views = views.where(~turns_across(tracks, views))
    views = views.where(scene.roads.may_cross(tracks.slots[views.host], tracks.slots[views.other]))
    views = views.where(~are_held_apart(scene, views))
    needs, contact = needs_of(tracks, views, p), views.contact_s()
    both = np.minimum(needs.host_mps2, needs.other_mps2)
    is_late = contact <= in_time_s(tracks, views.host, p.brake_now_s)
    is_late &= is_noticeable(needs.host_stop_mps2, tracks.speed_mps[views.host], p.least_need_mps2 * tracks.grip[views.host], p)
    is_late &= needs.other_stop_mps2 >= p.other_need_mps2 * tracks.grip[views.other]
    warns = (both >= p.yield_mps2) | is_late
    warns &= ~yields(tracks, views.host, needs.host_stop_mps2, p) & ~yields(tracks, views.other, needs.other_stop_mps2, p)
    level = level_of(
        imminent=warns & (contact <= p.imminent_s) & np.isfinite(views.first_s),
        warns=warns,
        holds=(both >= p.yield_mps2 * p.hold_share) | is_late,
    )
    return [assessment(NAME, tracks, views, level=level, ttc_s=contact, required_mps2=needs.host_mps2, distance_m=needs.way_m)]


def _crosses(scene: Scene, p: IcwParameters) -> Mask:
    """Views of vehicles that will meet within the horizon, both moving, at crossing headings, and do not overlap already."""
    views, tracks = scene.views, scene.tracks
    contact = views.contact_s()
    angle = angle_at_deg(tracks, views.host_way, views.other_way, contact)
    slower = np.minimum(tracks.speed_mps[views.host], tracks.speed_mps[views.other])
    return np.asarray(
        is_likely(views, p)
        & (contact <= p.horizon_s)
        & tracks.is_vehicle[views.other]
        & (slower >= p.least_speed_mps)
        & (angle >= p.least_angle_deg)
        & (angle <= p.most_angle_deg)
    )


def _follow(scene: Scene, views: Views, p: IcwParameters) -> Mask:
    """Views of two on one path, of whom the one ahead turns off: the forward collision warning has them."""
    slots = scene.tracks.slots
    host, other = slots[views.host], slots[views.other]
    is_known = np.isfinite(scene.roads.slants_deg(host)) & np.isfinite(scene.roads.slants_deg(other))
    is_led = is_known & (scene.roads.leads_to(host, other) | scene.roads.leads_to(other, host))
    most_deg = np.where(is_led, _SHARED_BEND_DEG, p.follows_deg)
    return np.asarray((np.abs(views.turn_deg) <= most_deg) & (views.overlap_m >= 0.0) & (views.gap_m > 0))
