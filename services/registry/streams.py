"""Stored streams over HTTP, a page at a time: as JSON lines, or as columns (`chelu.codec.columns`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import numpy as np
import psycopg
from fastapi import Path, Query, Response
from fastapi.responses import StreamingResponse
from psycopg import Connection
from psycopg.rows import DictRow

from chelu.codec import columns
from chelu.messages import STREAMS, Batch, Stream, concatenate
from chelu.units import US_PER_S
from services.registry import stream_rows
from services.registry.device_models import VehicleId
from services.registry.device_rows import device_ids
from services.registry.json_rows import json_lines
from services.registry.models import Identifier, InstantUs
from services.registry.parts import Parts, PartsOf
from services.registry.pieces import joined
from services.registry.problems import Fault, ProblemError, not_found
from services.registry.routing import Router

ROUTER = Router(prefix="/api/streams", tags=["streams"])
NEXT = "Chelu-Next"
JSON_LINES = "application/x-ndjson"
COLUMNS = "application/vnd.chelu.columns"
END_OF_TIME_US = 4_102_444_800_000_000
MAX_ROWS = 200_000
AT_ONCE_ROWS = 2_000  # some MB: written where they were read, without a change of threads for each piece
AHEAD_US = 2 * 86_400 * US_PER_S  # ingest stores nothing of later than a day after its arrival: no need to look there

Name = Annotated[str, Path(description="one of " + ", ".join(STREAMS), examples=list(STREAMS))]
From = Annotated[InstantUs, Query(description="first event time, µs UTC since 1970")]
To = Annotated[InstantUs, Query(description="event time before which it ends, µs UTC since 1970")]


class Format(StrEnum):
    """How rows are written."""

    NDJSON = "ndjson"
    COLUMNS = "columns"


@ROUTER.get(
    "/{stream}",
    response_class=Response,
    responses={200: {"content": {JSON_LINES: {}, COLUMNS: {}}, "headers": {NEXT: {"description": "`after` of the next page"}}}},
)
def read_stream(
    stream: Name,
    parts: PartsOf,
    from_us: From = 0,
    to_us: To = END_OF_TIME_US,
    device: Annotated[Identifier | None, Query(description="only rows that came from this device")] = None,
    vehicle: Annotated[
        VehicleId | None,
        Query(
            description="of bsm: only the vehicle that calls itself so", openapi_examples={"one": {"value": "4b41522d30303031"}}
        ),
    ] = None,
    participant: Annotated[
        int | None, Query(ge=0, le=65_535, description="of participant: only who has this number there")
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=MAX_ROWS, description="rows a page, about; a page ends with whole (time, device)s")
    ] = 1000,
    after: Annotated[str | None, Query(description="the last page's header Chelu-Next")] = None,
    form: Annotated[Format, Query(alias="format")] = Format.NDJSON,
) -> Response:
    """Rows of a stream in the order of event time, with the device's id and the time at which they were durable."""
    definition = STREAMS.get(stream)
    if definition is None:
        raise not_found("stream", stream)
    key = device_key(parts, device) if device else None
    whose = _whose(definition, {"bsm": vehicle, "participant": participant})
    newest_us = parts.clock.wall_us() + AHEAD_US
    found = read_page(parts, definition, stream_rows.Page(from_us, min(to_us, newest_us), limit, key, _cursor(after), whose))
    headers = {} if found.is_last else {NEXT: "{}.{}".format(*stream_rows.cursor(found.batch))}
    if form is Format.COLUMNS:
        ids = np.array([found.devices.get(key, "") for key in found.batch["device_key"].tolist()], np.str_)
        packed = columns.pack(found.batch.with_columns(device_id=ids), {"stream": stream, "next": headers.get(NEXT)})
        return Response(packed, media_type=COLUMNS, headers=headers)
    lines = json_lines(found.batch, found.devices)
    if len(found.batch) <= AT_ONCE_ROWS:
        return Response("".join(lines), media_type=JSON_LINES, headers=headers)
    return StreamingResponse(joined(lines), media_type=JSON_LINES, headers=headers)


def _whose(stream: Stream, asked: Mapping[str, str | int | None]) -> int | None:
    """The road user's number as the stream's rows have it (8-byte ids signed); ProblemError 422 for one of another stream."""
    for name, value in asked.items():
        if value is not None and name != stream.name:
            field = "vehicle" if name == "bsm" else name
            fault = Fault(field, repr(value), f"only rows of {name} can be asked for by it")
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{field} = {value!r} is not allowed: {fault.allowed}", [fault])
    value = asked.get(stream.name)
    return int.from_bytes(bytes.fromhex(value), signed=True) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Found:
    """A page's rows, the ids of its devices by key, and whether nothing comes after it."""

    batch: Batch
    devices: dict[int, str]
    is_last: bool


def read_page(parts: Parts, stream: Stream, page: stream_rows.Page) -> Found:
    """One page of rows; ProblemError 503 while nobody has made the stream's tables."""
    try:
        with parts.register.reading() as connection:
            batches, is_last = _copy_page(connection, stream, page)
            batch = concatenate(batches) if batches else stream_rows.read_nothing(stream)
            return Found(batch, device_ids(connection, np.unique(batch["device_key"]).tolist()), is_last)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName) as error:
        raise missing(f"stream.{stream.name}", error) from None


def _copy_page(connection: Connection[DictRow], stream: Stream, page: stream_rows.Page) -> tuple[list[Batch], bool]:
    """The page's rows window by window, and whether they are the last; half a page is enough to end it between two windows."""
    found: list[Batch] = []
    count = 0
    for start_us, stop_us in page.windows():
        window = replace(page, from_us=start_us, to_us=stop_us, limit=page.limit - count)
        found.append(_copy(connection, stream, window))
        count += len(found[-1])
        if len(found[-1]) >= window.limit or (count * 2 >= page.limit and stop_us < page.to_us):
            return found, False
    return found, True


def _copy(connection: Connection[DictRow], stream: Stream, page: stream_rows.Page) -> Batch:
    with connection.cursor() as cursor, cursor.copy(stream_rows.copy_sql(stream).encode(), page.parameters()) as copy:
        return stream_rows.read(stream, b"".join(copy))


def missing(table: str, error: psycopg.Error) -> ProblemError:
    """503: the component that makes this table has not done so."""
    text = f"{table} cannot be read yet ({error.diag.message_primary}): the service that writes it has to start first"
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, text)


def device_key(parts: Parts, device_id: str) -> int:
    """A device's number in stored rows; ProblemError 404 for one that is not registered."""
    rows = parts.register.rows("SELECT device_key FROM register.device WHERE device_id = %(device_id)s", {"device_id": device_id})
    if not rows:
        raise not_found("device", device_id)
    return int(rows[0]["device_key"])


def _cursor(after: str | None) -> tuple[int, int] | None:
    if after is None:
        return None
    if not re.fullmatch(r"[0-9]{1,16}\.[0-9]{1,9}", after, re.ASCII):
        fault = Fault("after", repr(after[:80]), "what the last page's header Chelu-Next said")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"after = {fault.value} is not allowed: {fault.allowed}", [fault])
    time_us, _, key = after.partition(".")
    return min(int(time_us), END_OF_TIME_US), int(key)
