"""Forward collision warning (前向碰撞预警, T/CSAE 53 application 1): the host drives up on a vehicle on its own path.

One that goes the same way: warned when only braking harder than drivers ordinarily do avoids it, or when contact is so near that
a driver who has not begun to brake must begin now. One that comes towards the host on its own path: warned when their footprints
will meet. docs/applications/fcw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.conflicts import FcwParameters
from chelu.motion.following import mttc_s, required_deceleration_mps2, ttc_s
from services.inference.pairs import Tracks
from services.inference.reports import Floats, Ints
from services.inference.types import Mask
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.reactions import in_time_s, is_noticeable, on_level, reaction_s
from services.inference.v2x.scene import Scene, Views
from services.inference.v2x.sideways import ALONG_DEG, KEEPS_M, shifts_m

NAME = "fcw"
_DOUBT_M = 0.3  # two who are nearer than they sent: with `overlap_m`, what they sent must overlap, too
_PASSES = 0.05  # futures that touch less likely lead past one another, as those of who waits to turn and who goes on


def assess(scene: Scene, parameters: FcwParameters) -> list[Assessment]:
    """Findings of both kinds."""
    views, tracks = scene.views, scene.tracks
    ahead = views.where(
        (views.ahead_m > 0) & tracks.is_vehicle[views.other] & (tracks.speed_mps[views.host] >= parameters.least_speed_mps)
    )
    return [_same_way(scene, ahead, parameters), _head_on(scene, ahead, parameters)]


def _same_way(scene: Scene, views: Views, p: FcwParameters) -> Assessment:
    tracks = scene.tracks
    views = views.where((np.abs(views.turn_deg) <= p.heading_deg) & (views.overlap_m >= p.hold_overlap_m))
    views = views.where(scene.roads.leads_to(tracks.slots[views.host], tracks.slots[views.other]))
    host, other, gap = views.host, views.other, np.maximum(views.gap_m, 0.0)
    speed = tracks.speed_mps[host]
    ahead = tracks.speed_mps[other] * np.cos(np.radians(views.turn_deg) / 2.0)  # along the path that both share
    leader_rate, closing = tracks.acceleration_mps2[other], speed - ahead
    along = required_deceleration_mps2(gap, speed, ahead, leader_rate, reaction_s(tracks, host, p))
    required = on_level(tracks, host, along)
    ttc = mttc_s(gap, closing, np.maximum(-leader_rate, 0.0))
    longest_s = in_time_s(tracks, host, p.longest_ttc_s)
    is_danger = (ttc <= longest_s) & ((closing >= p.least_closing_mps) | (leader_rate <= -p.warn_mps2 * tracks.grip[other]))
    will_overlap, leaves = _then(scene, views, np.minimum(ttc, longest_s), p)
    is_late = will_overlap & _is_late(tracks, host, gap, (ahead, leader_rate), p)
    need_now = required_deceleration_mps2(gap, speed, ahead, leader_rate, np.zeros(len(host)))
    must_brake = is_noticeable(need_now, closing, p.least_need_mps2 * tracks.grip[host], p)
    holds = (required >= p.warn_mps2 * p.hold_share) & (ttc <= 1.5 * longest_s)
    is_on_path = (_overlap_m(scene, views) >= p.overlap_m) & (np.isfinite(views.first_s) | (views.probability >= _PASSES))
    is_on_path &= ~leaves
    level = level_of(
        imminent=is_danger & is_on_path & must_brake & (required >= p.imminent_mps2),
        warns=is_danger & is_on_path & must_brake & ((required >= p.warn_mps2) | is_late),
        holds=holds | (is_late & (closing > 0)),
    )
    # Footprints that cover one another now are not a collision to come: one road user told twice, or one that happened already.
    level = np.where((views.gap_m < 0) & (views.overlap_m > 0), -1, level)
    return assessment(NAME, tracks, views, level=level, ttc_s=ttc, required_mps2=required, distance_m=views.gap_m)


def _is_late(tracks: Tracks, host: Ints, gap_m: Floats, leader: tuple[Floats, Floats], p: FcwParameters) -> Mask:
    """Whether hosts should have begun to brake, and have not; leader: its speed and acceleration."""
    (ahead, rate), speed, grip = leader, tracks.speed_mps[host], tracks.grip[host]
    is_near = ttc_s(gap_m, speed, ahead) <= in_time_s(tracks, host, p.brake_now_s)
    reacts_s = in_time_s(tracks, host, p.reaction_s)  # in fog a driver is told earlier
    late = required_deceleration_mps2(gap_m, speed, ahead, rate, reacts_s)
    by_habit = np.maximum(late, _if_both_stop_mps2(gap_m, speed, ahead, reacts_s))
    has_begun = tracks.acceleration_mps2[host] <= p.begins_mps2
    is_due = np.where(has_begun, late >= p.begun_late_mps2 * grip, by_habit >= p.late_mps2 * grip)
    return np.asarray(is_near & is_due & (tracks.acceleration_mps2[host] > p.is_braking_mps2))


def _if_both_stop_mps2(gap_m: Floats, speed_mps: Floats, ahead_mps: Floats, reaction_s: Floats) -> Floats:
    """What braking it takes to stop behind a leader that stops as quickly: drivers who follow begin by it, not by its speed."""
    left_m = gap_m - speed_mps * reaction_s
    squares = np.maximum(speed_mps**2 - np.maximum(ahead_mps, 0.0) ** 2, 0.0)
    return np.where(left_m > 0, squares / (2.0 * np.where(left_m > 0, left_m, 1.0)), np.inf)


def _overlap_m(scene: Scene, views: Views) -> Floats:
    """Sideways overlap now: on one lane that of both beside its middle. One that stands askew says nothing of a bend.

    Drivers keep to the middle, but places that were sent much further apart than both are wide are not all errors.
    """
    slots, roads = scene.tracks.slots, scene.roads
    host, other = slots[views.host], slots[views.other]
    width = views.overlap_m + np.abs(views.aside_m)
    apart, sent = (np.abs(aside(other) - aside(host)) for aside in (roads.asides_m, roads.sent_asides_m))
    on_lane = np.minimum(width - apart, width - sent + _DOUBT_M)
    is_known = roads.share_lane(host, other) & np.isfinite(apart)
    return np.where(is_known, np.minimum(views.overlap_m, on_lane), views.overlap_m)


def _then(scene: Scene, views: Views, after_s: Floats, p: FcwParameters) -> tuple[Mask, Mask]:
    """Whether they will still overlap after a time, and whether a straight road shows that they will not.

    By how both slant on such a road and turn; without one by how they draw apart.
    """
    leaves_mps = np.minimum(views.nears_mps + p.sure_drift_mps, 0.0)
    moved_m = shifts_m(scene, views.other, after_s) - shifts_m(scene, views.host, after_s)
    on_road = views.overlap_m + np.abs(views.aside_m) - np.abs(views.aside_m + moved_m)
    is_shown = np.isfinite(moved_m)
    overlap_m = np.where(is_shown, on_road, views.overlap_m + leaves_mps * after_s)
    overlaps = overlap_m >= p.overlap_m
    return overlaps, is_shown & ~overlaps


def _head_on(scene: Scene, views: Views, p: FcwParameters) -> Assessment:
    tracks = scene.tracks
    views = views.where((np.abs(views.turn_deg) >= p.head_on_deg) & np.isfinite(views.first_s) & (views.first_s > 0))
    views = views.where(tracks.speed_mps[views.other] >= p.least_oncoming_mps)
    in_junction = [scene.roads.is_in_junction(tracks.slots[side]) for side in (views.host, views.other)]
    views = views.where(~(in_junction[0] | in_junction[1]))  # there ways curve past one another
    views = views.where(~_keep_to_lanes(scene, views))
    host, other = views.host, views.other
    required = on_level(tracks, host, _half_way(views.gap_m, tracks.speed_mps[host], tracks.speed_mps[other]))
    head_on_s = in_time_s(tracks, host, p.head_on_s)
    is_deep = (views.overlap_m >= p.head_on_overlap_m) & (views.probability >= 0.5) & (views.taken >= p.least_taken)
    level = level_of(
        imminent=is_deep & (views.first_s <= head_on_s / 2.0),
        warns=is_deep & (views.first_s <= head_on_s),
        holds=views.first_s <= head_on_s,
    )
    return assessment(NAME, tracks, views, level=level, ttc_s=views.first_s, required_mps2=required, distance_m=views.gap_m)


def _keep_to_lanes(scene: Scene, views: Views) -> Mask:
    """Whether both are known to keep to their lanes, or to leave them to the far side: those of opposite directions lie apart."""
    keeps, towards = np.ones(len(views), np.bool_), np.sign(views.aside_m)
    for side in (scene.tracks.slots[views.host], scene.tracks.slots[views.other]):
        nears_deg = towards * scene.roads.slants_deg(side)
        keeps &= (np.abs(scene.roads.asides_m(side)) <= KEEPS_M) & (nears_deg <= ALONG_DEG)  # NaN compares false
    return keeps


def _half_way(gap_m: Floats, speed_mps: Floats, other_mps: Floats) -> Floats:
    """Deceleration to stop where the two would meet if both braked alike: the host's share of the gap is that of its way."""
    share = speed_mps**2 / np.maximum(speed_mps**2 + other_mps**2, 1e-9)
    return np.where(gap_m > 0, speed_mps**2 / (2.0 * np.where(gap_m > 0, gap_m, 1.0) * np.maximum(share, 1e-9)), np.inf)
