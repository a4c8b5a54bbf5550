"""Blind spot and lane change warning (盲区预警/变道预警, T/CSAE 53 application 4): the host moves over into another vehicle.

Warned is who says so (turn signal towards the other) while the other is beside it or comes up, and who drifts so that the
footprints will touch from the side. docs/applications/lcw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.conflicts import LcwParameters
from services.inference.futures import STEP_S
from services.inference.reports import Floats, Ints, Lamp
from services.inference.types import Mask
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.reactions import in_time_s
from services.inference.v2x.scene import Scene, Views, wrapped_deg

NAME = "lcw"
_LONGEST_S = 10.0  # no drift is carried further


def assess(scene: Scene, parameters: LcwParameters) -> list[Assessment]:
    """Findings for who moves over."""
    p, tracks = parameters, scene.tracks
    views = scene.views
    views = views.where(
        (np.abs(views.turn_deg) <= p.heading_deg)
        & (views.overlap_m < 0.0)
        & (views.overlap_m >= -p.most_aside_m)
        & tracks.is_vehicle[views.other]
        & (tracks.speed_mps[views.host] >= p.least_speed_mps)
    )
    is_beside, comes_s = _beside(views, p), _comes_up_s(scene, views)
    touches_s = _touches_s(scene, views, p)
    signals = _signals_towards(scene, views)
    drifts = touches_s <= p.drift_s
    warns = (signals & (is_beside | (comes_s <= in_time_s(tracks, views.host, p.closing_s)))) | drifts
    level = level_of(
        imminent=touches_s <= p.imminent_s, warns=warns, holds=(signals & is_beside) | (touches_s <= 1.5 * p.drift_s)
    )
    ttc, zero = np.minimum(touches_s, comes_s), np.zeros(len(views))
    return [assessment(NAME, tracks, views, level=level, ttc_s=ttc, required_mps2=zero, distance_m=-views.overlap_m)]


def _beside(views: Views, p: LcwParameters) -> Mask:
    """In the zone that mirrors do not show: from the host's middle to some metres behind its rear."""
    is_level = views.gap_m <= 0
    return np.asarray(
        (is_level & (views.ahead_m <= p.zone_ahead_m + 2.0)) | ((views.ahead_m < 0) & (views.gap_m <= p.zone_behind_m))
    )


def _comes_up_s(scene: Scene, views: Views) -> Floats:
    """Seconds until the other on the next lane is level with the host, whoever is faster; inf when they draw apart."""
    tracks = scene.tracks
    closing = -np.sign(views.ahead_m) * (tracks.speed_mps[views.other] - tracks.speed_mps[views.host])
    comes = closing > 0.5
    return np.where(comes, np.maximum(views.gap_m, 0.0) / np.where(comes, closing, 1.0), np.inf)


def _touches_s(scene: Scene, views: Views, p: LcwParameters) -> Floats:
    """Seconds until the sides touch if both go on to move as they do, and are then level; inf when they will not be.

    What counts is the circle through both; where roads tell that both lanes run beside one another, also how each slants on its
    own. It counts from where it is more than headings may be off.
    """
    tracks = scene.tracks
    slots = [tracks.slots[side] for side in (views.host, views.other)]
    keep_apart = scene.roads.are_beside(*slots) | ~scene.roads.may_cross(*slots)
    towards = np.sign(views.aside_m)
    (host, host_m), (other, other_m) = (
        _sideways(scene, side, to) for side, to in ((views.host, towards), (views.other, -towards))
    )
    nears = np.where(keep_apart, np.minimum(host + other, views.nears_mps), views.nears_mps)
    speed = np.maximum(tracks.speed_mps[views.host], tracks.speed_mps[views.other])
    least_mps = np.maximum(p.least_drift_mps, speed * np.sin(np.radians(p.sure_deg)))
    comes = (nears >= least_mps) & (~keep_apart | (host_m + other_m >= -views.overlap_m))
    time = np.where(comes, -views.overlap_m / np.where(comes, nears, 1.0), np.inf)
    length = (tracks.size_m[views.host, 0] + tracks.size_m[views.other, 0]) / 2.0
    there = views.ahead_m + (tracks.speed_mps[views.other] - tracks.speed_mps[views.host]) * np.minimum(time, _LONGEST_S)
    return np.where(np.abs(there) <= length, time, np.inf)


def _sideways(scene: Scene, side: Ints, towards: Floats) -> tuple[Floats, Floats]:
    """How fast each slants on its lane `towards` a side (right 1, left −1), and how far that will bring it.

    Who is turning back into its lane's direction moves sideways until it points there, and no further.
    """
    tracks = scene.tracks
    slant = towards * scene.roads.slants_deg(tracks.slots[side])
    rate = tracks.speed_mps[side] * np.sin(np.radians(slant))
    yaw = towards * wrapped_deg(tracks.heading_deg[side, 1] - tracks.heading_deg[side, 0]) / STEP_S
    turns_back = (slant > 0) & (yaw < 0)
    lasts_s = np.where(turns_back, slant / np.where(turns_back, -yaw, 1.0) / 2.0, np.inf)
    return rate, np.where(rate > 0, rate * np.minimum(lasts_s, _LONGEST_S), 0.0)


def _signals_towards(scene: Scene, views: Views) -> Mask:
    """Whether the host's turn signal points to the side that the other is on (hazard lights say nothing)."""
    lights = scene.tracks.lights[views.host]
    left, right = (lights & Lamp.LEFT) > 0, (lights & Lamp.RIGHT) > 0
    return np.asarray((left != right) & np.where(views.aside_m < 0, left, right))
