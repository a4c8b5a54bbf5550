"""What the API takes and gives of alarms, thresholds, maintenance and webhooks."""

from __future__ import annotations

import datetime
import enum
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chelu.topics import Kind
from services.registry.alarms.kinds import KINDS, Severity
from services.registry.models import Identifier, Instant, Model, Name

LONGEST_S = 86_400.0
SCHEMES = frozenset({"http", "https"})


def _alarm_kind(name: str) -> str:
    if name not in KINDS:
        raise ValueError("one of " + ", ".join(KINDS))
    return name


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("an address with http:// or https:// and a host")
    return text


AlarmKindName = Annotated[
    str,
    StringConstraints(max_length=64),
    AfterValidator(_alarm_kind),
    Field(examples=["offline"], description="see /api/alarm-kinds"),
]
Kinds = Annotated[list[AlarmKindName], Field(min_length=1, max_length=100)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)]
Bound = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
AlarmId = Annotated[int, Field(ge=1, le=2**63 - 1)]
Comment = Annotated[Name, Field(examples=["a crew is on its way"])]


class AlarmState(enum.StrEnum):
    """What has become of an alarm; `open` asks for those raised or clearing."""

    OPEN = "open"
    PENDING = "pending"  # it is so, but not for long enough, or a maintenance window keeps it quiet
    RAISED = "raised"
    CLEARING = "clearing"  # it is no longer so, but not for long enough
    CLEARED = "cleared"


class Remark(Model):
    """What somebody has to say of an alarm."""

    comment: Comment = ""


class Alarm(Model):
    """One alarm. `value` is what was measured when it began, `bound` what it passed."""

    alarm_id: int
    kind: str
    subject: str
    part: str
    site_id: str | None
    severity: Severity
    state: AlarmState
    value: float | None
    bound: float | None
    detail: dict[str, Any]
    since: datetime.datetime
    raised: datetime.datetime | None
    cleared: datetime.datetime | None
    acknowledged: datetime.datetime | None
    acknowledged_by: str | None
    comment: str


class AlarmEvent(Model):
    """What became of an alarm, and by whom."""

    at: datetime.datetime
    event: str = Field(examples=["raised"])
    actor: str
    comment: str


class AlarmWithEvents(Alarm):
    """One alarm and its history."""

    events: list[AlarmEvent]


class AlarmPage(Model):
    """Alarms, oldest first; `next` is the `after` of the next page, null on the last."""

    alarms: list[Alarm]
    next: int | None


class AlarmKindShown(Model):
    """A kind of alarm, and the limits that count unless a threshold says otherwise."""

    name: str
    severity: Severity
    about: str
    unit: str
    bound: float | None
    clear_bound: float | None
    raise_after_s: float
    clear_after_s: float
    is_quietable: bool = Field(description="whether a maintenance window keeps it from being raised")


class NewThreshold(Model):
    """Limits for a device, a site, a device kind, or all; what is null, the next wider one says, at last the kind."""

    kind: AlarmKindName
    site: Identifier | None = None
    device_kind: Kind | None = None
    device: Identifier | None = None
    bound: Bound | None = Field(None, description="in the kind's unit")
    clear_bound: Bound | None = Field(
        None,
        description="it has to come back to this; by default what the next wider one says, at most the bound",
    )
    raise_after_s: Seconds | None = None
    clear_after_s: Seconds | None = None
    severity: Severity | None = None
    is_enabled: bool | None = None

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        if self.device is not None and (self.site is not None or self.device_kind is not None):
            raise ValueError("a threshold for a device names neither a site nor a device kind")
        return self


class Threshold(NewThreshold):
    """A threshold that counts."""

    threshold_id: int


class Limits(Model):
    """What counts for one device."""

    kind: str
    severity: Severity
    bound: float | None
    clear_bound: float | None
    raise_after_s: float
    clear_after_s: float
    is_enabled: bool


class NewMaintenance(Model):
    """A time in which alarms of a device, or of a whole site, are not raised; what is still so at its end is raised then."""

    site: Identifier
    device: Identifier | None = None
    kinds: Kinds | None = Field(None, description="null: every kind that may be kept quiet")
    starts: Instant | None = Field(None, description="null: now")
    ends: Instant
    reason: Name = ""


class Maintenance(Model):
    """A maintenance window."""

    maintenance_id: int
    site: str
    device: str | None
    kinds: list[str] | None
    starts: datetime.datetime
    ends: datetime.datetime
    reason: str
    created_by: str


class NewWebhook(Model):
    """Whom to tell of alarms: every event of the kinds and sites asked for is sent there by POST, signed."""

    name: Identifier
    url: Annotated[str, StringConstraints(max_length=2000), AfterValidator(_url), Field(examples=["https://desk.example/alarms"])]
    site: Identifier | None = Field(None, description="null: every site")
    least: Severity = Field(Severity.INFO, description="least severity")
    kinds: Kinds | None = Field(None, description="null: every kind")
    secret: Annotated[str, StringConstraints(min_length=16, max_length=200)] | None = Field(
        None, repr=False, description="signs what is sent; null: one is made, and shown once"
    )


class Webhook(Model):
    """A webhook, and what waits for it."""

    name: str
    url: str
    site: str | None
    least: Severity
    kinds: list[str] | None
    is_enabled: bool
    created: datetime.datetime
    waiting: int
    delivered: int
    dead: int = Field(description="given up after the last attempt; see the deliveries, and retry")
    answer: str = Field(description="the last one")


class AddedWebhook(Webhook):
    """A new webhook with its secret, which is shown only here."""

    secret: str


class WebhookChange(Model):
    """Whether it is told of what happens from now on."""

    is_enabled: bool


class DeliveryState(enum.StrEnum):
    """What has become of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class Delivery(Model):
    """One event on its way to one webhook."""

    delivery_id: int
    state: DeliveryState
    attempts: int
    created: datetime.datetime
    due: datetime.datetime
    settled: datetime.datetime | None
    answer: str
    body: dict[str, Any]


class Queued(Model):
    """How many deliveries were put in line."""

    deliveries: int
