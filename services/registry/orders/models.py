"""What the API takes and gives of orders, configuration and commands."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from chelu.codec.documents import check_storable
from chelu.errors import MalformedError
from chelu.topics import Kind
from services.registry.lifecycle import Lifecycle
from services.registry.models import Identifier, Model, Name, Word
from services.registry.orders.machine import State


def _keepable(document: dict[str, Any]) -> dict[str, Any]:
    """What the database can keep, and a device be sent."""
    try:
        check_storable(document)
    except MalformedError as error:
        raise ValueError(error.detail) from None
    return document


Topic = Literal["config", "command", "upgrade", "event", "traffic", "om-config", "map", "rsi"]
MOST_DEVICES = 20_000
LONGEST_S = 31 * 86_400.0
Lasting = Annotated[float | None, Field(gt=0, le=LONGEST_S, description="seconds in which an answer has to come; null: as usual")]
Document = Annotated[dict[Word, Any], Field(max_length=100), AfterValidator(_keepable)]


class Selection(Model):
    """Which devices: these, or all that fit every filter that is given. At least one of both."""

    devices: Annotated[list[Identifier], Field(max_length=MOST_DEVICES)] | None = None
    site: Identifier | None = None
    kind: Kind | None = None
    subtype: Word | None = None
    vendor: Identifier | None = None
    model: Word | None = None
    lifecycle: Lifecycle | None = None
    team: Identifier | None = None
    labels: Annotated[dict[Word, Name], Field(max_length=50)] | None = Field(
        None, description="all of these", examples=[{"bay": "3"}]
    )

    @model_validator(mode="after")
    def _says_something(self) -> Selection:
        if not self.model_dump(exclude_none=True):
            raise ValueError("devices or at least one filter: an empty selection would be every device there is")
        return self


class Configuring(Model):
    """A change of what devices are to be configured with: named fields are set, null takes one away, others stay."""

    selection: Selection
    change: Document = Field(examples=[{"heartbeat_s": 5}])
    lasting_s: Lasting = None


class Commanding(Model):
    """A command for some devices."""

    selection: Selection
    command: Word = Field(examples=["ping"])
    parameters: Document = Field(default_factory=dict, examples=[{"level": "DEBUG"}])
    lasting_s: Lasting = None


class Telling(Model):
    """Events, traffic or settings for roadside computers: a document of T/ITS 0180.1, tables 17 to 21 and 25."""

    selection: Selection
    about: Literal["event", "traffic", "om-config"]
    document: Document = Field(examples=[{"eventList": [{"eventType": 904, "longitude": 106.57, "latitude": 29.53}]}])
    lasting_s: Lasting = None


class Dispatch(BaseModel):
    """What somebody asked for, and how far it has come: orders by state."""

    dispatch_id: int
    at: datetime.datetime
    actor: str
    topic: Topic
    body: dict[str, Any]
    selection: dict[str, Any]
    devices: int
    states: dict[State, int]


class DispatchPage(BaseModel):
    """Dispatches, newest first; `next` is the `before` of the next page, null on the last."""

    dispatches: list[Dispatch]
    next: int | None


class OrderShown(BaseModel):
    """One order to one device."""

    number: int = Field(description="its seqNum")
    dispatch_id: int
    device_id: str
    topic: Topic
    body: dict[str, Any]
    state: State
    queued: datetime.datetime
    expires: datetime.datetime
    due: datetime.datetime | None = Field(description="when it is sent next")
    attempts: int
    sent: datetime.datetime | None = Field(description="when the broker first had it")
    delivered: datetime.datetime | None = Field(description="when the device first spoke of it")
    settled: datetime.datetime | None
    code: int | None = Field(description="the device's errorCode: 0 done, 1 bad parameter, 2 local error")
    detail: str
    answer: dict[str, Any] | None
    answers: int = Field(description="how often the device has spoken of it")
    is_late: bool = Field(description="whether its answer came after the time was over")


class OrderPage(BaseModel):
    """Orders by number; `next` is the `after` of the next page, null on the last."""

    orders: list[OrderShown]
    next: int | None


class Difference(BaseModel):
    """A field that is desired otherwise than it is reported; null: not there."""

    field: str
    desired: Any
    reported: Any


class Configuration(BaseModel):
    """What a device is to be configured with, what it says it is, and where the two differ."""

    device_id: str
    kind: Kind
    desired: dict[str, Any] | None = Field(description="null: nobody has said")
    version: int | None = Field(description="of what is desired: counts its changes")
    reported: dict[str, Any] | None = Field(description="null: it has never said")
    said: datetime.datetime | None = Field(description="when it said so, by its own clock")
    differences: list[Difference]
    versions: dict[str, str] | None = Field(description="what it says is installed")
    strays: int = Field(description="answers of it to what it was never sent")
    state: State | None = Field(description="of the newest order that configures it")


class ConfigurationPage(BaseModel):
    """Configurations by device; `next` is the `after` of the next page, null on the last."""

    configurations: list[Configuration]
    next: str | None
