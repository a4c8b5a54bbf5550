"""Forward collision warning (前向碰撞预警, T/CSAE 53 application 1): the host drives up on a vehicle ahead on its own path.

The host is warned when it could only avoid the vehicle ahead by braking harder than drivers ordinarily do: the deceleration
needed, after a reaction time, if the leader goes on as it does (a leader that brakes comes to rest). A queue at a red light is
approached with less than that; a leader's hard braking raises it at once. docs/applications/fcw.md has the reasons and limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chelu.motion.following import mttc_s, required_deceleration_mps2
from chelu.motion.footprints import forward, rightward
from services.inference.pairs import Mask, Pairs, Tracks
from services.inference.parameters import parameter
from services.inference.reports import Floats, Ints
from services.inference.v2x.assessment import Assessment, both_ways

NAME = "fcw"


@dataclass(frozen=True, slots=True)
class FcwParameters:
    """Defaults and their sources; docs/applications/fcw.md carries this as a table."""

    reaction_s: float = parameter(0.8, "s", "driver's reaction to a warning; UNECE R157's careful driver: 0.75 s", high=3.0)
    braking_reaction_s: float = parameter(0.2, "s", "a host that brakes already has reacted; brake build-up only", high=3.0)
    is_braking_mps2: float = parameter(-1.0, "m/s²", "more than engine braking", low=-5.0, high=0.0)
    warn_mps2: float = parameter(4.8, "m/s²", "above SUMO's and drivers' ordinary braking of up to 4.5 m/s²", high=12.0)
    imminent_mps2: float = parameter(
        6.5, "m/s²", "about full braking; UNECE R157's careful driver: 0.774 g = 7.6 m/s²", high=12.0
    )
    hold_share: float = parameter(
        0.7, "1", "hysteresis: a warning stays while the need is above this share of warn_mps2", high=1.0
    )
    longest_ttc_s: float = parameter(4.0, "s", "beyond, drivers judge for themselves; ISO 15623 warns below this", high=10.0)
    least_speed_mps: float = parameter(3.0, "m/s", "stop-and-go at walking pace is left to the driver", high=20.0)
    least_closing_mps: float = parameter(1.0, "m/s", "slower closing is following", high=20.0)
    heading_deg: float = parameter(45.0, "°", "a leader goes the same way: at most this turned, also in a bend", high=90.0)
    overlap_m: float = parameter(
        0.4, "m", "least sideways overlap to count as on the same path (position 1.5 m, T/CSAE 53)", high=2.0
    )


def assess(pairs: Pairs, parameters: FcwParameters, leads_to: Callable[[Ints, Ints], Mask]) -> Assessment:
    """Findings for every ordered pair in which the host speaks (or is told by who sees it: nobody else can be warned).

    leads_to(host slots, other slots): whether the host's lane leads to the other's; true where the roads cannot tell.
    """
    p, tracks = parameters, pairs.tracks
    host, other = both_ways(pairs.a, pairs.b)
    gap, is_ahead = _on_path(tracks, host, other, p)
    speed, ahead = tracks.speed_mps[host], _along_speed(tracks, host, other)
    concerned = is_ahead & tracks.speaks[host] & tracks.is_vehicle[host]
    concerned &= (speed >= p.least_speed_mps) & (speed - ahead >= -3.0)
    concerned[concerned] = leads_to(tracks.slots[host[concerned]], tracks.slots[other[concerned]])
    host, other = host[concerned], other[concerned]
    gap, speed, ahead = gap[concerned], speed[concerned], ahead[concerned]
    rate, leader_rate = tracks.acceleration_mps2[host], tracks.acceleration_mps2[other]
    reaction = np.where(rate <= p.is_braking_mps2, p.braking_reaction_s, p.reaction_s)
    required = required_deceleration_mps2(gap, speed, ahead, leader_rate, reaction)
    ttc = mttc_s(gap, speed - ahead, np.maximum(-leader_rate, 0.0))
    level = _levels(required, ttc, speed - ahead, leader_rate, p)
    kept = level >= 0
    return Assessment(
        NAME, tracks.slots[host[kept]], tracks.slots[other[kept]], level[kept], ttc[kept], required[kept], gap[kept]
    )


def _levels(required: Floats, ttc: Floats, closing: Floats, leader_rate: Floats, p: FcwParameters) -> Ints:
    """2 imminent, 1 warn, 0 hold, −1 nothing."""
    danger = (ttc <= p.longest_ttc_s) & ((closing >= p.least_closing_mps) | (leader_rate <= -p.warn_mps2))
    raised = np.where(required >= p.imminent_mps2, 2, np.where(required >= p.warn_mps2, 1, 0))
    held = (required >= p.warn_mps2 * p.hold_share) & (ttc <= 1.5 * p.longest_ttc_s)
    return np.where(danger & (raised > 0), raised, np.where(held, 0, -1))


def _on_path(tracks: Tracks, host: Ints, other: Ints, p: FcwParameters) -> tuple[Floats, Mask]:
    """Gap bumper to bumper, and whether `other` is ahead on the host's path.

    On a circle through both the bearing to the other is half the difference of their headings: what is left sideways is the
    offset from the host's path, on straight roads and in bends alike, without trusting anybody's yaw rate.
    """
    offset = tracks.xy[other, 0] - tracks.xy[host, 0]
    turn = _turn(tracks, host, other)
    chord = tracks.heading_deg[host, 0] + turn / 2.0
    along = np.sum(offset * forward(chord), axis=1)
    aside = np.abs(np.sum(offset * rightward(chord), axis=1))
    gap = along - (tracks.size_m[host, 0] + tracks.size_m[other, 0]) / 2.0
    room = (tracks.size_m[host, 1] + tracks.size_m[other, 1]) / 2.0 - p.overlap_m
    return np.maximum(gap, 0.0), np.asarray((along > 0) & (aside <= room) & (np.abs(turn) <= p.heading_deg))


def _along_speed(tracks: Tracks, host: Ints, other: Ints) -> Floats:
    """The other's speed along the path they share."""
    return np.asarray(tracks.speed_mps[other] * np.cos(np.radians(_turn(tracks, host, other)) / 2.0))


def _turn(tracks: Tracks, host: Ints, other: Ints) -> Floats:
    """How far the other points to the right of the host, −180 … 180°."""
    return np.asarray(np.mod(tracks.heading_deg[other, 0] - tracks.heading_deg[host, 0] + 180.0, 360.0) - 180.0)
