"""Webhooks over HTTP: who is told of alarms, and what became of telling them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Path, Query
from psycopg import Connection, errors
from psycopg.rows import DictRow

from services.registry import credentials
from services.registry.access import ActorOf
from services.registry.alarms import deliveries
from services.registry.alarms.models import AddedWebhook, Delivery, DeliveryState, NewWebhook, Queued, Webhook, WebhookChange
from services.registry.database import remember
from services.registry.models import Identifier
from services.registry.parts import PartsOf
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.routing import Router

ROUTER = Router(prefix="/api/webhooks", tags=["alarms"])
SELECT = """SELECT name, url, site_id AS site, least, kinds, is_enabled, webhook.created,
        count(delivery_id) FILTER (WHERE state = 'waiting') AS waiting,
        count(delivery_id) FILTER (WHERE state = 'delivered') AS delivered,
        count(delivery_id) FILTER (WHERE state = 'dead') AS dead,
        coalesce((SELECT answer FROM register.delivery AS one WHERE one.webhook = name AND one.attempts > 0
            ORDER BY delivery_id DESC LIMIT 1), '') AS answer
    FROM register.webhook LEFT JOIN register.delivery ON delivery.webhook = name {where} GROUP BY name ORDER BY name"""
ADD = """INSERT INTO register.webhook (name, url, secret, site_id, least, kinds)
    VALUES (%(name)s, %(url)s, %(secret)s, %(site)s, %(least)s, %(kinds)s)"""
CHANGE = "UPDATE register.webhook SET is_enabled = %s WHERE name = %s"
DELETE = "DELETE FROM register.webhook WHERE name = %s"
DELIVERIES = """SELECT delivery_id, state, attempts, created, due, settled, answer, body FROM register.delivery
    WHERE webhook = %(name)s AND (%(state)s::text IS NULL OR state = %(state)s) AND delivery_id < %(before)s
    ORDER BY delivery_id DESC LIMIT %(limit)s"""
WebhookName = Annotated[Identifier, Path()]


@ROUTER.get("")
def list_webhooks(parts: PartsOf) -> list[Webhook]:
    """Who is told of alarms, and how many events wait for them, were delivered, or given up."""
    return [Webhook(**row) for row in parts.register.rows(SELECT.format(where=""))]


@ROUTER.post("", status_code=HTTPStatus.CREATED)
def add_webhook(wanted: NewWebhook, parts: PartsOf, actor: ActorOf) -> AddedWebhook:
    """Tell an address of alarms from now on; the secret that signs what is sent is shown only here."""
    secret = wanted.secret or credentials.new_secret()
    try:
        with parts.register.transaction(actor) as connection:
            connection.execute(ADD, {**wanted.model_dump(), "secret": secret})
            remember(connection, actor, "add webhook", wanted.name, wanted.model_dump(mode="json", exclude={"secret"}))
            found = _find(connection, wanted.name)
    except errors.ForeignKeyViolation:
        raise not_found("site", str(wanted.site)) from None
    except errors.UniqueViolation:
        fault = Fault("name", repr(wanted.name), "a name that no webhook has")
        raise ProblemError(HTTPStatus.CONFLICT, f"name = {wanted.name!r} is not allowed: {fault.allowed}", [fault]) from None
    return AddedWebhook(**found.model_dump(), secret=secret)


@ROUTER.patch("/{name}")
def change_webhook(name: WebhookName, change: WebhookChange, parts: PartsOf, actor: ActorOf) -> Webhook:
    """Let it be told of what happens from now on, or not; what waits for one that is off goes on waiting."""
    with parts.register.transaction(actor) as connection:
        _find(connection, name)
        connection.execute(CHANGE, (change.is_enabled, name))
        remember(connection, actor, "change webhook", name, change.model_dump())
        return _find(connection, name)


@ROUTER.delete("/{name}", status_code=HTTPStatus.NO_CONTENT)
def delete_webhook(name: WebhookName, parts: PartsOf, actor: ActorOf) -> None:
    """Tell it no more; what waits for it is forgotten, and so is the log of its deliveries."""
    with parts.register.transaction(actor) as connection:
        _find(connection, name)
        connection.execute(DELETE, (name,))
        remember(connection, actor, "delete webhook", name, {})


@ROUTER.get("/{name}/deliveries")
def list_deliveries(
    name: WebhookName,
    parts: PartsOf,
    state: DeliveryState | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int, Query(ge=1, le=2**63 - 1, description="the delivery_id before which the page begins")] = 2**63 - 1,
) -> list[Delivery]:
    """What was sent, or waits to be, newest first, with the last answer to each."""
    with parts.register.transaction() as connection:
        _find(connection, name)
        query = {"name": name, "state": state, "limit": limit, "before": before}
        return [Delivery(**row) for row in connection.execute(DELIVERIES, query)]


@ROUTER.post("/{name}/trial")
def try_webhook(name: WebhookName, parts: PartsOf, actor: ActorOf) -> Queued:
    """Send it an event that is about no alarm, to see whether it arrives."""
    with parts.register.transaction(actor) as connection:
        _find(connection, name)
        deliveries.put_trial(connection, name, actor=actor, now_us=parts.clock.wall_us())
        remember(connection, actor, "try webhook", name, {})
    return Queued(deliveries=1)


@ROUTER.post("/{name}/retry")
def retry_webhook(name: WebhookName, parts: PartsOf, actor: ActorOf) -> Queued:
    """Try at once what waits for it, and what was given up."""
    with parts.register.transaction(actor) as connection:
        _find(connection, name)
        count = deliveries.revive(connection, name, now_us=parts.clock.wall_us())
        remember(connection, actor, "retry webhook", name, {"deliveries": count})
    return Queued(deliveries=count)


def _find(connection: Connection[DictRow], name: str) -> Webhook:
    row: Mapping[str, Any] | None = connection.execute(
        SELECT.format(where="WHERE name = %(name)s").encode(), {"name": name}
    ).fetchone()
    if row is None:
        raise not_found("webhook", name)
    return Webhook(**row)
