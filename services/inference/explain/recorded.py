"""What was stored of a site's messages around an instant, as ingest stored it, and the roads and devices as they were then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import Connection

from chelu.messages import BSM, EVENT, OBSERVATION, PARTICIPANT, SPAT, Batch, Stream
from chelu.store import reading
from chelu.store.reading import instant, stream_outputs
from services.inference.explain.warnings import us_of
from services.inference.register import Register, roads_as_of, values_as_of

MINUTE_US = 60_000_000
_AROUND_US = 60 * MINUTE_US  # of event time about the arrival: what is older warns nobody
_BACK_US = {  # what holds for longer than tracks live is read from further back
    EVENT.name: 10 * MINUTE_US,
    "rsi": 60 * MINUTE_US,
    "map": 24 * 60 * MINUTE_US,
}
_SAID = f"""FROM stream.message WHERE kind = %(kind)s AND value IS NOT NULL AND device_key = ANY(%(devices)s)
      AND time >= {instant("early_us")} AND time < {instant("to_us")}"""
_MESSAGES = f"""(SELECT DISTINCT ON (device_key, md5(substring(payload from 6))) arrival, time, device_key, value
    {_SAID} AND arrival < {instant("from_us")} ORDER BY device_key, md5(substring(payload from 6)), arrival DESC)
    UNION ALL (SELECT arrival, time, device_key, value
    {_SAID} AND arrival >= {instant("from_us")} AND arrival < {instant("to_us")})"""  # noqa: S608 - names of ours; from its sixth byte on a repeated message is the same


_DECISIONS = f"""SELECT detail -> 'cause', arrival, decided FROM city.warning
    WHERE site_id = %(site)s AND state <> 'cleared' AND decided >= {instant("from_us")} AND decided < {instant("to_us")}"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True)
class Kept:
    """A MAP or RSI: whole, as JSON; kind: which."""

    kind: str
    arrival_us: int
    reference_us: int
    device_key: int
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recorded:
    """Rows of streams by name, each in the order of arrival; messages: MAPs and RSIs.

    Of those before the window each is there once, as it was said last; what is repeated in it is there as often.
    """

    streams: Mapping[str, Batch]
    messages: Sequence[Kept]

    def count(self) -> dict[str, int]:
        """Rows by stream."""
        return {name: len(rows) for name, rows in self.streams.items()} | {"message": len(self.messages)}


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that inference told: the message that caused it, when that was read, and when it was decided upon."""

    cause: Mapping[str, Any]
    read_us: int
    decided_us: int


@dataclass(frozen=True, slots=True)
class Window:
    """Of arrivals, [from_us, to_us); weather_us: how far back what sensors measured still holds."""

    from_us: int
    to_us: int
    weather_us: int


def read(connection: Connection[Any], register: Register, site_id: str, window: Window) -> Recorded:
    """What this site's devices said in the window, and before it what may still have held in it; connection: in autocommit."""
    devices = [one.key for one in register.devices.values() if one.site_id == site_id]
    back = {**_BACK_US, OBSERVATION.name: window.weather_us}
    streams = {
        stream.name: _stream(connection, stream, devices, window.from_us - back.get(stream.name, 0), window.to_us)
        for stream in (BSM, PARTICIPANT, SPAT, EVENT, OBSERVATION)
    }
    found = [_messages(connection, kind, devices, window, back[kind]) for kind in ("map", "rsi")]
    return Recorded(streams, sorted((one for some in found for one in some), key=lambda one: one.arrival_us))


def decisions(connection: Connection[Any], site_id: str, window: Window) -> list[Decision]:
    """Everything that the site's vehicles were told in the window; what was cleared has no message of its own."""
    values = {"site": site_id, "from_us": window.from_us, "to_us": window.to_us}
    rows = connection.execute(_DECISIONS.encode(), values).fetchall()
    return [Decision(cause, us_of(arrival), us_of(decided)) for cause, arrival, decided in rows]


def as_it_was(connection: Connection[Any], register: Register, site_id: str, at_us: int) -> Register:
    """The register with the site's roads and parameters of an instant. Devices, and where the site lies, are those of today."""
    entry = roads_as_of(connection, register.sites[site_id], at_us)
    values = {**register.values, site_id: values_as_of(connection, site_id, at_us)}
    return replace(register, sites={**register.sites, site_id: entry}, values=values)


def _stream(connection: Connection[Any], stream: Stream, devices: Sequence[int], from_us: int, to_us: int) -> Batch:
    """Its rows by arrival; none while ingest has not made its table."""
    outputs = stream_outputs(stream)
    columns = ", ".join(one.sql for one in outputs)
    query = f"""COPY (SELECT {columns} FROM stream.{stream.name} AS r
        WHERE r.arrival >= {instant("from_us")} AND r.arrival < {instant("to_us")} AND r.device_key = ANY(%(devices)s)
          AND r.time >= {instant("early_us")} AND r.time < {instant("late_us")}
        ORDER BY r.arrival) TO STDOUT (FORMAT BINARY)"""  # noqa: S608 - names of ours
    values = {"from_us": from_us, "to_us": to_us, "early_us": from_us - _AROUND_US, "late_us": to_us + _AROUND_US}
    try:
        with connection.cursor() as cursor, cursor.copy(query.encode(), {**values, "devices": list(devices)}) as copy:
            return reading.read(outputs, b"".join(copy))
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return reading.read(outputs, reading.NOTHING)


def _messages(connection: Connection[Any], kind: str, devices: Sequence[int], window: Window, back_us: int) -> list[Kept]:
    early_us = window.from_us - back_us
    values = {"kind": kind, "devices": list(devices), "early_us": early_us, "from_us": window.from_us, "to_us": window.to_us}
    try:
        rows = connection.execute(_MESSAGES.encode(), values).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return []
    return [Kept(kind, us_of(arrival), us_of(time), int(key), value) for arrival, time, key, value in rows]
