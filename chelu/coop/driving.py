"""Vehicles that drive together: shared perception, lane changes, merging, crossings without conflict, platoons."""

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
    Metres,
    Motion,
    Name,
    Part,
    Path,
    Place,
    Seconds,
    Share,
    Size,
    Speed,
)


class Perceived(Part):
    """Somebody or something that a sensor sees."""

    id: Annotated[int, Field(ge=0, le=65535, description="unique with who shares it")]
    kind: Literal["unknown", "motor", "non-motor", "pedestrian", "obstacle"]
    motion: Motion
    size: Size | None = None
    source: Literal["unknown", "own", "v2x", "video", "radar", "loop", "lidar", "fused"] = "unknown"
    confidence: Share | None = None
    age_s: Annotated[Seconds, Field(description="since it was measured, at time_us")] = 0.0


class SharingRequest(Message):
    """Tell me what you see in this area."""

    type: Literal["sensor_sharing.request"]
    area: Circle
    duration_s: Annotated[Seconds, Field(description="how long it wants to be told")]


class SharedObjects(Message):
    """What is perceived."""

    type: Literal["sensor_sharing.objects"]
    objects: Annotated[list[Perceived], Field(max_length=256)]


class SharingAnswer(Answer):
    """Objects will follow until the time asked for is over, or not at all."""

    type: Literal["sensor_sharing.answer"]
    period_s: Annotated[Seconds, Field(description="from one to the next")] | None = None
    until_us: Instant | None = None


class LaneChangeRequest(Message):
    """I want to change lanes."""

    type: Literal["lane_change.request"]
    motion: Motion
    size: Size
    from_lane: Lane
    to_lane: Lane
    start_in_s: Seconds
    duration_s: Seconds
    why: Literal["route", "obstacle", "speed", "exit", "other"] = "other"


class LaneChangeAnswer(Answer):
    """Go, wait or stay."""

    type: Literal["lane_change.answer"]
    path: Path | None = None
    speed_mps: Annotated[Speed, Field(description="advised")] | None = None


class LaneChangeYield(Message):
    """To the vehicle behind: let that one in."""

    type: Literal["lane_change.yield"]
    for_vehicle: Name
    lane: Lane
    gap_m: Annotated[Metres, Field(description="to keep open")]
    duration_s: Seconds


class LaneChangeConsent(Answer):
    """From the vehicle behind: I let it in, or not. `answers` is the seqNum of lane_change.yield."""

    type: Literal["lane_change.consent"]


class LaneChangeOutcome(Message):
    """How it ended."""

    type: Literal["lane_change.outcome"]
    answers: Annotated[int, Field(ge=0, le=2**31 - 1, description="seqNum of the request")]
    outcome: Literal["done", "abandoned"]


class MergeRequest(Message):
    """I come down the ramp."""

    type: Literal["merge.request"]
    motion: Motion
    size: Size
    ramp: Lane
    main_line: Lane
    arrival_in_s: Annotated[Seconds, Field(description="at the merging point")]


class MergeGuidance(Answer):
    """Between whom, when and how fast; to the one that merges and to those that make room."""

    type: Literal["merge.guidance"]
    ahead: Annotated[Name, Field(description="vehicle to merge behind")] | None = None
    behind: Annotated[Name, Field(description="vehicle to merge before")] | None = None
    arrival_us: Instant | None = None
    speed_mps: Speed | None = None
    path: Path | None = None


class IntersectionRequest(Message):
    """I want to cross; reserve a time for me."""

    type: Literal["intersection.request"]
    intersection: Intersection
    approach: Lane
    exit: Lane
    motion: Motion
    size: Size
    arrival_in_s: Seconds
    earliest_in_s: Annotated[Seconds, Field(description="when it could be there at best")] | None = None


class Slot(Part):
    """A part of the crossing for a time."""

    zone: Annotated[int, Field(ge=0, le=4095, description="conflict zone, 0 the whole crossing")] = 0
    from_us: Instant
    duration_s: Seconds


class IntersectionReservation(Answer):
    """When the crossing is yours; until then, where to stop."""

    type: Literal["intersection.reservation"]
    slots: Annotated[list[Slot], Field(max_length=32)] = Field(default_factory=list)
    speed_mps: Annotated[Speed, Field(description="advised")] | None = None
    stop_at: Place | None = None


class IntersectionRelease(Message):
    """I have crossed, or will not."""

    type: Literal["intersection.release"]
    answers: Annotated[int, Field(ge=0, le=2**31 - 1, description="seqNum of the request")]
    outcome: Literal["crossed", "cancelled"]


class PlatoonCreate(Message):
    """I lead a platoon that others may join."""

    type: Literal["platoon.create"]
    platoon: Name
    motion: Motion
    most_members: Annotated[int, Field(ge=2, le=64)] = 8
    gap_s: Annotated[float, Field(gt=0, le=10, description="time gap within it")]
    speed_mps: Annotated[Speed, Field(description="intended")]


class PlatoonJoin(Message):
    """I want to join."""

    type: Literal["platoon.join"]
    platoon: Name
    motion: Motion
    size: Size


class PlatoonAnswer(Answer):
    """You may, at this place; or not."""

    type: Literal["platoon.answer"]
    platoon: Name
    position: Annotated[int, Field(ge=1, le=64, description="1 is the leader")] | None = None


class PlatoonLeave(Message):
    """I leave."""

    type: Literal["platoon.leave"]
    platoon: Name


class PlatoonDissolve(Message):
    """It is over; by its leader, or by the platform."""

    type: Literal["platoon.dissolve"]
    platoon: Name
    why: Literal["arrived", "safety", "communication", "order", "other"] = "other"


class Member(Part):
    """One vehicle of a platoon."""

    vehicle: Name
    position: Annotated[int, Field(ge=1, le=64, description="1 is the leader")]
    gap_m: Annotated[Metres, Field(description="to the one ahead")] | None = None
    state: Literal["joining", "following", "leaving"] = "following"


class PlatoonStatus(Message):
    """Who is in it, and how it drives."""

    type: Literal["platoon.status"]
    platoon: Name
    motion: Motion
    members: Annotated[list[Member], Field(min_length=1, max_length=64)]
