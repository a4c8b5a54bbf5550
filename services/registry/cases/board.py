"""What the board does by itself, once a second: signs join cases, rules propose or run, what is over is taken back and judged.

Each round is two transactions: one that hears, one that acts; a round that fails is done anew, since signs are known by their
sources and proposals are made once.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Mapping
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from chelu.clock import Clock
from services.registry.alarms.kinds import Severity
from services.registry.cases import proposals, rows, sources
from services.registry.cases.machine import State
from services.registry.cases.models import Case, Proposal, ProposalState
from services.registry.cases.rules import Facts, NewRule, applies, held
from services.registry.database import ITSELF, Register
from services.registry.orders.answers import EPOCH
from services.registry.orders.machine import Moment
from services.registry.rounds import InRounds, Rounds

LOG = logging.getLogger(__name__)
PERIOD_S = 1.0
KEPT_OPEN = "24 hours"  # resolved for so long is closed
A_REPORT_HOLDS = "1 hour"  # a citizen does not call again to say that it is over
# Cases of which nothing goes on, and has not for as long as their kind asks; what an operator saw, an operator ends.
QUIET = f"""SELECT case_id, state, ends.last FROM register.city_case JOIN LATERAL (
        SELECT bool_and(CASE source WHEN 'citizen' THEN at < %(now)s - interval '{A_REPORT_HOLDS}' WHEN 'operator' THEN false
                ELSE ended IS NOT NULL END) AS is_quiet,
            max(coalesce(ended, at)) AS last
        FROM register.case_sign WHERE case_sign.case_id = register.city_case.case_id) AS ends ON true
    WHERE state IN ('open', 'acting') AND is_quiet
        AND last <= %(now)s - coalesce((%(patience)s::jsonb ->> kind)::double precision, 60) * interval '1 second'"""  # noqa: S608
RESOLVE = """UPDATE register.city_case SET state = 'resolved', over = %(now)s, changed = %(now)s WHERE case_id = %(case_id)s"""
CLOSE = f"""UPDATE register.city_case SET state = 'closed', changed = %(now)s
    WHERE state = 'resolved' AND over <= %(now)s - interval '{KEPT_OPEN}' RETURNING case_id"""  # noqa: S608 - constants only
RULES = "SELECT site_id, rule_id, rule, version, since FROM register.case_rule WHERE is_enabled ORDER BY site_id, rule_id"
FOR_RULE = f"""{rows.SELECT} WHERE site_id = %(site_id)s AND kind = ANY(%(kinds)s) AND state IN ('open', 'acting')
        AND last_sign >= %(since)s AND NOT EXISTS (SELECT 1 FROM register.case_proposal AS p
            WHERE p.case_id = c.case_id AND p.rule_id = %(rule_id)s AND p.version = %(version)s)
    ORDER BY case_id"""  # noqa: S608 - constants only
RAN = """SELECT settled FROM register.case_proposal WHERE site_id = %(site_id)s AND rule_id = %(rule_id)s AND is_by_rule
    AND state = 'done' AND settled > %(now)s - interval '1 hour'"""
IN_FORCE = """SELECT count(*) AS count FROM register.case_proposal JOIN register.city_case USING (case_id)
    WHERE case_proposal.site_id = %(site_id)s AND rule_id = %(rule_id)s AND is_by_rule AND case_proposal.state = 'done'
        AND register.city_case.state IN ('open', 'acting')"""
WAITING = f"""{proposals.SELECT} JOIN (SELECT case_id, state AS case_state FROM register.city_case) AS c USING (case_id)
    WHERE state = 'proposed' AND (expires <= %(now)s OR case_state IN ('resolved', 'closed', 'dismissed'))
    ORDER BY proposal_id FOR UPDATE OF case_proposal"""  # noqa: S608 - constants only
STANDING = f"""{proposals.SELECT} JOIN (SELECT case_id, state AS case_state FROM register.city_case) AS c USING (case_id)
    WHERE state = 'done' AND undone IS NULL AND case_state IN ('resolved', 'closed', 'dismissed')
    ORDER BY proposal_id FOR UPDATE OF case_proposal"""  # noqa: S608 - constants only
# A case that was none says nothing of a rule.
JUDGE = """UPDATE register.case_proposal AS p SET judge_at = NULL,
        has_helped = CASE WHEN c.state = 'dismissed' THEN NULL ELSE coalesce(c.over <= p.judge_at, false) END
    FROM register.city_case AS c WHERE c.case_id = p.case_id AND p.judge_at IS NOT NULL
        AND (p.judge_at <= %(now)s OR c.state IN ('closed', 'dismissed'))"""

# An idle board costs the database one question a second, and writes nothing.
HAS_WORK = """SELECT EXISTS (SELECT FROM register.city_case WHERE state IN ('open', 'acting', 'resolved'))
    OR EXISTS (SELECT FROM register.case_proposal
        WHERE state = 'proposed' OR (state = 'done' AND undone IS NULL) OR judge_at IS NOT NULL)
    OR (SELECT coalesce(max(event_id), 0) FROM register.alarm_event)
        > coalesce((SELECT after FROM register.case_source WHERE source = 'alarm'), -1) AS has_work"""


class Board(InRounds):
    """Works while it is entered; `look` is one round, for whoever wants it now. wake: tells the clerk of new orders."""

    def __init__(self, register: Register, clock: Clock, wake: Callable[[], None], *, period_s: float = PERIOD_S) -> None:
        self._register, self._clock, self._wake = register, clock, wake
        self._strange: set[tuple[str, str, int]] = set()  # rules that this version cannot read, told once
        self._rounds = Rounds.every(period_s, "event board", self.look, "cases are neither joined nor acted upon")

    def look(self) -> None:
        """Hear what is new, settle what is over, propose, and act."""
        now = EPOCH + datetime.timedelta(microseconds=self._clock.wall_us())
        found = sources.findings(self._register, now)
        if not found and not self._register.rows(HAS_WORK)[0]["has_work"]:
            return
        with self._register.transaction(ITSELF) as connection:
            rows.lock(connection)
            alarms, after = sources.alarms(connection)
            for news in (*alarms, *found):
                _hear(connection, news, now)
            sources.note_read(connection, sources.ALARM, after)
            _settle(connection, now)
        if self._act(now):
            self._wake()

    def _act(self, now: Moment) -> bool:
        """Whether anything was done, or taken back."""
        with self._register.transaction(ITSELF) as connection:
            rows.lock(connection)
            is_changed = _take_back(connection, now)
            for row in connection.execute(RULES).fetchall():
                rule = self._rule(row)
                if rule is not None:
                    is_changed |= _propose(connection, row, rule, now)
            connection.execute(JUDGE, {"now": now})
        return is_changed

    def _rule(self, row: Mapping[str, Any]) -> NewRule | None:
        try:
            return NewRule(**row["rule"])
        except ValidationError as error:
            name = row["site_id"], row["rule_id"], row["version"]
            if name not in self._strange:
                LOG.warning("rule %s of site %s is passed over: this version cannot read it: %s", name[1], name[0], error)
            self._strange.add(name)
            return None


def _hear(connection: rows.Execute, news: sources.News, now: Moment) -> None:
    """What is over and was never heard of makes no case: it began before the board did."""
    sign = news.sign
    if news.is_over:
        rows.end_sign(connection, sign.source, sign.source_id, news.at, now, ITSELF)
    else:
        rows.add_sign(connection, sign, now, ITSELF)


def _settle(connection: rows.Execute, now: Moment) -> None:
    """Resolve what is quiet, and close what has been resolved for long."""
    for row in connection.execute(QUIET.encode(), {"now": now, "patience": Jsonb(rows.patience())}).fetchall():
        connection.execute(RESOLVE, {"now": now, "case_id": row["case_id"]})
        rows.note(connection, row["case_id"], now, ITSELF, "state", {"from": row["state"], "to": State.RESOLVED})
    for row in connection.execute(CLOSE.encode(), {"now": now}).fetchall():
        rows.note(connection, row["case_id"], now, ITSELF, "state", {"from": State.RESOLVED, "to": State.CLOSED})


def _take_back(connection: rows.Execute, now: Moment) -> bool:
    """Let go what nobody decided in time, or of cases that are over, and end what was set in force for those."""
    for row in connection.execute(WAITING.encode(), {"now": now}).fetchall():
        proposal = Proposal(**row)
        state = ProposalState.EXPIRED if proposal.expires <= now else ProposalState.WITHDRAWN
        proposals.settle(connection, proposal, state, now, ITSELF)
    standing = [Proposal(**row) for row in connection.execute(STANDING.encode()).fetchall()]
    for proposal in standing:
        case = rows.one(connection, proposal.site_id, proposal.case_id)
        proposals.take_back(connection, case, proposal, now, ITSELF)
    return bool(standing)


def _propose(connection: rows.Execute, row: Mapping[str, Any], rule: NewRule, now: Moment) -> bool:
    """Propose for the cases that the rule is for, and do it where it may; whether anything was done."""
    is_done = False
    given = {name: row[name] for name in ("site_id", "rule_id", "version", "since")}
    for found in connection.execute(FOR_RULE.encode(), {**given, "kinds": rule.when.kinds}).fetchall():
        case = Case(**found)
        facts = Facts(case.kind, Severity(case.severity), case.signs, case.opened)
        if not applies(rule.when, facts, now):
            continue
        why = _held(connection, given, rule, now)
        made = proposals.make(connection, case, row["rule_id"], row["version"], rule, now, held=why, actor=ITSELF)
        if rule.runs_by_itself and not why:
            is_done |= _run(connection, case, row["rule_id"], made, now)
    return is_done


def _held(connection: rows.Execute, given: Mapping[str, Any], rule: NewRule, now: Moment) -> str:
    if not rule.runs_by_itself:
        return ""
    ran = [each["settled"] for each in connection.execute(RAN, {**given, "now": now}).fetchall()]
    in_force = (connection.execute(IN_FORCE, dict(given)).fetchone() or {"count": 0})["count"]
    return held(rule.limits, ran, in_force, now)


def _run(connection: rows.Execute, case: Case, rule_id: str, made: list[int], now: Moment) -> bool:
    """Without asking anybody: the audit log has it from the rule."""
    actor = f"rule {rule_id}"
    connection.execute("SELECT set_config('chelu.actor', %s, true)", (actor,))
    for proposal_id in made:
        proposal = proposals.find(connection, case.site_id, proposal_id)
        proposals.carry_out(connection, case, proposal, now, actor, is_by_rule=True)
    connection.execute("SELECT set_config('chelu.actor', %s, true)", (ITSELF,))
    return bool(made)
