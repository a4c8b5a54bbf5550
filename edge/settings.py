"""The agent's configuration file: one class, the same for every kind of device."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from chelu import settings
from chelu.bus.messages import PORTS
from chelu.endpoint import host_and_port
from chelu.tls import with_authority
from chelu.topics import Kind
from edge.credential import CredentialFile


def _endpoint(value: str) -> str:
    host_and_port(value, least_port=0)
    return value


def _broker(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in PORTS or not rest:
        raise ValueError("it must read mqtt://HOST[:PORT] or mqtts://HOST[:PORT][?ca=FILE]")
    if "@" in rest:
        raise ValueError("it carries no account: the id is the user, and credential_file holds the secret")
    return value


ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
Endpoint = Annotated[str, AfterValidator(_endpoint)]
WireId = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{16}$")]


class Part(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Position(Part):
    """Where a device stands that does not move."""

    latitude_deg: float = Field(ge=-90, le=90)
    longitude_deg: float = Field(ge=-180, le=180)
    elevation_m: float | None = Field(default=None, ge=-409.5, le=6143.9)


class FrameSource(Part):
    """UDP datagrams of one UPER MessageFrame each."""

    type: Literal["frames"]
    listen: Endpoint


class ObjectSource(Part):
    """Object lists of a camera, radar or lidar, as JSON lines."""

    type: Literal["objects"]
    listen: Endpoint
    transport: Literal["udp", "tcp"] = "udp"
    sensor: Literal["unknown", "video", "radar", "lidar", "loop", "fusion"] = "unknown"


class GnssSource(Part):
    """NMEA sentences from a serial line, a file, a FIFO or a pseudo-terminal."""

    type: Literal["gnss"]
    path: Path
    baud: int = Field(default=115_200, ge=300, le=921_600)
    follow: bool = True


class _Vehicles(Part):
    """What both protocols of vehicles over TCP are told; the files are relative to the configuration file."""

    listen: Endpoint
    vehicles: Path
    keys_file: Path | None = None
    idle_s: float = Field(default=180.0, ge=1, le=86_400)
    login_s: float = Field(default=60.0, ge=0.1, le=86_400)
    batch_ms: float = Field(default=20.0, ge=0, le=1000)
    max_connections: int = Field(default=6_000, ge=1, le=100_000)
    second_login: Literal["replace", "refuse"] = "replace"

    def below(self, base: Path) -> Self:
        """The same with its files relative to a directory."""
        names = ("vehicles", "keys_file", "platforms_file")
        return self.model_copy(update={name: base / file for name in names if (file := getattr(self, name, None))})


class VehicleSource(_Vehicles):
    """Vehicles that speak GB/T 32960.3 over TCP."""

    type: Literal["gbt32960"]
    platforms_file: Path | None = None


class TerminalSource(_Vehicles):
    """Terminals that speak JT/T 808 over TCP."""

    type: Literal["jt808"]


class SpoolSettings(Part):
    """What is kept on disk: `directory` is relative to the configuration file."""

    directory: Path = Path("spool")
    max_mb: int = Field(default=256, ge=2, le=1_000_000)
    sync_s: float = Field(default=1.0, ge=0.1, le=3600)


class DeliverySettings(Part):
    """How what waits in the spool is sent."""

    receipts: bool = True
    window: int = Field(default=1000, ge=1, le=60_000)
    rate_per_s: float = Field(default=500.0, ge=1, le=100_000)
    resend_s: float = Field(default=10.0, ge=0.1, le=4096)


class UpgradeSettings(Part):
    """Where packages go, whose are taken, and what puts them into use; files are relative to the configuration file.

    versions: of what the device has from the factory; activate: a command, in which {name}, {version} and {path} are filled in.
    """

    directory: Path = Path("packages")
    keys_file: Path | None = None
    registry: Annotated[str, Field(pattern=r"^https?://")] | None = None
    ca_file: Path | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    activate: tuple[str, ...] = ()

    def below(self, base: Path) -> UpgradeSettings:
        """The same with its files relative to a directory."""
        files = {name: base / file for name in ("directory", "keys_file", "ca_file") if (file := getattr(self, name)) is not None}
        return self.model_copy(update=files)


class SignalStage(Part):
    """Phases that are green together, and within which times; people on foot finish crossing during `clearance_s`."""

    phases: tuple[Annotated[int, Field(ge=0, le=280)], ...] = Field(min_length=1, max_length=64)
    green_s: float = Field(ge=1, le=600)
    least_green_s: float = Field(default=7.0, ge=1, le=600)
    most_green_s: float = Field(default=60.0, ge=1, le=600)
    clearance_s: float = Field(default=0.0, ge=0, le=60)
    yellow_s: float = Field(default=3.0, ge=1, le=10)
    all_red_s: float = Field(default=2.0, ge=0, le=20)
    permissive: tuple[Annotated[int, Field(ge=0, le=280)], ...] = ()

    @model_validator(mode="after")
    def _is_in_order(self) -> SignalStage:
        if not self.least_green_s <= self.green_s <= self.most_green_s:
            raise ValueError(f"green_s = {self.green_s:g} must lie within {self.least_green_s:g} … {self.most_green_s:g}")
        if not set(self.permissive) <= set(self.phases):
            raise ValueError(f"permissive = {list(self.permissive)} must be among phases = {list(self.phases)}")
        return self


class SignalSettings(Part):
    """The stages of a signal in their order, and the limits of commands and of vehicles' priority.

    region, intersection: its numbers on the air; without, it says no SPAT. turn_s: how often it looks at its stages; late_s: how
    late a light may come and still end when it was to; a later one is shown in full.
    """

    stages: tuple[SignalStage, ...] = Field(min_length=2, max_length=16)
    longest_red_s: float = Field(default=150.0, ge=10, le=900)
    longest_wish_s: float = Field(default=120.0, ge=5, le=900)
    region: int = Field(default=0, ge=0, le=65_535)
    intersection: int | None = Field(default=None, ge=0, le=65_535)
    spat_s: float = Field(default=1.0, ge=0.1, le=10)
    turn_s: float = Field(default=0.1, ge=0.001, le=1)
    late_s: float = Field(default=0.25, ge=0.001, le=3600)


class JoinSettings(Part):
    """How a device that is not registered says who it is."""

    key_file: Path
    serial: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    hello_s: float = Field(default=10.0, ge=0.1, le=3600)


class Vehicle(Part):
    """What an on-board unit says of its vehicle."""

    width_m: float = Field(default=1.8, ge=0, le=10.22)
    length_m: float = Field(default=4.5, ge=0, le=40.94)
    height_m: float | None = Field(default=None, ge=0, le=6.35)
    vehicle_class: int = Field(default=10, ge=0, le=255)


class EdgeSettings(settings.Settings):
    """Everything an agent is told; see docs/edge.md."""

    kind: Kind
    id: str = Field(pattern=r"^[A-Za-z0-9_.-]{0,64}$")  # "": with [join] only, where the registry gives it
    subtype: str | None = None
    broker: Annotated[str, AfterValidator(_broker)] = "mqtt://127.0.0.1:1883"
    credential_file: Path | None = None
    wire_id: WireId | None = None
    own_bsm_id: WireId | None = None
    live_envelope: Literal["bare", "deployed"] | None = None
    batch_ms: float = Field(default=5.0, ge=0, le=100)
    heartbeat_s: float = Field(default=10.0, ge=0.1, le=3600)
    run_status_s: float = Field(default=60.0, ge=0.1, le=3600)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    muted_streams: frozenset[Literal["bsm", "rsm", "spat", "map", "rsi"]] = frozenset()
    warning_sink: Endpoint | None = None
    radio: Endpoint | None = None
    position: Position | None = None
    vehicle: Vehicle = Vehicle()
    spool: SpoolSettings = SpoolSettings()
    delivery: DeliverySettings = DeliverySettings()
    upgrade: UpgradeSettings | None = None
    signal: SignalSettings | None = None
    join: JoinSettings | None = None
    sources: tuple[
        Annotated[FrameSource | ObjectSource | GnssSource | VehicleSource | TerminalSource, Field(discriminator="type")], ...
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def _may_join(cls, values: Any) -> Any:
        return {"id": "", **values} if isinstance(values, dict) and values.get("join") is not None else values

    @model_validator(mode="after")
    def _has_a_name(self) -> EdgeSettings:
        if not self.id and self.join is None:
            raise ValueError("id is required, unless there is [join]")
        if self.join is not None and self.credential_file is None:
            raise ValueError("[join] needs credential_file: where the device keeps its secret once it is registered")
        return self

    @model_validator(mode="after")
    def _fits_the_kind(self) -> EdgeSettings:
        types = [source.type for source in self.sources]
        if "objects" in types and self.kind not in {Kind.RSU, Kind.RSCU}:
            raise ValueError(f"a source of type objects needs kind = rsu or rscu, which say what they see, not {self.kind}")
        if "objects" in types and self.kind is Kind.RSU and self.position is None:
            raise ValueError("a source of type objects needs [position]: an RSM gives places relative to it")
        if "frames" in types and self.kind not in {Kind.RSU, Kind.OBU}:
            raise ValueError(f"a source of type frames needs kind = rsu or obu, not {self.kind}")
        for single in ("gnss", "gbt32960", "jt808"):
            if types.count(single) > 1:
                raise ValueError(f"a device has one source of type {single}")
        return self

    @model_validator(mode="after")
    def _has_stages_as_a_signal(self) -> EdgeSettings:
        if self.signal is not None and self.kind is not Kind.SIGNAL:
            raise ValueError(f"[signal] needs kind = signal, not {self.kind}")
        return self

    @model_validator(mode="after")
    def _may_speak_for_others(self) -> EdgeSettings:
        for source in self.vehicle_sources:
            if self.kind is not Kind.GATEWAY:
                raise ValueError(
                    f"a source of type {source.type} needs kind = gateway, which speaks for its vehicles, not {self.kind}"
                )
        return self

    @property
    def vehicle_sources(self) -> list[VehicleSource | TerminalSource]:
        """Where vehicles are heard that it speaks for."""
        return [source for source in self.sources if isinstance(source, VehicleSource | TerminalSource)]

    @property
    def has_children(self) -> bool:
        """Whether it speaks for vehicles."""
        return bool(self.vehicle_sources)

    @property
    def envelope(self) -> Literal["bare", "deployed"]:
        """How live frames go up: an OBU's bare, everyone else's in the deployed envelope."""
        return self.live_envelope or ("bare" if self.kind is Kind.OBU else "deployed")

    def broker_url(self, secret: str | None = None) -> str:
        """The broker's URL with this device's account, by default with the secret of its file; ConfigurationError without one."""
        if self.credential_file is None:
            return self.broker
        scheme, _, rest = self.broker.partition("://")
        secret = secret or CredentialFile(self.credential_file).secret()
        return f"{scheme}://{quote(self.id, safe='')}:{quote(secret, safe='')}@{rest}"


def load(file: Path, environ: Mapping[str, str]) -> EdgeSettings:
    """Read a configuration file (and CHELU_EDGE_… variables); paths in it are relative to its directory."""
    read = EdgeSettings.load(environ=environ, prefix="CHELU_EDGE_", file=file)
    base = file.resolve().parent
    spool = read.spool.model_copy(update={"directory": base / read.spool.directory})
    paths: dict[str, Any] = {"broker": with_authority(read.broker, environ), "spool": spool}
    if read.credential_file:
        paths["credential_file"] = base / read.credential_file
        paths["id"] = CredentialFile(base / read.credential_file).device_id() or read.id
    if read.join:
        paths["join"] = read.join.model_copy(update={"key_file": base / read.join.key_file})
    if read.upgrade:
        paths["upgrade"] = read.upgrade.below(base)
    paths["sources"] = tuple(
        source.below(base) if isinstance(source, VehicleSource | TerminalSource) else source for source in read.sources
    )
    return read.model_copy(update=paths)
