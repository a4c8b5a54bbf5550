"""Rules of the event board over HTTP: set, listed with what came of their proposals, taken away."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path
from psycopg.types.json import Jsonb

from services.registry.access import ActorOf
from services.registry.cases import rows
from services.registry.cases.models import Record, Rule
from services.registry.cases.rules import NewRule
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.orders.issuing import now_of
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.routing import Router
from services.registry.sites import SiteId
from services.registry.track.rows import site

ROUTER = Router(prefix="/api/sites/{site_id}/rules", tags=["event board"])
RuleId = Annotated[Identifier, Path()]
# A case that was none counts nowhere; what ended a case is not known, so both medians are of all that came to an end.
SELECT = """SELECT rule_id, r.site_id, rule, is_enabled, r.version, since,
        count(p.*) FILTER (WHERE p.state = 'proposed') AS waiting,
        count(p.*) FILTER (WHERE p.state = 'done') AS done,
        count(p.*) FILTER (WHERE p.state = 'done' AND is_by_rule) AS by_itself,
        count(p.*) FILTER (WHERE p.state = 'failed') AS failed,
        count(p.*) FILTER (WHERE p.state = 'rejected') AS rejected,
        count(p.*) FILTER (WHERE p.state = 'expired') AS expired,
        count(p.*) FILTER (WHERE p.state = 'withdrawn') AS withdrawn,
        count(p.*) FILTER (WHERE has_helped) AS helped,
        count(p.*) FILTER (WHERE NOT has_helped) AS not_helped,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY took_s) FILTER (WHERE p.state = 'done') AS over_s_with,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY took_s) FILTER (WHERE p.state NOT IN ('done', 'proposed')) AS over_s_without
    FROM register.case_rule AS r LEFT JOIN (
        SELECT case_proposal.*,
            CASE WHEN c.state <> 'dismissed' THEN extract(epoch FROM over - made)::double precision END AS took_s
        FROM register.case_proposal JOIN register.city_case AS c USING (case_id)) AS p USING (site_id, rule_id)
    WHERE r.site_id = %(site_id)s AND (%(rule_id)s::text IS NULL OR rule_id = %(rule_id)s)
    GROUP BY r.site_id, rule_id ORDER BY rule_id"""
SET = """INSERT INTO register.case_rule (site_id, rule_id, rule, is_enabled, since)
    VALUES (%(site_id)s, %(rule_id)s, %(rule)s, %(is_enabled)s, %(now)s)
    ON CONFLICT (site_id, rule_id) DO UPDATE SET rule = excluded.rule, is_enabled = excluded.is_enabled, since = excluded.since,
        version = case_rule.version + 1"""
HAS_RUN = "SELECT count(*) AS count FROM register.case_proposal WHERE site_id = %s AND rule_id = %s"
DELETE = "DELETE FROM register.case_rule WHERE site_id = %s AND rule_id = %s"


@ROUTER.get("")
def list_rules(site_id: SiteId, parts: PartsOf) -> list[Rule]:
    """The site's rules with what came of what they proposed: counts, how often it helped, and how soon cases were over."""
    with parts.register.transaction() as connection:
        site(connection, site_id)
        found = connection.execute(SELECT, {"site_id": site_id, "rule_id": None}).fetchall()
    return [_shown(row) for row in found]


@ROUTER.get("/{rule_id}")
def show_rule(site_id: SiteId, rule_id: RuleId, parts: PartsOf) -> Rule:
    """One rule with its record."""
    with parts.register.transaction() as connection:
        return _find(connection, site_id, rule_id)


@ROUTER.put("/{rule_id}")
def set_rule(site_id: SiteId, rule_id: RuleId, wanted: NewRule, parts: PartsOf, actor: ActorOf) -> Rule:
    """Set a rule, or a new version of it, for cases that have a sign from now on; the record of all versions is kept."""
    values = {"site_id": site_id, "rule_id": rule_id, "is_enabled": wanted.is_enabled, "now": now_of(parts)}
    document = wanted.model_dump(mode="json", exclude_none=True)
    with parts.register.transaction(actor) as connection:
        site(connection, site_id)
        rows.lock(connection)
        connection.execute(SET, {**values, "rule": Jsonb(document)})
        remember(connection, actor, "set rule", site_id, {"rule_id": rule_id, **document})
        return _find(connection, site_id, rule_id)


@ROUTER.delete("/{rule_id}", status_code=HTTPStatus.NO_CONTENT)
def delete_rule(site_id: SiteId, rule_id: RuleId, parts: PartsOf, actor: ActorOf) -> None:
    """Take a rule away that never proposed anything; 409 for one that did: switch it off, its record is evidence."""
    with parts.register.transaction(actor) as connection:
        rows.lock(connection)
        _find(connection, site_id, rule_id)
        count = (connection.execute(HAS_RUN, (site_id, rule_id)).fetchone() or {"count": 0})["count"]
        if count:
            fault = Fault("rule_id", rule_id, "a rule that never proposed anything: set is_enabled to false instead")
            raise ProblemError(HTTPStatus.CONFLICT, f"rule {rule_id} has proposed {count} times", [fault])
        connection.execute(DELETE, (site_id, rule_id))
        remember(connection, actor, "delete rule", site_id, {"rule_id": rule_id})


def _find(connection: rows.Execute, site_id: str, rule_id: str) -> Rule:
    row = connection.execute(SELECT, {"site_id": site_id, "rule_id": rule_id}).fetchone()
    if row is None:
        raise not_found("rule", rule_id)
    return _shown(row)


def _shown(row: Mapping[str, Any]) -> Rule:
    judged = row["helped"] + row["not_helped"]
    counts = {name: row[name] for name in Record.model_fields if name in row}
    record = Record(**counts, success=row["helped"] / judged if judged else None)
    fields = {name: row[name] for name in ("rule_id", "site_id", "version", "since")}
    return Rule(**{**row["rule"], "is_enabled": row["is_enabled"]}, **fields, record=record)
