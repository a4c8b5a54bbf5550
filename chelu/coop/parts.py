"""What messages of cooperation are made of: places, lanes, motion, vehicles. Strict: a number is never written as text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

LAST_US = 4_102_444_800_000_000  # 2100

Latitude = Annotated[float, Field(ge=-90, le=90, description="degrees north, WGS-84")]
Longitude = Annotated[float, Field(ge=-180, le=180, description="degrees east, WGS-84")]
Elevation = Annotated[float, Field(ge=-500, le=9000, description="metres above the WGS-84 ellipsoid")]
Speed = Annotated[float, Field(ge=0, le=164, description="m/s")]
Heading = Annotated[float, Field(ge=0, lt=360, description="degrees clockwise from north")]
Metres = Annotated[float, Field(ge=0, le=100_000, description="metres")]
Seconds = Annotated[float, Field(ge=0, le=86_400, description="seconds")]
Instant = Annotated[int, Field(ge=0, le=LAST_US, description="µs UTC since 1970")]
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="1..64 of letters, digits, '_', '.', '-'")]
Text = Annotated[str, Field(max_length=200)]
Share = Annotated[float, Field(ge=0, le=1, description="0..1")]
Decision = Literal["granted", "delayed", "refused"]


class Part(BaseModel):
    """Base: unknown fields, texts for numbers and numbers that are none are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Place(Part):
    """A point."""

    latitude_deg: Latitude
    longitude_deg: Longitude
    elevation_m: Elevation | None = None


class Circle(Part):
    """A place and what lies around it."""

    centre: Place
    radius_m: Metres


class Intersection(Part):
    """A node of the MAP."""

    region: Annotated[int, Field(ge=0, le=65535)] = 0
    id: Annotated[int, Field(ge=0, le=65535)]


class Lane(Part):
    """A lane of a link of the MAP: from one node to the next."""

    upstream: Intersection
    downstream: Intersection
    lane: Annotated[int, Field(ge=0, le=255)]


class Size(Part):
    """A vehicle's measures."""

    length_m: Annotated[float, Field(gt=0, le=50)]
    width_m: Annotated[float, Field(gt=0, le=10)]
    height_m: Annotated[float, Field(gt=0, le=10)] | None = None


class Motion(Part):
    """Where somebody is and how it moves."""

    place: Place
    speed_mps: Speed
    heading_deg: Heading | None = None
    acceleration_mps2: Annotated[float, Field(ge=-20, le=20, description="m/s², forward positive")] | None = None
    lane: Lane | None = None


class Waypoint(Part):
    """A point of a path, with the time and the speed at which to be there."""

    place: Place
    time_us: Instant | None = None
    speed_mps: Speed | None = None


Path = Annotated[list[Waypoint], Field(min_length=2, max_length=64)]


class Message(Part):
    """What every message has."""

    seqNum: Annotated[Number, Field(description="the sender's number for it; an answer names it")]  # noqa: N815 - T/ITS 0180.1
    time_us: Annotated[Instant, Field(description="when it was said, µs UTC since 1970")]


class Answer(Message):
    """What an answer has beside."""

    answers: Annotated[Number, Field(description="seqNum of the request")]
    decision: Decision
    wait_s: Annotated[Seconds, Field(description="when delayed: how long")] | None = None
    reason: Text | None = None


class Refusal(Message):
    """No, where no answer of its own is: what was said cannot be taken, or the platform has ended what was agreed."""

    type: Literal["coop.refusal"]
    answers: Annotated[Number, Field(description="seqNum of what is refused, as far as it had one")] | None = None
    state: Literal["refused", "revoked", "expired"]
    reason: Text


class Cancel(Message):
    """I no longer want what I asked for, whichever application it was."""

    type: Literal["coop.cancel"]
    answers: Annotated[Number, Field(description="seqNum of the request")]
