"""How fast one drives on a lane on which nobody is in the way: its limit, or what is usual where the map says none.

A limit that is not known stays NaN wherever it is judged by (`v2x.slw`). What expects or reckons takes it from here, since a NaN
would spread into whatever is summed with it.
"""

from __future__ import annotations

import numpy as np

from services.inference.reports import Floats

USUAL_MPS = 50.0 / 3.6  # 道路交通安全法实施条例, article 45: in a city, where no sign says otherwise
TURNING_MPS = 30.0 / 3.6  # the same, article 46: who turns
HIGHEST_MPS = 120.0 / 3.6  # the same, article 78: of a lane that is without a limit, as OpenDRIVE says it


def free_flow_mps(limit_mps: Floats) -> Floats:
    """Limits (…) where they are known."""
    return np.where(limit_mps > 0, np.where(np.isinf(limit_mps), HIGHEST_MPS, limit_mps), USUAL_MPS)


def expected_mps(limit_mps: Floats, speed_mps: Floats) -> Floats:
    """The same (n,) for vehicles at these speeds: who drives faster than is usual shows that the limit is not the usual one."""
    return np.where(limit_mps > 0, free_flow_mps(limit_mps), np.maximum(speed_mps, USUAL_MPS))
