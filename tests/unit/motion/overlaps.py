"""What the swept conflict is held against: footprints looked at instant by instant."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.motion.conflict import Futures
from chelu.motion.footprints import overlap


def first_overlap(a: Futures, b: Futures) -> npt.NDArray[np.int64]:
    """Index of the first instant at which the footprints of a and b overlap, pair by pair: (p,); −1 where they never do."""
    hit = overlap(b.xy - a.xy, a.heading_deg, a.size_m[:, None, :], b.heading_deg, b.size_m[:, None, :])
    return np.where(hit.any(axis=1), hit.argmax(axis=1), -1)
