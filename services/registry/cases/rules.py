"""Rules of the event board: when a case is so, then propose this. As data, checked where they are given. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chelu.road_events.catalogue import allowed, find
from chelu.signal_control import ControlError, plan_of, plan_text
from services.registry.alarms.kinds import Severity
from services.registry.cases.kinds import KINDS
from services.registry.models import Identifier, Model, Name, Word
from services.registry.orders.models import Document, Selection
from services.registry.orders.schemas import COMMANDS, find_faults
from services.registry.road_events.models import MOST_UNITS, Radius, Text

SEVERITIES = tuple(Severity)
LONGEST_S = 7 * 86_400.0


def _case_kind(name: str) -> str:
    if name not in KINDS:
        raise ValueError("one of " + ", ".join(KINDS))
    return name


CaseKindName = Annotated[
    str,
    StringConstraints(max_length=64),
    AfterValidator(_case_kind),
    Field(examples=["obstruction"], description="see /api/case-kinds"),
]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)]
Lasting = Annotated[float, Field(ge=60, le=LONGEST_S, allow_inf_nan=False)]


class RaiseRoadEvent(Model):
    """Let roadside units tell of an event at the case's place (RSI); it is withdrawn when the case is over."""

    do: Literal["road_event"]
    code: int = Field(ge=1, le=65_535, description="of GB/T 29100", examples=[101])
    text: Text = ""
    radius_m: Radius | None = None
    lasting_s: Lasting = 3600.0
    units: Annotated[list[Identifier], Field(min_length=1, max_length=MOST_UNITS)] | None = None

    @model_validator(mode="after")
    def _can_be_told(self) -> RaiseRoadEvent:
        if find(self.code, is_sign=False) is None:
            raise ValueError(allowed(is_sign=False))
        return self


class SetSignalPlan(Model):
    """Let signals keep a plan by hand; what was wanted of them before is so again when the case is over."""

    do: Literal["signal_plan"]
    signals: Annotated[list[Identifier], Field(min_length=1, max_length=100)]
    greens_s: Annotated[list[float], Field(min_length=2, max_length=16, examples=[[40, 15]])]

    @model_validator(mode="after")
    def _is_a_plan(self) -> SetSignalPlan:
        try:
            plan_of(plan_text(self.greens_s))
        except ControlError as error:
            raise ValueError(str(error)) from None
        return self


class SendCommand(Model):
    """Give a command to devices of the site."""

    do: Literal["command"]
    selection: Selection
    command: Word = Field(examples=["capture"])
    parameters: Document = Field(default_factory=dict, examples=[{"seconds": 60}])

    @model_validator(mode="after")
    def _is_a_command(self) -> SendCommand:
        if self.command not in COMMANDS:
            raise ValueError("command: one of " + ", ".join(COMMANDS))
        for fault in find_faults(COMMANDS[self.command].parameters, self.parameters, at="parameters"):
            raise ValueError(f"{fault.field} = {fault.value} is not allowed: {fault.allowed}")
        return self


class TellWebhook(Model):
    """Send the case to a webhook of the register."""

    do: Literal["webhook"]
    webhook: Identifier


Action = Annotated[RaiseRoadEvent | SetSignalPlan | SendCommand | TellWebhook, Field(discriminator="do")]


class When(Model):
    """Which cases a rule is for."""

    kinds: Annotated[list[CaseKindName], Field(min_length=1, max_length=20)]
    least: Severity = Field(default=Severity.INFO, description="least severity")
    least_signs: int = Field(default=1, ge=1, le=100, description="how many signs it has")
    lasting_s: Seconds = Field(default=0.0, description="how long it has been going on")


class Limits(Model):
    """Within which a rule may run by itself; beyond, a person is asked."""

    per_hour: int = Field(default=4, ge=1, le=1000, description="so many actions of the rule that nobody was asked about")
    at_once: int = Field(default=2, ge=1, le=1000, description="so many of them for cases that are not over yet")


class NewRule(Model):
    """When a case is so, then propose this; by itself: do it, within limits."""

    name: Name = ""
    when: When
    then: Annotated[list[Action], Field(min_length=1, max_length=5)]
    runs_by_itself: bool = False
    limits: Limits = Limits()
    expires_s: Lasting = Field(1800.0, description="so long somebody may decide")
    helps_within_s: Lasting = Field(1800.0, description="it has helped when the case is over so soon after it was carried out")
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """Of a case, as rules see it."""

    kind: str
    severity: Severity
    signs: int
    opened: datetime.datetime


def applies(when: When, case: Facts, now: datetime.datetime) -> bool:
    """Whether the rule is for a case that is so now."""
    return (
        case.kind in when.kinds
        and SEVERITIES.index(case.severity) >= SEVERITIES.index(when.least)
        and case.signs >= when.least_signs
        and (now - case.opened).total_seconds() >= when.lasting_s
    )


def held(limits: Limits, ran: Sequence[datetime.datetime], in_force: int, now: datetime.datetime) -> str:
    """Which limit keeps a rule from running by itself now; empty: none.

    ran: when it did lately; in_force: its actions for cases that are not over.
    """
    lately = sum((now - at).total_seconds() < 3600.0 for at in ran)
    if lately >= limits.per_hour:
        return f"{lately} of {limits.per_hour} actions within an hour"
    if in_force >= limits.at_once:
        return f"{in_force} of {limits.at_once} actions at once"
    return ""
