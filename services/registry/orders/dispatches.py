"""Dispatches and their orders over HTTP: what was asked for, how far it has come, and taking back what is still open."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.access import ActorOf, CallerOf, require_reached
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.orders import rows
from services.registry.orders.issuing import DISPATCHES, find, now_of
from services.registry.orders.machine import State
from services.registry.orders.models import Dispatch, DispatchPage, OrderPage, OrderShown, Topic
from services.registry.parts import Parts, PartsOf
from services.registry.roles import Caller, Role
from services.registry.routing import Router
from services.registry.track import stopped

ROUTER = Router(tags=["orders"])
SITES = """SELECT DISTINCT site_id FROM register.device_order JOIN register.device USING (device_key)
    WHERE dispatch_id = %(dispatch)s"""
MINE = """(%(sites)s::text[] IS NULL OR EXISTS (SELECT 1 FROM register.device_order AS o JOIN register.device USING (device_key)
    WHERE o.dispatch_id = d.dispatch_id AND site_id = ANY(%(sites)s)))"""
ORDERS = """SELECT number, dispatch_id, device_id, topic, body, state, queued, expires, due, attempts, sent, delivered, settled,
        code, detail, answer, answers, is_late
    FROM register.device_order JOIN register.device USING (device_key)
    WHERE {where} AND (%(state)s::text IS NULL OR state = %(state)s)
        AND (%(sites)s::text[] IS NULL OR site_id = ANY(%(sites)s)) ORDER BY number {order} LIMIT %(limit)s"""

Limit = Annotated[int, Query(ge=1, le=20_000)]
Number = Annotated[int, Path(ge=0, le=2**63 - 1)]
After = Annotated[int, Query(ge=0, le=2**63 - 1, description="the number after which the page begins")]


@ROUTER.get("/api/dispatches")
def list_dispatches(
    parts: PartsOf,
    who: CallerOf,
    topic: Topic | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int, Query(ge=1, le=2**63 - 1, description="the dispatch_id before which the page begins")] = 2**63 - 1,
) -> DispatchPage:
    """What was asked of the devices of one's sites, newest first, each with its orders by state."""
    sql = DISPATCHES.format(where=f"dispatch_id < %(before)s AND (%(topic)s::text IS NULL OR topic = %(topic)s) AND {MINE}")
    query = {"before": before, "topic": topic, "sites": who.sites(Role.VIEWER), "limit": limit + 1}
    found = [Dispatch(**row) for row in parts.register.rows(sql, query)]
    return DispatchPage(dispatches=found[:limit], next=found[limit - 1].dispatch_id if len(found) > limit else None)


@ROUTER.get("/api/dispatches/{dispatch_id}")
def show_dispatch(dispatch_id: Number, parts: PartsOf, who: CallerOf) -> Dispatch:
    """One dispatch with its orders by state."""
    with parts.register.transaction() as connection:
        found = find(connection, dispatch_id)
        _require(connection, who, dispatch_id, Role.VIEWER)
    return found


@ROUTER.get("/api/dispatches/{dispatch_id}/orders")
def list_orders(
    dispatch_id: Number, parts: PartsOf, who: CallerOf, state: State | None = None, limit: Limit = 1000, after: After = 0
) -> OrderPage:
    """The orders of a dispatch, those to devices of one's sites."""
    with parts.register.transaction() as connection:
        find(connection, dispatch_id)
    query = {"dispatch": dispatch_id, "after": after, "state": state, "sites": who.sites(Role.VIEWER), "limit": limit + 1}
    found = _orders(parts, "dispatch_id = %(dispatch)s AND number > %(after)s", "ASC", query)
    return OrderPage(orders=found[:limit], next=found[limit - 1].number if len(found) > limit else None)


@ROUTER.delete("/api/dispatches/{dispatch_id}")
def take_back(dispatch_id: Number, parts: PartsOf, who: CallerOf, actor: ActorOf) -> Dispatch:
    """Take back what is still open; a device that has it already does it all the same. 409 for a stop that is in force."""
    with parts.register.transaction(actor) as connection:
        find(connection, dispatch_id)
        _require(connection, who, dispatch_id, Role.OPERATOR)
        stopped.keep_orders(connection, dispatch_id)
        count = rows.take_back(connection, dispatch_id, now_of(parts))
        remember(connection, actor, "take back", f"dispatch {dispatch_id}", {"orders": count})
        return find(connection, dispatch_id)


@ROUTER.get("/api/devices/{device_id}/orders")
def list_device_orders(
    device_id: Annotated[Identifier, Path()],
    parts: PartsOf,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[OrderShown]:
    """A device's orders, newest first."""
    where = "device_key = (SELECT device_key FROM register.device WHERE device_id = %(device)s)"
    return _orders(parts, where, "DESC", {"device": device_id, "state": state, "sites": None, "limit": limit})


def _orders(parts: Parts, where: str, order: str, query: dict[str, Any]) -> list[OrderShown]:
    return [OrderShown(**row) for row in parts.register.rows(ORDERS.format(where=where, order=order), query)]


def _require(connection: Connection[DictRow], who: Caller, dispatch_id: int, role: Role) -> None:
    require_reached(who, role, [row["site_id"] for row in connection.execute(SITES, {"dispatch": dispatch_id})])
