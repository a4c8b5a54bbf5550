"""What the API takes and gives of the track: areas, bookings, permits, who is there, and its log."""

from __future__ import annotations

import datetime
import enum
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from services.registry.models import Elevation, Identifier, Instant, Model, Name
from services.registry.site_models import Polygon
from services.registry.supervision.words import Mode


class AreaKind(enum.StrEnum):
    """What is booked."""

    AREA = "area"
    LANE = "lane"


class AreaChange(Model):
    """What of an area may change; its shape only while nobody has booked it or may use it."""

    name: Name = ""
    kind: AreaKind = AreaKind.AREA
    polygon: Polygon | None = None
    floor_m: Elevation | None = Field(None, description="its lowest height; null: none, so that every deck below counts")
    ceiling_m: Elevation | None = Field(None, description="its highest; null: none")
    needs_permit: bool = Field(default=True, description="whoever is in it without a permit is a trespasser")
    shares: int = Field(1, ge=1, le=1000, description="bookings at a time; 1: whoever books has it for themselves")

    @model_validator(mode="after")
    def _is_above(self) -> AreaChange:
        if self.floor_m is not None and self.ceiling_m is not None and self.ceiling_m <= self.floor_m:
            raise ValueError(f"ceiling_m = {self.ceiling_m} above floor_m = {self.floor_m}")
        return self


class NewArea(AreaChange):
    """A part of the site that can be booked, or that needs a permit."""

    area_id: Identifier
    polygon: Polygon


class Area(NewArea):
    """An area; `version` is its ETag."""

    site_id: str
    version: int


class Period(Model):
    """From `starts` until before `ends`, both with their offset from UTC."""

    starts: Instant
    ends: Instant

    @model_validator(mode="after")
    def _is_forward(self) -> Period:
        if self.ends <= self.starts:
            raise ValueError(f"ends = {self.ends.isoformat()} after starts = {self.starts.isoformat()}")
        return self


class NewBooking(Period):
    """An area for a team, by the whole hour of the site's time zone."""

    area_id: Identifier
    team: Identifier
    purpose: Name = ""


class Booking(NewBooking):
    """A booking."""

    booking_id: int
    site_id: str
    booked_by: str
    created: datetime.datetime
    cancelled: datetime.datetime | None
    cancelled_by: str | None


class NewPermit(Period):
    """A vehicle may be in an area, and in those that lie in it, for a time, under conditions."""

    vehicle: Identifier = Field(description="a registered vehicle", examples=["car-1"])
    area_id: Identifier
    max_speed_mps: Annotated[float, Field(gt=0, le=150, allow_inf_nan=False)] | None = None
    modes: Annotated[list[Mode], Field(min_length=1, max_length=10)] | None = Field(None, description="allowed; null: all")
    conditions: Annotated[Name, StringConstraints(max_length=200)] = Field("", description="for people")


class Permit(NewPermit):
    """A permit."""

    starts: AwareDatetime  # one that an older version took is shown, too
    permit_id: int
    site_id: str
    team: str | None
    given_by: str
    created: datetime.datetime
    revoked: datetime.datetime | None
    revoked_by: str | None


class Presence(Model):
    """One that is on the track now."""

    subject: str = Field(description="the vehicle's id; the id in its BSMs, or who saw it, when it is not registered")
    vehicle: str | None = Field(description="null: it is not registered")
    team: str | None
    areas: list[str]
    permits: list[int] = Field(description="its permits that count now")
    problems: list[str] = Field(description="trespass, left its area, too fast, wrong mode", examples=[["trespass in north"]])
    mode: str | None
    latitude_deg: float
    longitude_deg: float
    speed_mps: float | None
    heard: datetime.datetime


class OnTrack(Model):
    """Who is on the track now. `seen` null: no picture of the site came, nobody knows."""

    seen: datetime.datetime | None = Field(description="the instant of the picture")
    is_blind: bool = Field(description="no picture came of late: who is there is not known")
    present: list[Presence]


class LogEntry(Model):
    """One entry of the track's log."""

    number: int
    at_us: int
    actor: str
    what: str = Field(examples=["permit given"])
    subject: str
    detail: dict[str, Any]
    hash: str = Field(
        description="SHA-256 over the former entry's hash and this entry", examples=["5d41402abc4b2a76b9719d911017c592"]
    )


class LogPage(Model):
    """Entries, oldest first; `next` is the `after` of the next page, null on the last."""

    entries: list[LogEntry]
    next: int | None


class LogCheck(Model):
    """Whether the log is as it was written."""

    is_whole: bool
    entries: int
    head: str = Field(description="hash of the last entry: note it elsewhere, and a log cut short is found out, too")
    fault: str | None = Field(description="the first entry that does not fit, and why")
