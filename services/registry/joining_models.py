"""What the API takes and gives of provisioning keys, of devices that want to join, and of credentials that are changed."""

from __future__ import annotations

import datetime
import enum
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chelu.topics import Kind
from services.registry.device_models import DeviceFields
from services.registry.models import Elevation, Identifier, Latitude, Longitude, Model, Word

MOST_JOINS = 1000


class State(enum.StrEnum):
    """What became of a device that wants to join."""

    WAITING = "waiting"
    REGISTERED = "registered"  # it has been told its id, or will be at its next word
    JOINED = "joined"  # it was heard under its own id
    REFUSED = "refused"


class Hello(BaseModel):
    """What of a stranger's hello is used when it is registered; the rest is only shown."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: Identifier | None = None
    kind: Kind | None = None
    subtype: Word | None = None
    model: Word | None = None
    latitude_deg: Latitude | None = None
    longitude_deg: Longitude | None = None
    elevation_m: Elevation | None = None


class NewProvisioningKey(Model):
    """A key for devices that are not registered yet."""

    name: Identifier
    site_id: Identifier
    max_joins: int = Field(1, ge=1, le=MOST_JOINS, description="devices that may be registered with it")
    expires: AwareDatetime | None = Field(None, description="null: in a week")


class ProvisioningKey(Model):
    """A provisioning key; its value is shown only when it is made."""

    name: str
    site_id: str
    places: int = Field(description="devices that may wait at the same time")
    max_joins: int
    joins: int
    expires: datetime.datetime
    revoked: datetime.datetime | None
    created: datetime.datetime
    is_live: bool = Field(description="whether the broker lets in who has it")


class AddedProvisioningKey(ProvisioningKey):
    """A new provisioning key with its value."""

    key: str = Field(description="what the devices are given", examples=["crew:20:i5oG1t0Zk2qXb3…"])


class Waiting(Model):
    """A device that wants to join."""

    serial: str
    fingerprint: str = Field(description="of the secret it made for itself; the device logs the same")
    key: str = Field(description="the provisioning key it came with")
    place: str = Field(description="of the key, where it waits")
    address: str | None = Field(description="from where it connected; null when the broker does not say")
    site_id: str = Field(description="the key's")
    said: dict[str, Any]
    state: State
    device_id: str | None = Field(description="under which it has been registered")
    first_heard: datetime.datetime
    last_heard: datetime.datetime
    kept: int = Field(description="messages in quarantine")


class Kept(Model):
    """A message in quarantine."""

    topic: str
    payload: str = Field(description="hexadecimal")
    heard: datetime.datetime


class WaitingWithData(Waiting):
    """A device that wants to join, with the newest of what it said meanwhile."""

    data: list[Kept]


class Joining(DeviceFields):
    """How to register a device that waits: what is not named is as its hello and its key say."""

    fingerprint: str | None = Field(None, description="needed when several claim the serial")
    replaces: Identifier | None = Field(
        None, description="a registered device whose credential is replaced; nothing else changes"
    )
    device_id: Identifier | None = None
    kind: Kind | None = None
    site_id: Identifier | None = None


class NewRotation(Model):
    """How a credential is to be changed."""

    by: Literal["device", "hand"] = Field("device", description="who puts the new secret in: the device itself, or somebody")
    until: AwareDatetime | None = Field(None, description="null: in a day (device), in an hour (hand)")


class Rotation(Model):
    """A credential's change that is under way."""

    device_id: str
    by: Literal["device", "hand"]
    until: datetime.datetime = Field(description="device: given up then; hand: the new secret counts from then on at the latest")
    secret: str | None = Field(None, description="by hand: the new secret, shown only once")
