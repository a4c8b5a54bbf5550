"""What the API gives of the quality monitors."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from chelu.quality.monitors.assessments import Verdict
from chelu.quality.monitors.catalogue import BY_NAME
from services.registry.alarms.models import AlarmState


def _monitor(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError("one of " + ", ".join(BY_NAME))
    return name


MonitorName = Annotated[
    str, Field(max_length=64, examples=["spat-rate"], description="see docs/monitors.md"), AfterValidator(_monitor)
]
Period = Literal["hour", "day"]


class About(BaseModel):
    """What a finding is about. device_id: null where it is about no device, or one that is gone; subject: in words."""

    monitor: str
    title: str
    device_id: str | None
    subject: str


class QualityEvent(About):
    """Where a subject began to be bad."""

    event_id: int
    time: datetime.datetime
    until: datetime.datetime = Field(description="the last bad item that was seen of it in its window")
    items: int
    value: float = Field(description="the worst")
    unit: str
    vehicle_id: str | None


class QualityEventPage(BaseModel):
    """Events, in the order in which they were found; `next` is the `after` of the next page, null on the last."""

    events: list[QualityEvent]
    next: int | None


class QualityAssessment(About):
    """What of a subject was bad in an hour or a day (UTC). share: of what was judged; passed: not judged, by reason."""

    begins: datetime.datetime
    judged: int
    bad: int
    share: float
    passed: dict[str, int]
    verdict: Verdict


class QualityNotification(About):
    """What somebody has to be told now, with the alarm that tells it; null: nobody has looked yet, or a threshold is off."""

    hour: datetime.datetime
    judged: int
    bad: int
    share: float
    action: str = Field(description="what to do")
    alarm_id: int | None
    state: AlarmState | None
    acknowledged: datetime.datetime | None
    acknowledged_by: str | None
    comment: str
