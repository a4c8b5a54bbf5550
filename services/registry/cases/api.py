"""The event board over HTTP: cases listed, opened, changed; what citizens tell; proposals decided."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Path, Query

from services.registry.access import ActorOf
from services.registry.alarms.kinds import Severity
from services.registry.cases import proposals, rows
from services.registry.cases.joining import Sign
from services.registry.cases.kinds import KINDS, REPORTABLE, kind_of
from services.registry.cases.machine import IS_OVER, State, allowed, may_follow
from services.registry.cases.models import (
    Case,
    CaseChange,
    CaseEvent,
    CaseKindShown,
    CasePage,
    CaseSign,
    CaseWhole,
    CitizenReport,
    Decision,
    NewCase,
    NewSighting,
    Proposal,
    ProposalPage,
    ProposalState,
    Which,
)
from services.registry.cases.rules import CaseKindName
from services.registry.database import remember
from services.registry.orders.issuing import clerk_of, now_of
from services.registry.orders.machine import Moment
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.track.rows import site

ROUTER = Router(prefix="/api", tags=["event board"])
CaseId = Annotated[int, Path(ge=1, le=2**63 - 1)]
ProposalId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Before = Annotated[int, Query(ge=1, le=2**63 - 1, description="the number before which the page begins")]
WHICH: Mapping[Which, str] = {
    Which.OPEN: "state IN ('open', 'acting')",
    Which.ALL: "true",
    Which.UNATTENDED: "state = 'open'",
    Which.OVER: "state IN ('resolved', 'closed', 'dismissed')",
}
LIST = f"""{rows.SELECT} WHERE site_id = %(site_id)s AND case_id < %(before)s AND {{which}}
        AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(duty)s::text IS NULL OR duty = %(duty)s)
        AND (%(severity)s::text IS NULL OR register.severity_rank(severity) >= register.severity_rank(%(severity)s))
    ORDER BY case_id DESC LIMIT %(limit)s"""
SIGNS = """SELECT sign_id, source, source_id, kind, severity, at, ended, latitude_deg, longitude_deg, elevation_m, spot, text,
        detail FROM register.case_sign WHERE case_id = %s ORDER BY sign_id LIMIT 1000"""
HISTORY = """SELECT event_id, at, actor, event, detail, comment FROM register.case_event WHERE case_id = %s
    ORDER BY event_id LIMIT 5000"""
OF_CASE = f"{proposals.SELECT} WHERE case_id = %s ORDER BY proposal_id"
PROPOSALS = f"""{proposals.SELECT} WHERE site_id = %(site_id)s AND proposal_id < %(before)s
        AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(rule)s::text IS NULL OR rule_id = %(rule)s)
    ORDER BY proposal_id DESC LIMIT %(limit)s"""
SENT_BY_CLERK = frozenset({"road_event", "command"})


@ROUTER.get("/case-kinds")
def list_case_kinds() -> list[CaseKindShown]:
    """What cases there are, of which signs, and when signs belong together."""
    return [
        CaseKindShown(
            name=kind.name,
            about=kind.about,
            severity=kind.severity,
            signs=list(kind.signs),
            radius_m=kind.radius_m,
            joining_s=kind.joining_s,
            over_s=kind.over_s,
            reportable=[name for name in REPORTABLE if name in kind.signs],
        )
        for kind in KINDS.values()
    ]


@ROUTER.get("/sites/{site_id}/cases")
def list_cases(
    site_id: SiteId,
    parts: PartsOf,
    which: Which = Which.OPEN,
    kind: Annotated[CaseKindName | None, Query()] = None,
    severity: Annotated[Severity | None, Query(description="at least so grave")] = None,
    duty: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 100,
    before: Before = 2**63 - 1,
) -> CasePage:
    """The site's cases, newest first, by default those that are not over."""
    query = {"site_id": site_id, "kind": kind, "severity": severity, "duty": duty, "limit": limit + 1, "before": before}
    with parts.register.transaction() as connection:
        site(connection, site_id)
        found = [Case(**row) for row in connection.execute(LIST.format(which=WHICH[which]).encode(), query)]
    return CasePage(cases=found[:limit], next=found[limit - 1].case_id if len(found) > limit else None)


