"""Emergency brake warning (紧急制动预警, T/CSAE 53 application 6): a vehicle ahead brakes hard, also one hidden behind others.

The event warns before the gap does: docs/applications/ebw.md has the reasons and limits.
"""

from __future__ import annotations

import numpy as np

from chelu.applications.conflicts import EbwParameters
from chelu.motion.following import mttc_s, required_deceleration_mps2
from services.inference.reports import Event
from services.inference.v2x.assessment import Assessment, assessment, level_of
from services.inference.v2x.reactions import on_level, reaction_s
from services.inference.v2x.scene import Scene

NAME = "ebw"


def assess(scene: Scene, parameters: EbwParameters) -> list[Assessment]:
    """Findings for those who follow."""
    p, tracks = parameters, scene.tracks
    views = scene.views
    rate = tracks.acceleration_mps2[views.other]
    says_so = (tracks.events[views.other] & Event.HARD_BRAKING) > 0
    views = views.where(
        ((rate <= -p.hold_mps2 * tracks.grip[views.other]) | says_so)
        & (views.gap_m > 0)
        & (views.ahead_m > 0)
        & (views.ahead_m <= p.range_m)
        & (np.abs(views.turn_deg) <= p.heading_deg)
        & (views.overlap_m >= p.overlap_m)
        & tracks.is_vehicle[views.other]
        & (tracks.speed_mps[views.host] >= p.least_speed_mps)
    )
    views = views.where(scene.roads.leads_to(tracks.slots[views.host], tracks.slots[views.other]))
    host, other = views.host, views.other
    speed, ahead = tracks.speed_mps[host], tracks.speed_mps[other] * np.cos(np.radians(views.turn_deg) / 2.0)
    says_so = (tracks.events[other] & Event.HARD_BRAKING) > 0
    hard = p.hard_mps2 * tracks.grip[other]  # where it is slippery nobody brakes harder than the road allows
    rate = np.where(says_so, np.minimum(tracks.acceleration_mps2[other], -hard), tracks.acceleration_mps2[other])
    gap = np.maximum(views.gap_m, 0.0)
    required = on_level(tracks, host, required_deceleration_mps2(gap, speed, ahead, rate, reaction_s(tracks, host, p)))
    ttc = mttc_s(gap, speed - ahead, -rate)
    level = level_of(
        imminent=(rate <= -hard) & (required >= p.imminent_mps2),
        warns=(rate <= -hard) & (required >= p.need_mps2),
        holds=required >= p.need_mps2,
    )
    return [assessment(NAME, tracks, views, level=level, ttc_s=ttc, required_mps2=required, distance_m=views.gap_m)]
