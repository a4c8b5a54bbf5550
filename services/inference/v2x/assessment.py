"""What an application says about pairs: the common answer that warning life works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.inference.pairs import Tracks
from services.inference.reports import Floats, Ints
from services.inference.types import Mask
from services.inference.v2x.scene import Views

IMMINENT, WARNING, HELD, NOTHING = 2, 1, 0, -1


@dataclass(frozen=True, slots=True)
class Assessment:
    """n findings of one application: who is to be warned (host) of whom (other), slots of the picture.

    level: 0 keeps a warning that is already up (hysteresis) but raises none, 1 warns, 2 is imminent. ttc_s: time to the
    collision, required_mps2: deceleration the host needs, distance_m: gap or way to the conflict.
    """

    application: str
    host: Ints
    other: Ints
    level: Ints
    ttc_s: Floats
    required_mps2: Floats
    distance_m: Floats

    def __len__(self) -> int:
        return len(self.host)


def assessment(
    application: str, tracks: Tracks, views: Views, *, level: Ints, ttc_s: Floats, required_mps2: Floats, distance_m: Floats
) -> Assessment:
    """Findings of those views (q,) whose level is not `NOTHING`."""
    kept = level > NOTHING
    return Assessment(
        application,
        tracks.slots[views.host[kept]],
        tracks.slots[views.other[kept]],
        level[kept],
        ttc_s[kept],
        required_mps2[kept],
        np.maximum(distance_m[kept], 0.0),
    )


def level_of(*, imminent: Mask, warns: Mask, holds: Mask) -> Ints:
    """The highest level whose condition is met, `NOTHING` for none."""
    return np.where(imminent, IMMINENT, np.where(warns, WARNING, np.where(holds, HELD, NOTHING)))
