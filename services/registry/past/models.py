"""What the API gives of a site's stored warnings."""

from __future__ import annotations

import enum

from pydantic import Field

from services.registry.models import Model


class Order(enum.StrEnum):
    """Which come first."""

    NEWEST = "newest"
    OLDEST = "oldest"


class Party(Model):
    """A road user when the warning was raised."""

    vehicle_id: str | None
    participant_id: int | None = Field(description="of one that a roadside device sees, its number there")
    device_id: str | None
    latitude_deg: float | None
    longitude_deg: float | None
    speed_mps: float | None
    heading_deg: float | None


class StoredWarning(Model):
    """A warning with what became of it; of another road user or of a thing."""

    warning_id: str
    application: str
    level: int = Field(description="the highest that it came to: 1 warning, 2 imminent, 0 advice")
    raised_us: int = Field(description="event time: what was so then")
    decided_us: int
    published_us: int | None = Field(description="null: nobody could be told")
    ended_us: int | None = Field(description="event time at which it was cleared or lapsed; null: it is not known")
    host: Party
    other: Party | None
    subject_kind: str | None
    subject_id: str | None
    lead_s: float | None = Field(description="when it was raised, how long until the contact if nobody reacts")
    distance_m: float | None
    required_deceleration_mps2: float | None


class WarningPage(Model):
    """Warnings by the time at which they were raised; `next` is the `after` of the next page, null on the last."""

    warnings: list[StoredWarning]
    next: int | None


class WarningStep(Model):
    """A change in a warning's life."""

    state: str
    level: int
    time_us: int
    decided_us: int
    published_us: int | None
    ttc_s: float | None
    distance_m: float | None
    required_deceleration_mps2: float | None


class WarningStory(Model):
    """A warning and all that became of it."""

    warning: StoredWarning
    steps: list[WarningStep]


class WarningHour(Model):
    """What one application warned of in one hour of UTC. Leads: how long before the contact, over those that have one."""

    hour_us: int
    application: str
    count: int
    imminent: int = Field(description="of these, raised as imminent")
    lead_p10_s: float | None
    lead_p50_s: float | None
    lead_p90_s: float | None
