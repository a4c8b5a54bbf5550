"""How long stored rows are kept, by stream, over HTTP: shown as ingest does it, and set in its settings' place."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import psycopg
from fastapi import Path
from psycopg import Connection
from psycopg.rows import DictRow
from pydantic import Field

from chelu.store.retention import KEPT, LONGEST_H
from services.registry.access import ActorOf
from services.registry.database import Register, remember
from services.registry.models import Model
from services.registry.parts import PartsOf
from services.registry.problems import not_found
from services.registry.routing import Router

ROUTER = Router(prefix="/api/retention", tags=["data for teams"])
WISHED = "SELECT stream, keep_hours FROM register.retention"
KNOWN = "SELECT name, keep_hours FROM stream.retention"
PUT = """INSERT INTO register.retention (stream, keep_hours) VALUES (%s, %s)
    ON CONFLICT (stream) DO UPDATE SET keep_hours = excluded.keep_hours"""
DELETE = "DELETE FROM register.retention WHERE stream = %s"
StreamName = Annotated[str, Path(description="one of " + ", ".join(KEPT), examples=["bsm"])]
Hours = Annotated[int, Field(ge=1, le=LONGEST_H)]


class Keeping(Model):
    """How long rows are kept; null: for ever."""

    keep_hours: Hours | None = Field(examples=[720])


class Retention(Keeping):
    """Of one stream. `is_set` False: ingest's own setting counts; in force is what ingest did last."""

    stream: str
    is_set: bool
    in_force_hours: int | None
    is_known: bool = Field(description="ingest has said what is in force")


@ROUTER.get("")
def list_retention(parts: PartsOf) -> list[Retention]:
    """What is kept how long. Set is what people said here, in force what ingest does, which looks every minute."""
    return list(_all(parts.register).values())


@ROUTER.put("/{stream}")
def put_retention(stream: StreamName, wanted: Keeping, parts: PartsOf, actor: ActorOf) -> Retention:
    """Keep a stream's rows so long, instead of as ingest's settings say. What is older goes at ingest's next look."""
    _check(stream)
    with parts.register.transaction(actor) as connection:
        connection.execute(PUT, (stream, wanted.keep_hours))
        remember(connection, actor, "set retention", stream, {"keep_hours": wanted.keep_hours})
    return _all(parts.register)[stream]


@ROUTER.delete("/{stream}", status_code=HTTPStatus.NO_CONTENT)
def delete_retention(stream: StreamName, parts: PartsOf, actor: ActorOf) -> None:
    """Let ingest's own setting count again."""
    _check(stream)
    with parts.register.transaction(actor) as connection:
        if connection.execute(DELETE, (stream,)).rowcount:
            remember(connection, actor, "unset retention", stream, {})


def hours_in_force(connection: Connection[DictRow]) -> dict[str, int | None]:
    """By stream, as ingest last did it; empty before it did, or while it has made no tables."""
    try:
        return {row["name"]: row["keep_hours"] for row in connection.execute(KNOWN)}
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return {}


def _all(register: Register) -> dict[str, Retention]:
    with register.reading() as connection:
        wished = {row["stream"]: row["keep_hours"] for row in connection.execute(WISHED)}
        known = hours_in_force(connection)
    return {
        name: Retention(
            stream=name,
            keep_hours=wished.get(name),
            is_set=name in wished,
            in_force_hours=known.get(name),
            is_known=name in known,
        )
        for name in KEPT
    }


def _check(stream: str) -> None:
    if stream not in KEPT:
        raise not_found("stream", stream)
