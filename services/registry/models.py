"""What the API takes and gives: fields with units and bounds. Every model refuses fields it does not know."""

from __future__ import annotations

import datetime
import enum
import functools
import zoneinfo
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from chelu.topics import Kind
from services.registry import polygons, vin
from services.registry.lifecycle import SPEAKING, Lifecycle

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


@functools.cache
def _time_zones() -> frozenset[str]:
    """The names there are; the system's directory of them is walked once, which takes milliseconds."""
    return frozenset(zoneinfo.available_timezones())


def _time_zone(name: str) -> str:
    if name not in _time_zones():
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


Finite = Annotated[float, Field(allow_inf_nan=False)]
Heading = Annotated[float, Field(ge=0, lt=360, allow_inf_nan=False, description="degrees clockwise from north")]
Vin = Annotated[str, AfterValidator(vin.valid), Field(description="ISO 3779", examples=["LSVAA4182E2123454"])]


class Model(BaseModel):
    """Base of what the API takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(enum.StrEnum):
    """What an organisation is on a site."""

    OPERATOR = "operator"
    TEAM = "vehicle team"
    VENDOR = "vendor"


class VehicleKind(enum.StrEnum):
    """What kind of vehicle."""

    CAR = "car"
    BUS = "bus"
    TRUCK = "truck"
    VAN = "van"
    ROBOT = "delivery robot"
    SWEEPER = "sweeper"
    SHUTTLE = "shuttle"
    TWO_WHEELER = "two-wheeler"
    EMERGENCY = "emergency vehicle"
    OTHER = "other"


class OrganisationChange(Model):
    """What of an organisation may change."""

    role: Role | None = None
    name: Name = ""
    contact: Name = ""


class NewOrganisation(OrganisationChange):
    """An organisation: who operates sites, brings vehicles or makes devices."""

    organisation_id: Identifier
    role: Role


class Organisation(NewOrganisation):
    """A registered organisation."""

    version: int
    created: datetime.datetime


class Polygon(Model):
    """An area as GeoJSON (RFC 7946): the first ring is its border, further ones are holes; longitude before latitude."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: Annotated[
        list[Annotated[list[tuple[Longitude, Latitude]], Field(max_length=1000)]], Field(min_length=1, max_length=20)
    ]

    @field_validator("coordinates")
    @classmethod
    def _rings(cls, rings: list[list[tuple[float, float]]]) -> list[list[tuple[float, float]]]:
        for ring in rings:
            polygons.check_ring(ring)
        return rings


class SiteFields(Model):
    """What every site may have."""

    name: Name = ""
    elevation_m: Elevation = 0.0
    time_zone: Annotated[str, StringConstraints(max_length=64), AfterValidator(_time_zone)] = "Asia/Shanghai"
    area: Polygon | None = None
    operator: Identifier | None = Field(None, description="the organisation that operates it")


class NewSite(SiteFields):
    """A test site, with the origin of its local east-north-up frame."""

    site_id: Identifier
    latitude_deg: Latitude
    longitude_deg: Longitude


class SiteChange(SiteFields):
    """What of a site may change; what is not named stays as it is."""

    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None


class Site(NewSite):
    """A registered site; `version` is its ETag."""

    version: int


class Mounting(Model):
    """How a device is held."""

    on: Word | None = Field(None, examples=["gantry"])
    height_m: Annotated[float, Field(ge=-50, le=500, allow_inf_nan=False, description="above the ground")] | None = None
    pitch_deg: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="upwards positive")] | None = None
    roll_deg: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None


class Calibration(Model):
    """The calibration that counts: when, by whom, until when, and its numbers."""

    at: AwareDatetime
    by: Name = ""
    valid_until: AwareDatetime | None = None
    parameters: Annotated[
        dict[Word, Finite | Annotated[list[Finite], Field(max_length=100)]], Field(max_length=50, examples=[{"focal_px": 1120.5}])
    ] = Field(default_factory=dict)


