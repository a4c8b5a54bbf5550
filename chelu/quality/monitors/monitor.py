"""What a monitor is: a name, what it means, its parameters, and the function that judges a window."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chelu.parameters import parameter
from chelu.quality.monitors.judged import Judged
from chelu.quality.monitors.window import Window


class Part(enum.StrEnum):
    """What `Subject.part` is."""

    NONE = ""
    PHASE = "phase"
    LANE = "lane"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class Assessed:
    """The parameters that every monitor has: how an hour or a day is assessed."""

    fewest: float = parameter(20, "items", "a share of fewer says little: ±22 points at 20 (95 %)", low=1, high=1e6)
    most_bad: float = parameter(0.05, "share", "of what was judged; beyond it somebody is told", high=1)


@dataclass(frozen=True, slots=True)
class Monitor:
    """One monitor.

    judge is pure: a window and the monitor's parameters in, items out; it may give items outside the window's time, which are not
    counted. apart_s: bad items of one subject no further apart than this are one event; 0: each is its own.
    """

    name: str
    title: str
    about: str
    formula: str
    source: str
    action: str
    unit: str
    part: Part
    parameters: type[Assessed]
    judge: Callable[[Window, Any], Judged]
    apart_s: float = 0.0