@ROUTER.post("/sites/{site_id}/cases", status_code=HTTPStatus.CREATED)
def open_case(site_id: SiteId, wanted: NewCase, parts: PartsOf, actor: ActorOf) -> CaseWhole:
    """Open a case by hand, or join what is already known of the same kind at the same place; it is over when somebody says so."""
    now = now_of(parts)
    with parts.register.transaction(actor) as connection:
        site(connection, site_id)
        rows.lock(connection)
        sign = _sign(site_id, "operator", str(uuid4()), wanted, now)
        case_id = rows.add_sign(connection, sign, now, actor)
        if wanted.duty is not None:
            _change(connection, rows.one(connection, site_id, case_id), CaseChange(duty=wanted.duty), now, actor)
        remember(
            connection, actor, "open case", site_id, {"case_id": case_id, **wanted.model_dump(mode="json", exclude_none=True)}
        )
        return _whole(connection, rows.one(connection, site_id, case_id))


@ROUTER.post("/sites/{site_id}/citizen-reports", status_code=HTTPStatus.CREATED)
def report(site_id: SiteId, told: CitizenReport, parts: PartsOf, actor: ActorOf) -> CaseWhole:
    """Hand in what a citizen told: it joins its case, or opens one; the same reference again changes nothing."""
    now = now_of(parts)
    if told.at is not None and told.at > now:
        fault = Fault("at", told.at.isoformat(), "not after now")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"at = {fault.value} is not allowed: {fault.allowed}", [fault])
    with parts.register.transaction(actor) as connection:
        site(connection, site_id)
        rows.lock(connection)
        reference = f"{site_id} {told.reference}" if told.reference else str(uuid4())
        case_id = rows.add_sign(connection, _sign(site_id, "citizen", reference, told, told.at or now), now, actor)
        detail = {"case_id": case_id, **told.model_dump(mode="json", exclude_none=True)}
        remember(connection, actor, "citizen's report", site_id, detail)
        return _whole(connection, rows.one(connection, site_id, case_id))


@ROUTER.get("/sites/{site_id}/cases/{case_id}")
def show_case(site_id: SiteId, case_id: CaseId, parts: PartsOf) -> CaseWhole:
    """One case: what it is made of, what is proposed, and who did what when."""
    with parts.register.transaction() as connection:
        return _whole(connection, rows.one(connection, site_id, case_id))


@ROUTER.patch("/sites/{site_id}/cases/{case_id}")
def change_case(site_id: SiteId, case_id: CaseId, change: CaseChange, parts: PartsOf, actor: ActorOf) -> CaseWhole:
    """Say who acts, how grave it is, or what has become of it; what is over takes back what was set in force for it."""
    now = now_of(parts)
    with parts.register.transaction(actor) as connection:
        rows.lock(connection)
        case = rows.one(connection, site_id, case_id)
        _change(connection, case, change, now, actor)
        detail = {"case_id": case_id, **change.model_dump(mode="json", exclude_none=True)}
        remember(connection, actor, "change case", site_id, detail)
        return _whole(connection, rows.one(connection, site_id, case_id))


@ROUTER.get("/sites/{site_id}/proposals")
def list_proposals(
    site_id: SiteId,
    parts: PartsOf,
    state: ProposalState | None = None,
    rule: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    before: Before = 2**63 - 1,
) -> ProposalPage:
    """What rules proposed, newest first, and what came of it."""
    query = {"site_id": site_id, "state": state, "rule": rule, "limit": limit + 1, "before": before}
    with parts.register.transaction() as connection:
        site(connection, site_id)
        found = [Proposal(**row) for row in connection.execute(PROPOSALS.encode(), query)]
    return ProposalPage(proposals=found[:limit], next=found[limit - 1].proposal_id if len(found) > limit else None)


@ROUTER.post("/sites/{site_id}/proposals/{proposal_id}/approve")
def approve_proposal(site_id: SiteId, proposal_id: ProposalId, decision: Decision, parts: PartsOf, actor: ActorOf) -> Proposal:
    """Carry it out now; it is `done` with its outcome, or `failed` with the reason. 409 for one that is decided already."""
    now = now_of(parts)
    with parts.register.transaction(actor) as connection:
        rows.lock(connection)
        proposal = _waiting(connection, site_id, proposal_id)
        wake = clerk_of(parts).wake if proposal.action.do in SENT_BY_CLERK else _nothing
        case = rows.one(connection, site_id, proposal.case_id)
        proposals.carry_out(connection, case, proposal, now, actor, comment=decision.comment)
        _remember(connection, actor, "approve proposal", proposal, decision)
        after = proposals.find(connection, site_id, proposal_id)
    wake()
    return after


