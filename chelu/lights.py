"""What a signal shows: LightState of YD/T 3709-2020, and what it means for whoever comes to the line."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import numpy.typing as npt

Lights = npt.NDArray[Any]  # of any integer type
Mask = npt.NDArray[np.bool_]


class Light(enum.IntEnum):
    """LightState of YD/T 3709-2020."""

    UNAVAILABLE = 0
    DARK = 1
    FLASHING_RED = 2
    RED = 3
    FLASHING_GREEN = 4
    PERMISSIVE_GREEN = 5
    PROTECTED_GREEN = 6
    YELLOW = 7
    FLASHING_YELLOW = 8


def is_red(light: Lights) -> Mask:
    """Whether nobody may cross the line."""
    return np.asarray((light == Light.RED) | (light == Light.FLASHING_RED))


def is_green(light: Lights) -> Mask:
    """Whether it is green in any of its forms."""
    return np.asarray((light >= Light.FLASHING_GREEN) & (light <= Light.PROTECTED_GREEN))


def is_free(light: Lights) -> Mask:
    """Whether one may cross, if with care."""
    return np.asarray(is_green(light) | (light == Light.FLASHING_YELLOW))
