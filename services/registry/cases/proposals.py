"""SQL of proposals: made, held, decided, carried out, taken back when the case is over, and judged by whether they helped."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import psycopg
from fastapi.exceptions import RequestValidationError
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from services.registry.cases import actions
from services.registry.cases.models import Case, Proposal, ProposalState
from services.registry.cases.rows import Execute, note
from services.registry.cases.rules import NewRule
from services.registry.orders.machine import Moment
from services.registry.problems import ProblemError, not_found

COLUMNS = """proposal_id, case_id, site_id, rule_id, version, step, action, state, made, expires, held, settled, settled_by,
    is_by_rule, comment, answer, outcome, undone, has_helped"""
SELECT = f"SELECT {COLUMNS} FROM register.case_proposal"  # noqa: S608 - constants only
ONE = f"{SELECT} WHERE site_id = %s AND proposal_id = %s FOR UPDATE"
MAKE = """INSERT INTO register.case_proposal (case_id, site_id, rule_id, version, step, action, made, expires, held)
    VALUES (%(case_id)s, %(site_id)s, %(rule_id)s, %(version)s, %(step)s, %(action)s, %(now)s, %(expires)s, %(held)s)
    ON CONFLICT (case_id, rule_id, version, step) DO NOTHING RETURNING proposal_id"""
SETTLE = """UPDATE register.case_proposal SET state = %(state)s, settled = %(now)s, settled_by = %(actor)s,
        is_by_rule = %(is_by_rule)s, comment = %(comment)s, answer = %(answer)s, outcome = %(outcome)s, judge_at = %(judge_at)s
    WHERE proposal_id = %(proposal_id)s"""
UNDONE = """UPDATE register.case_proposal SET undone = %(now)s, answer = CASE WHEN %(answer)s = '' THEN answer ELSE %(answer)s END
    WHERE proposal_id = %(proposal_id)s"""
HELPS = "SELECT rule FROM register.case_rule WHERE site_id = %s AND rule_id = %s"
# What an action says no with: of a place that no message has room for, a device that is gone, … the board goes on with others.
REFUSALS = (ProblemError, RequestValidationError, ValidationError, psycopg.DataError, psycopg.IntegrityError)
LONGEST_ANSWER = 400


def find(connection: Execute, site_id: str, proposal_id: int) -> Proposal:
    """One proposal, which nobody else decides about before this transaction ends; ProblemError 404."""
    row = connection.execute(ONE.encode(), (site_id, proposal_id)).fetchone()
    if row is None:
        raise not_found("proposal", str(proposal_id))
    return Proposal(**row)


def make(
    connection: Execute, case: Case, rule_id: str, version: int, rule: NewRule, now: Moment, *, held: str, actor: str
) -> list[int]:
    """Propose what a rule has to propose for a case, once a version of the rule; the new proposals."""
    made = []
    for step, action in enumerate(rule.then):
        expires = now + datetime.timedelta(seconds=rule.expires_s)
        values = {"case_id": case.case_id, "site_id": case.site_id, "rule_id": rule_id, "version": version, "step": step}
        document = Jsonb(action.model_dump(mode="json", exclude_none=True))
        row = connection.execute(MAKE, {**values, "action": document, "now": now, "expires": expires, "held": held}).fetchone()
        if row is not None:
            made.append(int(row["proposal_id"]))
            detail = {"proposal_id": made[-1], "rule": rule_id, "do": action.do}
            note(connection, case.case_id, now, actor, "proposed", {**detail, "held": held} if held else detail)
    return made


def carry_out(
    connection: Execute, case: Case, proposal: Proposal, now: Moment, actor: str, *, comment: str = "", is_by_rule: bool = False
) -> ProposalState:
    """Do what was proposed: done with what came of it, or failed with the reason, and nothing of it left."""
    answer, outcome, state = "", dict[str, Any](), ProposalState.DONE
    try:
        with connection.transaction():  # what half of it did is undone
            outcome = actions.do(connection, case, proposal.action, now, actor)
    except REFUSALS as error:
        answer, state = _words(error), ProposalState.FAILED
    settle(connection, proposal, state, now, actor, comment=comment, answer=answer, outcome=outcome, is_by_rule=is_by_rule)
    return state


def settle(
    connection: Execute,
    proposal: Proposal,
    state: ProposalState,
    now: Moment,
    actor: str,
    *,
    comment: str = "",
    answer: str = "",
    outcome: Mapping[str, Any] | None = None,
    is_by_rule: bool = False,
) -> None:
    """Note what became of a proposal, with it and in its case's history."""
    judge_at = None
    if state is ProposalState.DONE:
        row = connection.execute(HELPS, (proposal.site_id, proposal.rule_id)).fetchone() or {"rule": {}}
        judge_at = now + datetime.timedelta(seconds=row["rule"].get("helps_within_s", 1800.0))
    values = {"proposal_id": proposal.proposal_id, "state": state, "now": now, "actor": actor, "is_by_rule": is_by_rule}
    more = {"comment": comment, "answer": answer, "outcome": Jsonb(dict(outcome or {})), "judge_at": judge_at}
    connection.execute(SETTLE, {**values, **more})
    detail = {"proposal_id": proposal.proposal_id, "rule": proposal.rule_id, "do": proposal.action.do, "answer": answer}
    note(connection, proposal.case_id, now, actor, state, {**detail, **(outcome or {})}, comment)


def take_back(connection: Execute, case: Case, proposal: Proposal, now: Moment, actor: str) -> None:
    """End what a proposal set in force, since its case is over."""
    answer, what = "", dict[str, Any]()
    try:
        with connection.transaction():
            what = actions.undo(connection, case, proposal.action, proposal.outcome, now, actor)
    except REFUSALS as error:
        answer = f"it could not be taken back: {_words(error)}"
    connection.execute(UNDONE, {"proposal_id": proposal.proposal_id, "now": now, "answer": answer})
    if what or answer:
        detail = {"proposal_id": proposal.proposal_id, "do": proposal.action.do, **what}
        note(connection, case.case_id, now, actor, "taken back", {**detail, "answer": answer} if answer else detail)


def _words(error: Exception) -> str:
    """In one line."""
    return " ".join(str(error).split())[:LONGEST_ANSWER]
