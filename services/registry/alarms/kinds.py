"""The kinds of alarms: what each means, how grave it is, and the limits that count unless a threshold says otherwise. Pure.

A new kind is an entry here, a line in docs/operating.md (a test compares them), and a call of `alarms.rows.raise_alarm`.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """How grave an alarm is, the least first."""

    INFO = "info"
    WARNING = "warning"
    MAJOR = "major"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """One kind.

    bound, clear_bound: the measured value beyond which it is so, and the one it has to come back to before it is no longer so;
    None where nothing is measured. raise_after_s, clear_after_s: how long it has to be so, or no longer so, before anybody is
    told.
    is_quietable: whether a maintenance window keeps it from being raised.
    """

    name: str
    severity: Severity
    about: str
    unit: str = ""
    bound: float | None = None
    clear_bound: float | None = None
    raise_after_s: float = 0.0
    clear_after_s: float = 0.0
    is_quietable: bool = True

    @property
    def most(self) -> float:
        """The highest value that can be measured: a bound beyond it would hold always or never."""
        return 1.0 if self.unit.startswith("share") else 100.0 if self.unit == "%" else math.inf


OFFLINE, RATE, LOSS, LATENCY, CLOCK = "offline", "rate-low", "loss-high", "latency-high", "clock-skew"
PROCESSOR, MEMORY, DISK = "processor-high", "memory-high", "disk-full"
HEALTH = (
    AlarmKind(
        OFFLINE,
        Severity.MAJOR,
        "the device's last will came, it said good-bye, or it has missed heartbeats",
        unit="heartbeats missed",
        bound=3,
        clear_after_s=30,
    ),
    AlarmKind(
        RATE,
        Severity.WARNING,
        "a stream of its profile comes at less than this share of the expected rate",
        unit="share of the expected rate",
        bound=0.8,
        clear_bound=0.9,
        raise_after_s=15,
        clear_after_s=15,
    ),
    AlarmKind(
        LOSS,
        Severity.WARNING,
        "of what it says it sent, more than this share did not come",
        unit="share lost in transit",
        bound=0.02,
        clear_bound=0.01,
        raise_after_s=30,
        clear_after_s=60,
    ),
    AlarmKind(
        LATENCY,
        Severity.WARNING,
        "what it measures takes longer than this to arrive",
        unit="ms",
        bound=500,
        clear_bound=300,
        raise_after_s=15,
        clear_after_s=30,
    ),
    AlarmKind(
        CLOCK,
        Severity.WARNING,
        "its clock is further from ours than this",
        unit="s",
        bound=1.0,
        clear_bound=0.5,
        raise_after_s=15,
        clear_after_s=30,
    ),
    AlarmKind(
        PROCESSOR,
        Severity.WARNING,
        "its processor is busier than this",
        unit="%",
        bound=95,
        clear_bound=85,
        raise_after_s=120,
        clear_after_s=120,
    ),
    AlarmKind(
        MEMORY,
        Severity.WARNING,
        "more of its memory is used than this",
        unit="%",
        bound=95,
        clear_bound=90,
        raise_after_s=120,
        clear_after_s=120,
    ),
    AlarmKind(DISK, Severity.MAJOR, "more of its disk is used than this", unit="%", bound=90, clear_bound=85, clear_after_s=60),
)
EMERGENCY_STOP, TRESPASS, INTRUDER, AREA_LEFT = "emergency-stop", "trespass", "intruder", "area-left"
PERMIT_SPEED, PERMIT_MODE, TRACK_BLIND = "permit-speed", "permit-mode", "track-blind"
DISENGAGEMENT, ODD_LEFT, VEHICLE_FAULT, VEHICLE_SILENT = "disengagement", "odd-left", "vehicle-fault", "vehicle-silent"
TRACK = (
    AlarmKind(EMERGENCY_STOP, Severity.CRITICAL, "the site's emergency stop is in force", is_quietable=False),
    AlarmKind(TRESPASS, Severity.CRITICAL, "a vehicle is in an area for which it has no permit now", is_quietable=False),
    AlarmKind(INTRUDER, Severity.CRITICAL, "a roadside unit sees somebody who does not speak in an area that needs a permit"),
    AlarmKind(AREA_LEFT, Severity.CRITICAL, "a vehicle with a permit has left the areas it may be in", is_quietable=False),
    AlarmKind(PERMIT_SPEED, Severity.MAJOR, "a vehicle is faster than its permit allows"),
    AlarmKind(PERMIT_MODE, Severity.MAJOR, "a vehicle drives in a mode that its permit does not allow"),
    AlarmKind(TRACK_BLIND, Severity.MAJOR, "no live picture of a site with areas comes: who is on its track is not known"),
    AlarmKind(DISENGAGEMENT, Severity.MAJOR, "a vehicle's automation gave up, and it does not drive by itself again yet"),
    AlarmKind(ODD_LEFT, Severity.CRITICAL, "a vehicle drives by itself outside what it is made for"),
    AlarmKind(VEHICLE_FAULT, Severity.MAJOR, "a vehicle says that something on it does not work", clear_after_s=30),
    AlarmKind(VEHICLE_SILENT, Severity.CRITICAL, "a vehicle that drives by itself, or is driven from afar, is not heard"),
)
QUALITY = "quality"
MONITORED = (
    AlarmKind(QUALITY, Severity.WARNING, "of what a quality monitor judged in an hour more is bad than its parameters allow"),
)
LIMIT, FLOOD, SIGHT, QUEUE = "limit", "flood", "visibility", "truck-queue"
SURROUNDINGS = (
    AlarmKind(LIMIT, Severity.WARNING, "what a sensor measures is beyond a limit, or changes faster than it may"),
    AlarmKind(FLOOD, Severity.CRITICAL, "a riverside road is flooded, or will be soon"),
    AlarmKind(SIGHT, Severity.MAJOR, "one sees so little that a lower speed limit holds"),
    AlarmKind(QUEUE, Severity.WARNING, "trucks wait longer at a gate than they should, or will soon"),
)
KINDS: Mapping[str, AlarmKind] = {kind.name: kind for kind in (*HEALTH, *TRACK, *MONITORED, *SURROUNDINGS)}
QUIETABLE = tuple(name for name, kind in KINDS.items() if kind.is_quietable)
