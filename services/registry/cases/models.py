"""What the API takes and gives of cases, proposals and rules."""

from __future__ import annotations

import datetime
import enum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.registry.alarms.kinds import Severity
from services.registry.cases.kinds import REPORTABLE
from services.registry.cases.machine import State
from services.registry.cases.rules import Action, CaseKindName, NewRule
from services.registry.models import Instant, Latitude, Longitude, Model, Name
from services.registry.road_events.models import Elevation


def _reportable(name: str) -> str:
    if name not in REPORTABLE:
        raise ValueError("one of " + ", ".join(REPORTABLE))
    return name


SignKind = Annotated[str, StringConstraints(max_length=64), AfterValidator(_reportable), Field(examples=["accident"])]
Comment = Annotated[Name, Field(examples=["a crew is on its way"])]
Duty = Annotated[Name, StringConstraints(min_length=1), Field(description="who acts", examples=["road crew 2"])]


class Which(enum.StrEnum):
    """Which cases are asked for."""

    OPEN = "open"  # all that are not over
    ALL = "all"
    UNATTENDED = "unattended"  # open, and nobody acts
    OVER = "over"


class Spot(Model):
    """Where it is."""

    latitude_deg: Latitude
    longitude_deg: Longitude
    elevation_m: Elevation | None = None


class NewSighting(Model):
    """Something that somebody saw. It needs a place or the name of a spot."""

    kind: SignKind
    text: Name = Field("", examples=["two cars and a truck, right lane"])
    place: Spot | None = None
    spot: Name = Field("", description="a road, lane, device … of the site", examples=["gate_0"])
    severity: Severity | None = Field(None, description="null: as the kind has it")

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if self.place is None and not self.spot:
            raise ValueError("a place or a spot: nobody could go there")
        return self


class NewCase(NewSighting):
    """A case opened by hand; what is already known of the same kind at the same place joins it."""

    duty: Duty | None = None


class CitizenReport(NewSighting):
    """What a citizen told, as a hotline or an app hands it in. reference: the hotline's own number, so that none comes twice."""

    reference: Name = Field("", examples=["12345-20261126-0017"])
    at: Instant | None = Field(None, description="when it was seen; null: now")


class CaseChange(Model):
    """What of a case is to be otherwise; what is not named stays."""

    state: State | None = None
    duty: Duty | None = None
    severity: Severity | None = None
    comment: Comment = ""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.state is None and self.duty is None and self.severity is None and not self.comment:
            raise ValueError("a state, a duty, a severity or a comment")
        return self


class Case(Model):
    """One case. over: since when nothing is to be done about it."""

    case_id: int
    site_id: str
    kind: str
    title: str
    latitude_deg: float | None
    longitude_deg: float | None
    elevation_m: float | None
    spot: str
    severity: Severity
    state: State
    duty: str | None
    opened: datetime.datetime
    changed: datetime.datetime
    last_sign: datetime.datetime
    over: datetime.datetime | None
    signs: int = Field(description="that it is made of")
    going_on: int = Field(description="of them, those that are still so")
    proposals: int = Field(description="that somebody has to decide about")


class CaseSign(Model):
    """What a case is made of: an alarm, a finding of inference, a citizen's report, or what an operator saw."""

    sign_id: int
    source: Literal["alarm", "finding", "citizen", "operator"]
    source_id: str
    kind: str
    severity: Severity
    at: datetime.datetime
    ended: datetime.datetime | None
    latitude_deg: float | None
    longitude_deg: float | None
    elevation_m: float | None
    spot: str
    text: str
    detail: dict[str, Any]


class CaseEvent(Model):
    """What became of a case, and by whom."""

    event_id: int
    at: datetime.datetime
    actor: str
    event: str = Field(examples=["joined"])
    detail: dict[str, Any]
    comment: str


class ProposalState(enum.StrEnum):
    """What became of a proposal."""

    PROPOSED = "proposed"
    DONE = "done"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"  # the case was over before anybody decided


class Proposal(Model):
    """What a rule proposed for a case, and what came of it."""

    proposal_id: int
    case_id: int
    site_id: str
    rule_id: str
    version: int = Field(description="of the rule")
    step: int = Field(description="which of the rule's actions")
    action: Action
    state: ProposalState
    made: datetime.datetime
    expires: datetime.datetime
    held: str = Field(description="which limit kept it from running by itself")
    settled: datetime.datetime | None
    settled_by: str | None
    is_by_rule: bool = Field(description="nobody was asked")
    comment: str
    answer: str = Field(description="why it failed")
    outcome: dict[str, Any] = Field(description="what was made by it: an event_id, a dispatch_id, a delivery_id …")
    undone: datetime.datetime | None = Field(description="when what it set in force was taken back")
    has_helped: bool | None = Field(description="whether the case was over in time; null: not judged")


class CaseWhole(Case):
    """One case with what it is made of, what is proposed, and its history."""

    made_of: list[CaseSign]
    proposed: list[Proposal]
    history: list[CaseEvent]


class CasePage(Model):
    """Cases, newest first; `next` is the `before` of the next page, null on the last."""

    cases: list[Case]
    next: int | None


class ProposalPage(Model):
    """Proposals, newest first; `next` is the `before` of the next page, null on the last."""

    proposals: list[Proposal]
    next: int | None


class Decision(Model):
    """What somebody has to say to it."""

    comment: Comment = ""


class Record(Model):
    """What came of a rule's proposals, of all its versions."""

    waiting: int
    done: int
    by_itself: int = Field(description="of those done")
    failed: int
    rejected: int
    expired: int
    withdrawn: int
    helped: int = Field(description="of those done and judged: the case was over in time")
    not_helped: int
    success: float | None = Field(description="helped / (helped + not_helped); null: none was judged")
    over_s_with: float | None = Field(description="median seconds from proposal to the case's end, where it was carried out")
    over_s_without: float | None = Field(description="the same where it was not")


class Rule(NewRule):
    """A rule with its record."""

    rule_id: str
    site_id: str
    version: int
    since: datetime.datetime
    record: Record


class CaseKindShown(Model):
    """A kind of cases, and when signs belong together."""

    name: CaseKindName
    about: str
    severity: Severity
    signs: list[str]
    radius_m: float
    joining_s: float
    over_s: float
    reportable: list[str] = Field(description="of the signs, those that people may report")
