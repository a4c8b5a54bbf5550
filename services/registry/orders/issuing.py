"""What every route that gives orders does alike: somebody must be there to send them, they have a time, they are remembered."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.database import remember
from services.registry.orders import rows
from services.registry.orders.answers import EPOCH
from services.registry.orders.clerk import Clerk
from services.registry.orders.machine import Moment
from services.registry.orders.models import Dispatch, Selection
from services.registry.orders.selecting import Target
from services.registry.parts import Parts
from services.registry.problems import Fault, ProblemError, not_found

DISPATCHES = """SELECT dispatch_id, at, actor, topic, body, selection, devices, coalesce((
        SELECT jsonb_object_agg(state, orders) FROM (
            SELECT state, count(*) AS orders FROM register.device_order AS o WHERE o.dispatch_id = d.dispatch_id GROUP BY state
        ) AS of_state), '{{}}') AS states
    FROM register.dispatch AS d WHERE {where} ORDER BY dispatch_id DESC LIMIT %(limit)s"""


def clerk_of(parts: Parts) -> Clerk:
    """Who sends orders; ProblemError 409 when this registry has no session at the broker."""
    if parts.clerk is None:
        allowed = "a registry with a session at the broker (CHELU_MQTT_URL with an account)"
        raise ProblemError(HTTPStatus.CONFLICT, f"nobody could send it: {allowed} is needed", [Fault("broker", "none", allowed)])
    return parts.clerk


def now_of(parts: Parts) -> Moment:
    """The present, by the application's clock."""
    return EPOCH + datetime.timedelta(microseconds=parts.clock.wall_us())


def refuse(faults: Sequence[Fault]) -> None:
    """Raise ProblemError 422 when there are faults."""
    if faults:
        first, more = faults[0], f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        detail = f"{first.field} = {first.value} is not allowed: {first.allowed}{more}"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, faults)


def chosen(selection: Selection) -> dict[str, Any]:
    """A selection as it is remembered."""
    return selection.model_dump(mode="json", exclude_none=True)


def issue(connection: Connection[DictRow], task: rows.Task, now: Moment) -> Dispatch:
    """Queue a task's orders, and remember it in the history."""
    dispatch_id, numbers = rows.issue(connection, task, now)
    detail = {"dispatch": dispatch_id, "body": dict(task.body), "devices": len(numbers), "selection": dict(task.selection)}
    remember(connection, task.actor, f"order {task.topic}", f"dispatch {dispatch_id}", detail)
    return find(connection, dispatch_id)


def find(connection: Connection[DictRow], dispatch_id: int) -> Dispatch:
    """One dispatch; ProblemError 404 when there is none."""
    sql = DISPATCHES.format(where="dispatch_id = %(dispatch)s")
    row = connection.execute(sql.encode(), {"dispatch": dispatch_id, "limit": 1}).fetchone()
    if row is None:
        raise not_found("dispatch", str(dispatch_id))
    return Dispatch(**row)


def same_for_all(targets: Sequence[Target], body: Mapping[str, Any]) -> dict[int, Mapping[str, Any]]:
    """The bodies of a task in which every device is told the same."""
    return {target.device_key: body for target in targets}