@ROUTER.post("/sites/{site_id}/proposals/{proposal_id}/reject")
def reject_proposal(site_id: SiteId, proposal_id: ProposalId, decision: Decision, parts: PartsOf, actor: ActorOf) -> Proposal:
    """Do not do it. 409 for one that is decided already."""
    now = now_of(parts)
    with parts.register.transaction(actor) as connection:
        rows.lock(connection)
        proposal = _waiting(connection, site_id, proposal_id)
        proposals.settle(connection, proposal, ProposalState.REJECTED, now, actor, comment=decision.comment)
        _remember(connection, actor, "reject proposal", proposal, decision)
        return proposals.find(connection, site_id, proposal_id)


def _sign(site_id: str, source: str, source_id: str, seen: NewSighting, at: Moment) -> Sign:
    place = None
    if seen.place is not None:
        place = seen.place.latitude_deg, seen.place.longitude_deg, seen.place.elevation_m
    return Sign(
        source=source,
        source_id=source_id,
        kind=seen.kind,
        site_id=site_id,
        severity=seen.severity or kind_of(seen.kind).severity,
        at=at,
        place=place,
        spot=seen.spot,
        text=seen.text,
    )


def _change(connection: rows.Execute, case: Case, wanted: CaseChange, now: Moment, actor: str) -> None:
    """ProblemError 409 for a state that cannot follow. Who has the duty of an open case acts."""
    state = wanted.state or (State.ACTING if wanted.duty and case.state is State.OPEN else case.state)
    if state is not case.state and not may_follow(case.state, state):
        fault = Fault("state", state, allowed(case.state))
        raise ProblemError(HTTPStatus.CONFLICT, f"state = {state} is not allowed: {fault.allowed}", [fault])
    duty, severity = wanted.duty or case.duty, wanted.severity or case.severity
    rows.change(connection, case, now, state=state, duty=duty, severity=severity)
    changes = [("state", case.state, state), ("duty", case.duty, duty), ("severity", case.severity, severity)]
    told = [(name, {"from": before, "to": after}) for name, before, after in changes if before != after] or [("remark", {})]
    for index, (name, detail) in enumerate(told):
        rows.note(connection, case.case_id, now, actor, name, detail, wanted.comment if index == 0 else "")


def _whole(connection: rows.Execute, case: Case) -> CaseWhole:
    signs = [CaseSign(**row) for row in connection.execute(SIGNS, (case.case_id,))]
    proposed = [Proposal(**row) for row in connection.execute(OF_CASE.encode(), (case.case_id,))]
    history = [CaseEvent(**row) for row in connection.execute(HISTORY, (case.case_id,))]
    return CaseWhole(**case.model_dump(), made_of=signs, proposed=proposed, history=history)


def _waiting(connection: rows.Execute, site_id: str, proposal_id: int) -> Proposal:
    proposal = proposals.find(connection, site_id, proposal_id)
    if proposal.state is not ProposalState.PROPOSED:
        fault = Fault("proposal_id", str(proposal_id), "a proposal that nobody has decided about")
        raise ProblemError(HTTPStatus.CONFLICT, f"proposal {proposal_id} is {proposal.state}", [fault])
    if rows.one(connection, site_id, proposal.case_id).state in IS_OVER:
        fault = Fault("proposal_id", str(proposal_id), "a proposal for a case that is not over")
        raise ProblemError(HTTPStatus.CONFLICT, f"case {proposal.case_id} is over", [fault])
    return proposal


def _remember(connection: rows.Execute, actor: str, what: str, proposal: Proposal, decision: Decision) -> None:
    detail: dict[str, Any] = {"proposal_id": proposal.proposal_id, "case_id": proposal.case_id, "rule": proposal.rule_id}
    remember(connection, actor, what, proposal.site_id, {**detail, "comment": decision.comment})


def _nothing() -> None:
    """Nobody has to be woken."""
