"""Do-not-pass warning (逆向超车预警, T/CSAE 53 application 5): the host pulls out to overtake, and somebody comes.

Pulling out is told by the turn signal, by the drift, or by where the host is beside the one it overtakes; to which side follows
from where the oncoming vehicle is, so that it holds for either direction of travel and either side of the road.
docs/applications/dnpw.md has the reasons and limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.applications.conflicts import DnpwParameters
from chelu.motion.footprints import rightward
from services.inference.reports import Floats, Ints, Lamp
from services.inference.types import Mask
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.reactions import in_time_s, on_level
from services.inference.v2x.scene import Scene, Views, wrapped_deg

NAME = "dnpw"


@dataclass(frozen=True, slots=True)
class _Overtaken:
    """Per track, the vehicle that it may be overtaking: its heading (NaN none), whether it is beside, seconds to pass it."""

    heading_deg: Floats
    is_beside: Mask
    passing_s: Floats


def assess(scene: Scene, parameters: DnpwParameters) -> list[Assessment]:
    """Findings for who overtakes."""
    p, tracks = parameters, scene.tracks
    overtaken, views = _overtaken(scene, p), scene.views
    views = views.where(
        np.isfinite(overtaken.heading_deg[views.host])
        & (np.abs(views.turn_deg) >= p.oncoming_deg)
        & (views.ahead_m > 0)
        & (views.gap_m > 0)
        & tracks.is_vehicle[views.other]
        & (np.minimum(tracks.speed_mps[views.host], tracks.speed_mps[views.other]) >= p.least_speed_mps)
    )
    views = views.where(scene.roads.is_single_lane(tracks.slots[views.host]))
    views = views.where(~scene.roads.is_in_junction(tracks.slots[views.other]))  # there its heading tells of no lane
    host = views.host
    meets_s = views.gap_m / np.maximum(tracks.speed_mps[host] + tracks.speed_mps[views.other], 0.1)
    warns = _goes_out(scene, views, overtaken, p) & (
        meets_s <= np.minimum(overtaken.passing_s[host] + in_time_s(tracks, host, p.margin_s), p.horizon_s)
    )
    level = level_of(imminent=warns & (meets_s <= p.imminent_s), warns=warns, holds=warns)
    required = on_level(tracks, host, tracks.speed_mps[host] ** 2 / np.maximum(views.gap_m, 0.1))
    return [assessment(NAME, tracks, views, level=level, ttc_s=meets_s, required_mps2=required, distance_m=views.gap_m)]


def _goes_out(scene: Scene, views: Views, overtaken: _Overtaken, p: DnpwParameters) -> Mask:
    """Whether the host pulls out into the other's lane, is on its way there, or drives in it beside the one it overtakes.

    Where the lane lies is told by the other's own heading: the host may be slanting while it pulls out, the other keeps to its
    lane.
    """
    tracks, host = scene.tracks, views.host
    road_deg = tracks.heading_deg[views.other, 0] + 180.0
    aside = np.einsum("qk,qk->q", tracks.xy[views.other, 0] - tracks.xy[host, 0], rightward(road_deg))
    side = np.sign(aside)
    is_straight = np.abs(wrapped_deg(overtaken.heading_deg[host] - road_deg)) <= p.straight_deg
    slant = wrapped_deg(tracks.heading_deg[host, 0] - overtaken.heading_deg[host])
    on_lane = scene.roads.slants_deg(tracks.slots[host])  # before a bend the one ahead is turned, and nobody pulls out
    slant = np.where(side * on_lane < side * slant, on_lane, slant)
    drift = tracks.speed_mps[host] * np.sin(np.radians(slant))
    means_to = (side * drift >= p.drift_mps) | (side == _signal(tracks.lights[host]))
    is_beside = overtaken.is_beside[host]
    begins = ~is_beside & (np.abs(aside) <= p.next_lane_m) & means_to
    is_half_out = is_beside & (np.abs(aside) <= p.half_out_m) & means_to
    is_out = is_beside & (np.abs(aside) <= p.own_lane_m)
    return np.asarray(is_straight & (begins | is_half_out | is_out))


def _leaders(scene: Scene, p: DnpwParameters) -> Views:
    """Those that each host may be overtaking: ahead, or beside it until it can return."""
    views, tracks = scene.views, scene.tracks
    reach = p.leader_s * tracks.speed_mps[views.host]
    return views.where(
        (np.abs(views.turn_deg) <= 30.0)
        & (views.ahead_m > -p.return_m)
        & (views.gap_m <= reach)
        & (np.abs(views.aside_m) <= p.leader_aside_m)
        & tracks.is_vehicle[views.other]
        & (tracks.speed_mps[views.other] <= tracks.speed_mps[views.host] + 2.0)
    )


def _overtaken(scene: Scene, p: DnpwParameters) -> _Overtaken:
    """Of several that a host may be overtaking the nearest counts: written far to near, the nearest stays."""
    tracks, leaders = scene.tracks, _leaders(scene, p)
    leaders = leaders.take(np.argsort(-leaders.gap_m, kind="stable"))
    host, other = leaders.host, leaders.other
    heading, beside = np.full(len(tracks.slots), np.nan), np.zeros(len(tracks.slots), np.bool_)
    passing = np.zeros(len(tracks.slots))
    heading[host] = tracks.heading_deg[other, 0]
    beside[host] = leaders.overlap_m < 0.0
    way = leaders.ahead_m + (tracks.size_m[host, 0] + tracks.size_m[other, 0]) / 2.0 + p.return_m
    faster = np.maximum(tracks.speed_mps[host] - tracks.speed_mps[other], 0.0)
    rate = p.overtaking_mps2
    passing[host] = (np.sqrt(faster**2 + 2.0 * rate * np.maximum(way, 0.0)) - faster) / rate
    return _Overtaken(heading, beside, passing)


def _signal(lights: Ints) -> Floats:
    """The side that the turn signal points to: −1 left, 1 right, 0 none (or both)."""
    left, right = (lights & Lamp.LEFT) > 0, (lights & Lamp.RIGHT) > 0
    return np.asarray(right.astype(np.float64) - left)
