"""The road that cooperates: lanes that change their use, priority, people on foot, corrections of positions, probe data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chelu.coop.parts import (
    Answer,
    Circle,
    Instant,
    Intersection,
    Lane,
    Message,
    Motion,
    Number,
    Part,
    Place,
    Seconds,
    Size,
    Speed,
    Text,
)

Request = Annotated[Number, Field(description="seqNum of the request")]


class LaneUse(Part):
    """What a lane is for."""

    lane: Lane
    use: Literal["open", "closed", "reversed", "bus", "emergency", "shoulder", "slow", "automated"]
    speed_limit_mps: Speed | None = None


class LanePlan(Message):
    """Lanes are used so from then on."""

    type: Literal["lane_management.plan"]
    lanes: Annotated[list[LaneUse], Field(min_length=1, max_length=64)]
    from_us: Instant
    duration_s: Seconds | None = None
    reason: Text | None = None


class LaneState(Message):
    """How a vehicle or the roadside finds the lanes; the plan it answers, if one."""

    type: Literal["lane_management.state"]
    lanes: Annotated[list[LaneUse], Field(min_length=1, max_length=64)]
    answers: Annotated[Number, Field(description="seqNum of the plan")] | None = None


class SignalRequest(Part):
    """Green at a crossing."""

    intersection: Intersection
    approach: Lane
    exit: Lane | None = None
    arrival_in_s: Seconds
    stay_s: Annotated[Seconds, Field(description="how long it takes to cross")] = 5.0


class PriorityRequest(Message):
    """Let me through: signals, and lanes kept clear."""

    type: Literal["priority.request"]
    role: Literal["ambulance", "fire", "police", "rescue", "bus", "tram", "escort", "road_service"]
    urgency: Annotated[int, Field(ge=0, le=7, description="7 is the highest")]
    motion: Motion
    size: Size | None = None
    signals: Annotated[list[SignalRequest], Field(max_length=16)] = Field(default_factory=list)
    clear_lanes: Annotated[list[Lane], Field(max_length=64)] = Field(default_factory=list)
    duration_s: Seconds


class Green(Part):
    """What a signal will show."""

    intersection: Intersection
    phase: Annotated[int, Field(ge=0, le=280)]
    from_us: Instant
    duration_s: Seconds


class PriorityAnswer(Answer):
    """What is granted."""

    type: Literal["priority.answer"]
    greens: Annotated[list[Green], Field(max_length=16)] = Field(default_factory=list)
    cleared_lanes: Annotated[list[Lane], Field(max_length=64)] = Field(default_factory=list)


class PriorityCancel(Message):
    """No longer needed."""

    type: Literal["priority.cancel"]
    answers: Request


class VruRequest(Message):
    """Somebody wants to cross."""

    type: Literal["vru.request"]
    role: Literal[
        "pedestrian", "child", "elderly", "wheelchair", "cyclist", "e-bike", "scooter", "animal", "road_worker", "group"
    ]
    count: Annotated[int, Field(ge=1, le=500)] = 1
    motion: Motion
    towards: Place
    start_in_s: Seconds
    duration_s: Seconds


class VruAnswer(Answer):
    """Cross, or wait."""

    type: Literal["vru.answer"]
    duration_s: Annotated[Seconds, Field(description="how long there is to cross")] | None = None


class VruNotice(Message):
    """To vehicles: people are crossing, or will."""

    type: Literal["vru.notice"]
    area: Circle
    count: Annotated[int, Field(ge=1, le=500)] = 1
    from_us: Instant
    duration_s: Seconds
    speed_limit_mps: Speed | None = None


class VruConsent(Answer):
    """From a vehicle that was told: I give way, or cannot. `answers` is the seqNum of vru.notice."""

    type: Literal["vru.consent"]


class CorrectionRequest(Message):
    """Corrections for my position."""

    type: Literal["correction.request"]
    motion: Motion
    constellations: Annotated[list[Literal["beidou", "gps", "glonass", "galileo", "qzss"]], Field(min_length=1, max_length=5)]
    duration_s: Seconds


class Correction(Message):
    """One RTCM 3 message, passed on as it is."""

    type: Literal["correction.data"]
    station: Annotated[int, Field(ge=0, le=4095)]
    message: Annotated[int, Field(ge=1, le=4095, description="RTCM message number")]
    data: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{4,1372}={0,2}$", description="the frame, base64")]
    age_s: Seconds = 0.0


Measured = Literal[
    "place", "speed", "acceleration", "yaw_rate", "wipers", "lights", "abs", "friction", "air_temperature", "slope"
]


class ProbeOrder(Message):
    """Collect this, there, so often."""

    type: Literal["probe.order"]
    fields: Annotated[list[Measured], Field(min_length=1, max_length=10)]
    period_s: Annotated[float, Field(ge=0.1, le=3600)]
    area: Circle | None = None
    from_us: Instant | None = None
    duration_s: Seconds


class Sample(Part):
    """What a vehicle measured at one moment."""

    time_us: Instant
    place: Place
    speed_mps: Speed | None = None
    acceleration_mps2: Annotated[float, Field(ge=-20, le=20)] | None = None
    yaw_rate_dps: Annotated[float, Field(ge=-400, le=400)] | None = None
    wipers: Literal["off", "interval", "slow", "fast"] | None = None
    lights: Literal["off", "position", "low", "high", "fog"] | None = None
    abs_active: bool | None = None
    friction: Annotated[float, Field(ge=0, le=1.5)] | None = None
    air_temperature_k: Annotated[float, Field(ge=180, le=350, description="kelvin")] | None = None
    slope: Annotated[float, Field(ge=-1, le=1, description="rise by run, along the heading")] | None = None


class ProbeData(Message):
    """What was collected, oldest first."""

    type: Literal["probe.data"]
    answers: Annotated[Number, Field(description="seqNum of the order")] | None = None
    samples: Annotated[list[Sample], Field(min_length=1, max_length=600)]
