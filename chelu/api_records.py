"""What the registry's API takes and gives, as values for programs: `chelu.api` sends and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chelu.topics import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A test site, with the origin of its local frame (WGS-84)."""

    site_id: str
    latitude_deg: float
    longitude_deg: float
    elevation_m: float = 0.0
    name: str = ""
    time_zone: str = "Asia/Shanghai"
    area: Mapping[str, Any] | None = None  # GeoJSON Polygon
    operator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An operator, a vehicle team or a vendor."""

    organisation_id: str
    role: str
    name: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleEntry:
    """A state that a device came into; `former` None: it was entered in this state."""

    at: str
    former: str | None
    state: str
    actor: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A device to register; `vehicle_id` is 16 hexadecimal digits. `credential` None: a secret unless it has a parent.

    carries: of a vehicle, the registered devices that are on it from now on.
    """

    device_id: str
    kind: Kind
    site_id: str
    subtype: str | None = None
    name: str = ""
    parent: str | None = None
    standard: str = "YD/T 3709-2020"
    envelope: str = "auto"
    vehicle_id: str | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    elevation_m: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    credential: bool | None = None
    profile: str | None = None
    profile_version: str | None = None
    reading: Mapping[str, Any] | None = None
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    heading_deg: float | None = None
    coverage_m: float | None = None
    mounting: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] | None = None
    lifecycle: str = "registered"
    on_vehicle: str | None = None
    vin: str | None = None
    plate: str | None = None
    vehicle_kind: str | None = None
    length_m: float | None = None
    width_m: float | None = None
    height_m: float | None = None
    automation_level: int | None = None
    team: str | None = None
    carries: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A registered device; `created` is ISO 8601, `version` counts its changes."""

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
    labels: Mapping[str, str]
    created: str
    has_credential: bool
    profile: str | None = None
    profile_version: str | None = None
    reading: Mapping[str, Any] | None = None
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    heading_deg: float | None = None
    coverage_m: float | None = None
    mounting: Mapping[str, Any] | None = None
    calibration: Mapping[str, Any] | None = None
    lifecycle: str = "registered"
    on_vehicle: str | None = None
    vin: str | None = None
    plate: str | None = None
    vehicle_kind: str | None = None
    length_m: float | None = None
    width_m: float | None = None
    height_m: float | None = None
    automation_level: int | None = None
    team: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What a registered device must know: the secret is its MQTT password, and is shown only once."""

    device_id: str
    device_key: int
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFault:
    """One thing wrong with a file of devices; `line` is where the record begins."""

    line: int
    field: str
    value: str
    allowed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What a file of devices came to; `good` of its records could be registered, None when it was refused as a whole."""

    is_refused: bool
    good: int | None
    faults: list[ImportFault]
    registered: list[Registered]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Rows of one stream: received = stored + the sum of `dropped`, by reason; `missing` messages were lost on the way."""

    messages: int
    frames: int
    received: int
    stored: int
    missing: int = 0
    dropped: Mapping[str, int]
