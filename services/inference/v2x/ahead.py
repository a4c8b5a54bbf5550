"""Who comes to a vehicle that lies ahead on the host's road, whichever way that one points: shared by the event applications."""

from __future__ import annotations

import numpy as np

from chelu.motion.footprints import rightward
from services.inference.reports import Floats
from services.inference.types import Mask
from services.inference.v2x.scene import Scene, Views


def is_ahead(scene: Scene, views: Views, *, most_aside_m: float, range_m: float) -> Mask:
    """The other is ahead, on the own lane or the next, on the axis of the road."""
    tracks = scene.tracks
    offset = tracks.xy[views.other, 0] - tracks.xy[views.host, 0]
    straight = np.einsum("qk,qk->q", offset, rightward(tracks.heading_deg[views.host, 0]))
    aside = np.minimum(np.abs(views.aside_m), np.abs(straight))  # one that stands or slides askew says nothing of the bend
    tilt = np.abs(views.turn_deg - 180.0 * np.rint(views.turn_deg / 180.0))
    return np.asarray(
        (views.ahead_m > 0)
        & (views.gap_m > 0)
        & (views.ahead_m <= range_m)
        & (aside <= most_aside_m)
        & ((tilt <= 45.0) | (tracks.speed_mps[views.other] < 1.0))
    )


def reaches_s(scene: Scene, views: Views) -> Floats:
    """Seconds until the host is there, inf when it does not come nearer."""
    tracks = scene.tracks
    along = tracks.speed_mps[views.other] * np.cos(np.radians(views.turn_deg))
    closing = tracks.speed_mps[views.host] - along
    comes = closing > 0.5
    return np.where(comes, views.gap_m / np.where(comes, closing, 1.0), np.inf)
