"""What the API takes and gives of devices' health and of what is expected of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.registry.health.columns import Status
from services.registry.health.words import LONGEST_BEAT_S
from services.registry.models import Identifier, Model, Word

Rate = Annotated[float, Field(ge=0.5, le=1000, allow_inf_nan=False, description="messages a second")]
Instant = Annotated[int, Field(description="µs UTC since 1970")]


class DeviceHealth(Model):
    """How one device does. What it never said, and what cannot be measured now, is null."""

    device_id: str
    kind: str
    site_id: str
    status: Status
    since_us: Instant | None = Field(description="of the status")
    heard_us: Instant | None = Field(description="its last word, or row")
    reason: str = Field(description="of being off, as its last will or its good-bye says")
    beat_s: float | None = Field(description="seconds between its heartbeats, as its profile, it, or its standard says")
    problems: list[str] = Field(description="what is wrong now (alarm kind and part), whether or not an alarm is raised")
    rates_hz: dict[str, float] = Field(description="messages that come a second, by stream, over the last seconds")
    expected_hz: dict[str, float] = Field(
        description="messages that have to come a second, by stream, as its profile or kind has it"
    )
    stored: int = Field(description="rows stored of it, counted while the registry runs")
    sent: dict[str, int] = Field(description="frames it says it sent since its start, by stream")
    received: dict[str, int] = Field(description="messages it says it was sent since its start, by stream")
    lost: int = Field(description="of the frames it says it sent between heartbeats of the last minute, those that did not come")
    lost_share: float | None
    latency_ms: float | None = Field(description="from event to arrival, the skew of its clock taken off")
    skew_s: float | None = Field(description="its clock less ours; the way of its fastest heartbeat counts as skew")
    cpu_percent: float | None
    memory_percent: float | None
    disk_percent: float | None
    rx_bytes_per_s: float | None
    tx_bytes_per_s: float | None
    uptime_s: float | None


class HealthPage(Model):
    """Devices' health by id; `next` is the `after` of the next page, null on the last."""

    devices: list[DeviceHealth]
    next: str | None


class ApplicationHealth(Model):
    """What an application of a site could not judge in a period, or only without something."""

    site_id: str
    application: str
    heard_us: Instant = Field(description="when inference told of it last")
    states: int = Field(description="newer states of road users that were looked at")
    hosts: int = Field(description="those among them who can be warned")
    lacking: dict[str, int] = Field(description="how many of these lacked what, such as `clock ahead` or `no signal state`")


class HealthSummary(Model):
    """How many devices of a site and kind do how."""

    site_id: str
    kind: str
    unheard: int
    offline: int
    impaired: int
    healthy: int


class ProfileFields(Model):
    """What is expected of devices with a profile."""

    heartbeat_s: Annotated[float, Field(ge=0.1, le=LONGEST_BEAT_S, allow_inf_nan=False)] | None = Field(
        None, description="seconds between heartbeats; null: as the device says"
    )
    rates_hz: Annotated[dict[Word, Rate], Field(max_length=20, examples=[{"bsm": 10, "spat": 10}])] = Field(
        default_factory=dict, description="messages that have to come a second, by stream"
    )


class MessageProfile(ProfileFields):
    """A profile that counts for the devices whose `profile` has its name."""

    name: Identifier
