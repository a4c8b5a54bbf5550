"""The audit log over HTTP: every change of the register with what was before and after, as the database recorded it."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field

from services.registry.models import Model, Name
from services.registry.parts import PartsOf
from services.registry.routing import Router
from services.registry.streams import END_OF_TIME_US, From, To

ROUTER = Router(prefix="/api/audit", tags=["audit"])
SELECT = """SELECT audit_id, at, actor, action, what, subject, before, after FROM register.audit WHERE {where}
    ORDER BY audit_id LIMIT %(limit)s"""
PERIOD = """audit_id > %(after)s AND at >= 'epoch'::timestamptz + %(from_us)s::bigint * interval '1 microsecond'
    AND at < 'epoch'::timestamptz + %(to_us)s::bigint * interval '1 microsecond'"""
FILTERS = ("actor", "subject", "what")

Text = Annotated[Name | None, Query(min_length=1)]


class AuditEntry(Model):
    """One change of one row of the register; before is null for a new row, after for one that was deleted."""

    audit_id: int
    at: datetime.datetime
    actor: str
    action: str = Field(examples=["update"])
    what: str = Field(description="the table", examples=["device"])
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPage(Model):
    """Changes, oldest first; `next` is the `after` of the next page, null on the last."""

    entries: list[AuditEntry]
    next: int | None


@ROUTER.get("")
def list_audit(
    parts: PartsOf,
    actor: Text = None,
    subject: Text = None,
    what: Annotated[Name | None, Query(min_length=1, description="a table of the register, such as device")] = None,
    from_us: From = 0,
    to_us: To = END_OF_TIME_US,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="the audit_id after which the page begins")] = 0,
) -> AuditPage:
    """Changes, oldest first: who made them, what was before and after, and when."""
    given = {name: value for name, value in zip(FILTERS, (actor, subject, what), strict=True) if value is not None}
    where = " AND ".join([PERIOD, *(f"{name} = %({name})s" for name in given)])
    query = {**given, "from_us": from_us, "to_us": to_us, "limit": limit + 1, "after": after}
    rows = parts.register.rows(SELECT.format(where=where), query)
    page = [AuditEntry(**row) for row in rows[:limit]]
    return AuditPage(entries=page, next=page[-1].audit_id if len(rows) > limit else None)
