"""The normal distribution, as far as conflicts need it: the kernel does without scipy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_COEFFICIENTS = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
_P = 0.3275911


def normal_cdf(x: Floats) -> Floats:
    """Φ(x) within 1e-7 (Abramowitz & Stegun 1964, 7.1.26)."""
    z = np.abs(np.asarray(x, np.float64)) / np.sqrt(2.0)
    t = 1.0 / (1.0 + _P * z)
    series = np.zeros_like(t)
    for coefficient in reversed(_COEFFICIENTS):
        series = t * (coefficient + series)
    tail = 0.5 * series * np.exp(-z * z)
    return np.asarray(np.where(np.asarray(x) < 0, tail, 1.0 - tail))
