"""What the API takes and gives: fields with units and bounds. Every model refuses fields it does not know."""

from __future__ import annotations

import datetime
import zoneinfo
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from chelu.topics import Kind

DEVICE_ID = r"^[A-Za-z0-9_.-]{1,64}$"
ENVELOPES = ("bare", "deployed", "t/its 0117 big-endian", "t/its 0117 little-endian", "auto")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only printable characters, no control characters")
    return text


def _no_dots_alone(name: str) -> str:
    if name in {".", ".."}:
        raise ValueError("no '.' or '..', which mean something else in an address")
    return name


def _time_zone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        raise ValueError("a time zone of the IANA data base, such as Asia/Shanghai")
    return name


def _envelope(name: str) -> str:
    if name not in ENVELOPES:
        raise ValueError("one of " + ", ".join(ENVELOPES))
    return name


Identifier = Annotated[
    str,
    StringConstraints(pattern=DEVICE_ID),
    AfterValidator(_no_dots_alone),
    Field(description="1..64 of letters, digits, '_', '.', '-'", examples=["obu-0001"]),
]
Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="degrees north, WGS-84", examples=[29.5332])]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="degrees east, WGS-84", examples=[106.503])]
Elevation = Annotated[
    float, Field(ge=-500, le=9000, allow_inf_nan=False, description="metres above the WGS-84 ellipsoid", examples=[245.0])
]
VehicleId = Annotated[
    str,
    StringConstraints(pattern="^[0-9a-fA-F]{16}$", to_lower=True),
    Field(description="8-byte id of the vehicle's BSMs, big-endian, in hexadecimal", examples=["00000000000003e9"]),
]
Envelope = Annotated[str, AfterValidator(_envelope), Field(description="how frames are wrapped: " + ", ".join(ENVELOPES))]
InstantUs = Annotated[
    int, Field(ge=0, le=4_102_444_800_000_000, description="µs UTC since 1970", examples=[1_795_000_000_000_000])
]


class Model(BaseModel):
    """Base of what the API takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(Model):
    """A test site, with the origin of its local east-north-up frame."""

    site_id: Identifier
    name: Name = ""
    latitude_deg: Latitude
    longitude_deg: Longitude
    elevation_m: Elevation = 0.0
    time_zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_time_zone)] = "Asia/Shanghai"


class NewDevice(Model):
    """A device to register."""

    device_id: Identifier
    kind: Kind
    site_id: Identifier
    subtype: Word | None = Field(None, description="of a sensor: camera, radar, lidar, loop, weather …", examples=["camera"])
    name: Name = ""
    parent: Identifier | None = Field(None, description="device it hangs on; a gateway may speak for its children")
    standard: Word = Field("YD/T 3709-2020", description="message standard and version it speaks")
    envelope: Envelope = "auto"
    vehicle_id: VehicleId | None = None
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    elevation_m: Elevation | None = None
    labels: Annotated[dict[Word, Name], Field(max_length=50)] = Field(default_factory=dict)
    credential: bool | None = Field(None, description="make a secret for it; by default when it has no parent")

    @property
    def has_credential(self) -> bool:
        """Whether this device gets a secret of its own."""
        return self.parent is None if self.credential is None else self.credential


class Device(Model):
    """A registered device."""

    device_key: int
    device_id: str
    kind: Kind
    subtype: str | None
    site_id: str
    name: str
    parent: str | None
    standard: str
    envelope: str
    vehicle_id: str | None
    latitude_deg: float | None
    longitude_deg: float | None
    elevation_m: float | None
    labels: dict[str, str]
    created: datetime.datetime
    has_credential: bool


class Registered(Model):
    """What a newly registered device is told, once: its secret is the MQTT password, its id the user name and client id."""

    device_id: str
    device_key: int
    secret: str | None = Field(None, examples=["i5oG1t0Zk2qXb3…"])


class DevicePage(Model):
    """Devices by id; `next` is the `after` of the next page, null on the last."""

    devices: list[Device]
    next: str | None


class RoadVersion(Model):
    """A stored road network."""

    site_id: str
    version: int
    format: str
    bytes: int


class StreamAccount(Model):
    """Rows of one stream: received = stored + sum(dropped)."""

    messages: int
    frames: int
    received: int
    stored: int
    missing: int = Field(description="messages missing in the senders' counts: lost on the way, at least")
    dropped: dict[str, int]


class Rows(Model):
    """A page of rows, oldest first."""

    rows: list[dict[str, Any]]
    next: int | None = Field(None, description="`after` of the next page; null on the last")


class Health(Model):
    """Whether the registry can do its work."""

    status: str = Field(examples=["ok"])
    database: str = Field(examples=["ok"])
    broker_files: str = Field(examples=["in step"])