class DeviceFields(Model):
    """What every device may have. Those from `vin` on are of vehicles only."""

    subtype: Word | None = Field(None, description="of a sensor: camera, radar, lidar, loop, weather …", examples=["camera"])
    name: Name = ""
    parent: Identifier | None = Field(None, description="device it belongs to; a gateway may speak for its children")
    on_vehicle: Identifier | None = Field(None, description="the vehicle that carries it")
    vendor: Identifier | None = Field(None, description="the organisation that made it")
    model: Word | None = None
    serial: Word | None = Field(None, description="the maker's number, an RSU's ESN; each once per vendor")
    standard: Word = Field("YD/T 3709-2020", description="message standard and version it speaks")
    profile: Word | None = Field(None, description="document that says how it uses the standard")
    profile_version: Word | None = None
    envelope: Envelope = "auto"
    vehicle_id: VehicleId | None = None
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    elevation_m: Elevation | None = None
    heading_deg: Heading | None = None
    mounting: Mounting | None = None
    calibration: Calibration | None = None
    labels: Annotated[dict[Word, Name], Field(max_length=50)] = Field(default_factory=dict)
    vin: Vin | None = None
    plate: Word | None = None
    vehicle_kind: VehicleKind | None = None
    length_m: Annotated[float, Field(gt=0, le=50, allow_inf_nan=False)] | None = None
    width_m: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] | None = None
    height_m: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] | None = None
    automation_level: Annotated[int, Field(ge=0, le=5, description="GB/T 40429, SAE J3016")] | None = None
    team: Identifier | None = Field(None, description="the organisation that brings it")


VEHICLE_FIELDS = ("vin", "plate", "vehicle_kind", "length_m", "width_m", "height_m", "automation_level", "team")


class NewDevice(DeviceFields):
    """A device to register."""

    device_id: Identifier
    kind: Kind
    site_id: Identifier
    lifecycle: Lifecycle = Lifecycle.REGISTERED
    credential: bool | None = Field(None, description="make a secret for it; by default when it has no parent, and may speak")

    @property
    def has_credential(self) -> bool:
        """Whether this device gets a secret of its own."""
        return self.parent is None and self.lifecycle in SPEAKING if self.credential is None else self.credential


class DeviceChange(DeviceFields):
    """What of a device may change; what is not named stays as it is."""

    site_id: Identifier | None = None


class Device(DeviceFields):
    """A registered device; `version` is its ETag."""

    device_key: int
    device_id: str
    kind: Kind
    site_id: str
    lifecycle: Lifecycle
    created: datetime.datetime
    has_credential: bool
    version: int


class Step(Model):
    """A device's next state."""

    to: Lifecycle
    note: Name = ""


class LifecycleEntry(Model):
    """A state that a device came into."""

    at: datetime.datetime
    former: Lifecycle | None = Field(description="null: it was entered in this state")
    state: Lifecycle
    actor: str
    note: str


class Registered(Model):
    """What a newly registered device is told, once: its secret is the MQTT password, its id the user name and client id."""

    device_id: str
    device_key: int
    secret: str | None = Field(None, examples=["i5oG1t0Zk2qXb3…"])


class DevicePage(Model):
    """Devices by id; `next` is the `after` of the next page, null on the last."""

    devices: list[Device]
    next: str | None


class ImportFault(Model):
    """One thing wrong with a file of devices."""

    line: int = Field(description="on which the record begins")
    field: str
    value: str
    allowed: str


class ImportReport(Model):
    """What a file of devices came to."""

    records: int = Field(description="read from the file")
    good: int = Field(description="of these, could be registered without the others")
    faults: list[ImportFault]
    registered: list[Registered] = Field(description="with their secrets; empty after a dry run")


class AuditEntry(Model):
    """One change of one row of the register; before is null for a new row, after for one that was deleted."""

    audit_id: int
    at: datetime.datetime
    actor: str
    action: str = Field(examples=["update"])
    what: str = Field(description="the table", examples=["device"])
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPage(Model):
    """Changes, oldest first; `next` is the `after` of the next page, null on the last."""

    entries: list[AuditEntry]
    next: int | None


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


class StreamTraffic(StreamAccount):
    """What became of one stream in a period."""

    sent: int | None = Field(description="frames that agents say they sent between their heartbeats; null when none said so")
    in_transit: int | None = Field(description="of those, how many did not come; a few more or less are on their way")


class Lag(Model):
    """How far ingest is behind."""

    committed_us: int | None = Field(description="when the newest batch of the period was durable, µs UTC; null: none was")
    p50_ms: float | None = Field(description="from arrival until durable, of the BSMs of the last 5 s; null: there are none")
    p99_ms: float | None


class Traffic(Model):
    """How a site did in a period that ends now."""

    from_us: int
    to_us: int
    streams: dict[str, StreamTraffic]
    lag: Lag
    broker: dict[str, int] | None = Field(
        description="since it started: messages `dropped`, `received`, `sent`; `clients` connected; null when it does not say"
    )


class Rows(Model):
    """A page of rows, oldest first."""

    rows: list[dict[str, Any]]
    next: int | None = Field(None, description="`after` of the next page; null on the last")


class Health(Model):
    """Whether the registry can do its work."""

    status: str = Field(examples=["ok"])
    database: str = Field(examples=["ok"])
    broker_files: str = Field(examples=["in step"])
