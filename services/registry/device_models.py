"""What the API takes and gives of devices, vehicles and files of them: fields with units and bounds."""

from __future__ import annotations

import datetime
import enum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from chelu.topics import Kind
from services.registry import vin
from services.registry.lifecycle import SPEAKING, Lifecycle
from services.registry.models import Elevation, Finite, Heading, Identifier, Latitude, Longitude, Model, Name, Word, Written

ENVELOPES = ("bare", "deployed", "t/its 0117 big-endian", "t/its 0117 little-endian", "auto")


def _envelope(name: str) -> str:
    if name not in ENVELOPES:
        raise ValueError("one of " + ", ".join(ENVELOPES))
    return name


VehicleId = Annotated[
    str,
    StringConstraints(pattern="^[0-9a-fA-F]{16}$", to_lower=True),
    Field(description="8-byte id of the vehicle's BSMs, big-endian, in hexadecimal", examples=["00000000000003e9"]),
]
Envelope = Annotated[str, AfterValidator(_envelope), Field(description="how frames are wrapped: " + ", ".join(ENVELOPES))]
Vin = Annotated[str, AfterValidator(vin.valid), Field(description="ISO 3779", examples=["LSVAA4182E2123454"])]


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


class Mounting(Model):
    """How a device is held."""

    on: Word | None = Field(None, examples=["gantry"])
    height_m: Annotated[float, Field(ge=-50, le=500, allow_inf_nan=False, description="above the ground")] | None = None
    pitch_deg: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="upwards positive")] | None = None
    roll_deg: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None


class Calibration(Model):
    """The calibration that counts: when, by whom, until when, and its numbers."""

    at: Written
    by: Name = ""
    valid_until: Written | None = None
    parameters: Annotated[
        dict[Word, Finite | Annotated[list[Finite], Field(max_length=100)]], Field(max_length=50, examples=[{"focal_px": 1120.5}])
    ] = Field(default_factory=dict)


class Reading(Model):
    """How a device's messages are read where they are not what their standard says; docs/formats/openv2x.md, tits0180.md."""

    is_heading_mirrored: Annotated[bool, Field(description="its headings run anticlockwise")] = False
    speed_factor: Annotated[
        float, Field(gt=0, le=100, allow_inf_nan=False, description="what its speeds are multiplied with, since they come scaled")
    ] = 1.0
    is_gcj02: Annotated[bool, Field(description="its places are GCJ-02, in JSON")] = False
    phase_rule: Annotated[
        Literal["annex_b", "entry"],
        Field(description="how its signal phases are numbered: T/ITS 0180.1 annex B, or entry and lamp"),
    ] = "annex_b"


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
    profile: Word | None = Field(None, description="document that says how it uses the standard; openv2x: an RSU of OpenV2X")
    profile_version: Word | None = None
    reading: Reading | None = Field(None, description="where its messages are not what their standard says")
    envelope: Envelope = "auto"
    vehicle_id: VehicleId | None = None
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    elevation_m: Elevation | None = None
    heading_deg: Heading | None = None
    coverage_m: (
        Annotated[
            float, Field(gt=0, le=50_000, allow_inf_nan=False, description="how far what it sends is heard", examples=[500.0])
        ]
        | None
    ) = None
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
    carries: Annotated[
        tuple[Identifier, ...], Field(max_length=100, description="of a vehicle: devices that are on it from now on")
    ] = ()

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
