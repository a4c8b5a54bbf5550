"""Road events added and withdrawn in a transaction of the caller's, who wakes the clerk when it is committed."""

from __future__ import annotations

from services.registry.database import remember
from services.registry.orders.machine import Moment
from services.registry.road_events import giving, rows
from services.registry.road_events.models import NewRoadEvent
from services.registry.track.rows import frame_of, site


def add(connection: rows.Execute, site_id: str, wanted: NewRoadEvent, now: Moment, actor: str) -> int:
    """Let units tell of an event; its number. ProblemError for what cannot be told, or concerns no unit."""
    frame = frame_of(site(connection, site_id))
    whole = giving.made_whole(wanted, frame, giving.network_of(connection, wanted, site_id), now)
    rows.lock(connection, site_id)
    keys = giving.concerned(rows.units(connection, site_id, wanted.units), wanted, whole, frame)
    more = {"way": whole.way, "valid_from": whole.valid_from, "valid_until": whole.valid_until, "added_by": actor}
    event_id = rows.add(connection, site_id, whole.event, more)
    numbers = giving.numbers(connection, keys, event_id, is_sign=whole.event.is_sign)
    at_units = {"event_id": event_id, "is_sign": whole.event.is_sign, "keys": keys, "numbers": numbers, "now": now}
    connection.execute(rows.ADD_UNITS, at_units)
    detail = {"event_id": event_id, "units": len(keys), **wanted.model_dump(mode="json", exclude_none=True)}
    remember(connection, actor, "add road event", site_id, detail)
    return event_id


def withdraw(connection: rows.Execute, site_id: str, event_id: int, now: Moment, actor: str) -> None:
    """Let units tell of it no longer; it must be planned or hold."""
    rows.lock(connection, site_id)
    connection.execute(rows.WITHDRAW, {"event_id": event_id, "now": now, "actor": actor})
    connection.execute(rows.WAKE, {"event_id": event_id, "now": now})
    remember(connection, actor, "withdraw road event", site_id, {"event_id": event_id})
