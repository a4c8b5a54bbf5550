"""How a change goes on from its beginning to its end: evenly, or gently at both ends."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from simulators.scenario.trace import Floats

SHAPES: Mapping[str, int] = MappingProxyType({"linear": 0, "sine": 1, "cubic": 2})
PEAK_RATE: Mapping[str, float] = MappingProxyType({"linear": 1.0, "sine": np.pi / 2.0, "cubic": 1.5})  # over the mean one

PEAK_ACCELERATION: Mapping[str, float] = MappingProxyType({"sine": np.pi**2 / 2.0, "cubic": 6.0})  # of way over time squared


def share_of(shape: npt.NDArray[np.int64], time: Floats) -> Floats:
    """How much is done (…) after a share 0 … 1 of the time."""
    sine, cubic = (1.0 - np.cos(np.pi * time)) / 2.0, time * time * (3.0 - 2.0 * time)
    return np.where(shape == SHAPES["sine"], sine, np.where(shape == SHAPES["cubic"], cubic, time))


def rate_of(shape: npt.NDArray[np.int64], time: Floats) -> Floats:
    """What is done of it in the whole's time (…), if it went on like that."""
    sine, cubic = np.pi / 2.0 * np.sin(np.pi * time), 6.0 * time * (1.0 - time)
    return np.where(shape == SHAPES["sine"], sine, np.where(shape == SHAPES["cubic"], cubic, 1.0))
