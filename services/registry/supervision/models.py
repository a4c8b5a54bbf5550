"""What the API gives of vehicles under supervision."""

from __future__ import annotations

import datetime
from typing import Any

from pydantic import Field

from services.registry.models import Identifier, Model, Name
from services.registry.supervision.words import Mode, VehicleFault


class VehicleState(Model):
    """How a vehicle drives, by its last word."""

    vehicle: str
    vehicle_kind: str | None
    team: str | None
    automation_level: int | None
    mode: Mode
    since: datetime.datetime
    cause: str | None
    reason: str
    in_odd: bool | None = Field(description="inside what it is made for; null: it does not say")
    faults: list[VehicleFault]
    is_disengaged: bool = Field(description="its automation gave up, and it does not drive by itself again yet")
    odometer_m: float | None
    speed_mps: float | None
    latitude_deg: float | None
    longitude_deg: float | None
    time: datetime.datetime = Field(description="of its last word")
    heard: datetime.datetime


class Mark(Model):
    """An instant at which something happened to a vehicle, marked by hand."""

    vehicle: Identifier = Field(examples=["car-1"])
    time: datetime.datetime | None = Field(None, description="null: now; at most an hour ago")
    reason: Name = Field("", examples=["hard braking at the gate"])


class Event(Model):
    """Something that happened to a vehicle. Around all but changes of mode the streams are kept, 30 s before to 30 s after."""

    event_id: int
    vehicle: str
    team: str | None
    time: datetime.datetime
    what: str = Field(examples=["disengagement"])
    former_mode: str | None
    mode: str | None
    cause: str | None
    reason: str
    detail: dict[str, Any]
    capture: str = Field(description="pending, kept, or nothing", examples=["kept"])


class EventPage(Model):
    """Events, oldest first; `next` is the `after` of the next page, null on the last."""

    events: list[Event]
    next: int | None


class VehicleMonth(Model):
    """What a month came to for one vehicle: hours and kilometres by mode, and how often what happened."""

    vehicle: str
    vehicle_kind: str | None
    team: str | None
    hours: dict[str, float] = Field(description="by mode; unknown: it drove and did not say how", examples=[{"automated": 41.5}])
    kilometres: dict[str, float] = Field(examples=[{"automated": 812.3}])
    sources: list[str] = Field(description="where the kilometres come from", examples=[["odometer"]])
    events: dict[str, int] = Field(description="how often what happened", examples=[{"disengagement": 3}])


class TeamMonth(Model):
    """A team's month."""

    team: str | None
    vehicles: list[VehicleMonth]
    hours: dict[str, float] = Field(examples=[{"automated": 41.5}])
    kilometres: dict[str, float] = Field(examples=[{"automated": 812.3}])
    events: dict[str, int] = Field(examples=[{"disengagement": 3}])
    automated_km_per_disengagement: float | None = Field(description="null: there was none, or no automated driving")


class MonthReport(Model):
    """A month on a site, in the site's time zone."""

    site_id: str
    month: str = Field(examples=["2026-05"])
    time_zone: str
    from_us: int
    to_us: int
    teams: list[TeamMonth]
