"""Vulnerable road user collision warning (弱势交通参与者碰撞预警, T/CSAE 53 application 12): a pedestrian or cyclist in the way.

Most have no radio: a roadside unit sees them. They may be seen late, so a near contact is warned of at the first message.
docs/applications/vrucw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.conflicts import VrucwParameters
from chelu.motion.footprints import forward, rightward
from services.inference.reports import Floats
from services.inference.types import Mask
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.crossing import is_likely, needs_of
from services.inference.v2x.reactions import in_time_s, is_noticeable
from services.inference.v2x.scene import Scene, Views, headings_at, places_at
from services.inference.v2x.sideways import strays_m

NAME = "vrucw"
_ALONG = 0.2  # sine of the angle within which somebody walks along the road
_LEAVES_M = 0.7  # who will be so much further off the pavement leaves it
_ALONG_ROAD_DEG = 20.0  # a host that points further aside of its lane may leave the road
_LONG_M = 6.0
_SURE_S = 2.5  # so long before a contact, and longer, `least_probability` is asked for


def assess(scene: Scene, parameters: VrucwParameters) -> list[Assessment]:
    """Findings for vehicles."""
    p, tracks = parameters, scene.tracks
    views = scene.views
    views = views.where(
        ~tracks.is_vehicle[views.other] & is_likely(views, p) & (tracks.speed_mps[views.host] >= p.least_speed_mps)
    )
    needs, contact = needs_of(tracks, views, p), views.contact_s()
    is_hard = needs.host_mps2 >= p.hard_mps2
    least_mps2, speed = p.least_need_mps2 * tracks.grip[views.host], tracks.speed_mps[views.host]
    must_brake = is_hard | is_noticeable(needs.host_stop_mps2, speed, least_mps2, p)
    is_needed = must_brake & (needs.host_stop_mps2 >= least_mps2 / 2.0)
    warn_s = in_time_s(tracks, views.host, p.warn_s)
    least = np.interp(contact, (p.imminent_s, _SURE_S), (p.near_probability, p.least_probability))
    is_needed &= ~_is_beside(scene, views, p) & ~_walks_behind(scene, views, p)
    warns = is_needed & ((contact <= warn_s) | is_hard) & (views.probability >= least)
    warns[warns] = ~_keeps_to_pavement(scene, views.where(warns), p)
    level = level_of(
        imminent=warns & (contact <= p.imminent_s), warns=warns, holds=is_needed & (contact <= np.maximum(warn_s, 4.0))
    )
    return [assessment(NAME, tracks, views, level=level, ttc_s=contact, required_mps2=needs.host_mps2, distance_m=needs.way_m)]


def _is_beside(scene: Scene, views: Views, p: VrucwParameters) -> Mask:
    """Who stands or walks along the road, in the middle beside the host's flank, where a map tells that it keeps to its lane."""
    tracks = scene.tracks
    host, other = views.host, views.other
    across_mps = tracks.speed_mps[other] * np.abs(np.sin(np.radians(views.turn_deg)))
    straight = np.einsum("qk,qk->q", tracks.xy[other, 0] - tracks.xy[host, 0], rightward(tracks.heading_deg[host, 0]))
    away = np.where(
        np.abs(np.sin(np.radians(views.turn_deg))) < _ALONG, views.aside_m, straight
    )  # who walks along tells of bends
    is_aside = np.abs(away + strays_m(scene, host)) > tracks.size_m[host, 1] / 2.0
    return np.asarray((across_mps < p.least_crossing_mps) & is_aside)


def _walks_behind(scene: Scene, views: Views, p: VrucwParameters) -> Mask:
    """Who would walk against the rear half of a car that has passed before it: braking would put the car in its way.

    Long vehicles are not spared: their rear half comes over those beside it when they turn.
    """
    tracks, contact = scene.tracks, views.contact_s()
    heading = headings_at(tracks, views.host_way, contact)
    apart = places_at(tracks, views.other_way, contact) - places_at(tracks, views.host_way, contact)
    is_past = np.einsum("qk,qk->q", apart, forward(heading)) < 0.0
    turn = np.radians(headings_at(tracks, views.other_way, contact) - heading)
    crosses = tracks.speed_mps[views.other] * np.abs(np.sin(turn)) >= p.least_crossing_mps
    return np.asarray(is_past & crosses & (tracks.size_m[views.host, 0] <= _LONG_M))


def _keeps_to_pavement(scene: Scene, views: Views, p: VrucwParameters) -> Mask:
    """Who stands or walks where a map has a pavement, as near as errors allow, and will not be further off it at the contact.

    As long as the host keeps to its road. One who has stepped down, and so was warned of, stays warned of while it stands.
    """
    slots, contact = scene.tracks.slots[views.other], np.nan_to_num(views.contact_s(), posinf=0.0)
    lingers_m = scene.roads.lingers_m(slots)  # who stands is where it was seen on average
    now_m, then_m = (
        scene.roads.off_pavements_m(slots, places_at(scene.tracks, views.other_way, at_s) + lingers_m)
        for at_s in (np.zeros(len(views)), contact)
    )
    leaves_m = np.minimum(p.least_crossing_mps * contact, _LEAVES_M)
    stays = (now_m <= p.kerb_m) & (then_m < now_m + leaves_m)
    return np.asarray(stays & _keeps_to_road(scene, views, contact))


def _keeps_to_road(scene: Scene, views: Views, until_s: Floats) -> Mask:
    """Whether hosts drive along their lanes; in a junction, where they turn, whether no half of them comes over a pavement."""
    tracks = scene.tracks
    slots = tracks.slots[views.host]
    is_along = np.abs(scene.roads.slants_deg(slots)) <= _ALONG_ROAD_DEG  # NaN compares false
    off_m = scene.roads.off_pavements_m(slots, places_at(tracks, views.host_way, until_s))
    turns = scene.roads.is_in_junction(slots) & (off_m >= tracks.size_m[views.host, 1] / 2.0)
    return np.asarray(is_along | turns)
