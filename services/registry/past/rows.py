"""The rows of a site's devices in a short time, read by COPY: as many as one answer holds, and until when they are all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from psycopg import Connection
from psycopg.rows import DictRow

from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, Stream
from chelu.store import reading
from chelu.store.reading import Output, instant, stream_outputs
from chelu.units import US_PER_S

MOST_ROWS = 100_000  # of a stream in one answer: 10 s of 1,000 vehicles at 10 Hz
LIGHTS_BEFORE_US = 3 * US_PER_S  # a light shows what it was told last, for so long
MOTION = (
    *("time_us", "device_key", "latitude_deg", "longitude_deg", "elevation_m"),
    *("speed_mps", "heading_deg", "length_m", "width_m"),
)
WANTED: Mapping[str, tuple[str, ...]] = {
    "bsm": (*MOTION, "vehicle_id"),
    "participant": (*MOTION, "participant_type", "participant_id"),
    "spat": ("time_us", "region_id", "intersection_id", "phase_id", "light", "likely_end_s"),
}
ONLY: Mapping[str, str] = {  # road users, and what phases show at the time: not what is announced for later
    "bsm": "",
    "participant": "AND r.participant_type <> 4",
    "spat": "AND (r.start_s <= 0 OR (r.start_s IS NULL AND r.state_index = 0))",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Rows by stream in the order of time, those of lights from `LIGHTS_BEFORE_US` earlier on; all there are until `until_us`."""

    streams: Mapping[str, Batch]
    until_us: int


def read(connection: Connection[DictRow], site_id: str, from_us: int, to_us: int, most_rows: int = MOST_ROWS) -> Found:
    """The rows of the devices that the site has now; it ends before `to_us` where a stream has more than `most_rows`."""
    found: dict[str, Batch] = {}
    for stream, before_us in ((BSM, 0), (PARTICIPANT, 0), (SPAT, LIGHTS_BEFORE_US)):
        query = {"site_id": site_id, "from_us": max(from_us - before_us, 0), "to_us": to_us, "limit": most_rows}
        with connection.cursor() as cursor, cursor.copy(copy_sql(stream).encode(), query) as copy:
            rows = reading.read(outputs(stream), b"".join(copy))
        if len(rows) >= most_rows:  # with all of its last instant
            to_us = max(int(rows["time_us"][-1]), from_us) + 1
        found[stream.name] = rows
    return Found({name: rows.take(rows["time_us"] < to_us) for name, rows in found.items()}, to_us)


@cache
def outputs(stream: Stream) -> tuple[Output, ...]:
    """The columns that are read of a stream."""
    wanted = WANTED[stream.name]
    return tuple(one for one in stream_outputs(stream) if one.name.removesuffix("_valid") in wanted)


@cache
def copy_sql(stream: Stream) -> str:
    """The COPY of a stream's rows in a time, in its order, the last instant whole."""
    columns = ", ".join(output.sql for output in outputs(stream))
    return f"""COPY (SELECT {columns} FROM stream.{stream.name} AS r
        WHERE r.time >= {instant("from_us")} AND r.time < {instant("to_us")} {ONLY[stream.name]}
          AND r.device_key IN (SELECT device_key FROM register.device WHERE site_id = %(site_id)s)
        ORDER BY r.time FETCH FIRST %(limit)s ROWS WITH TIES) TO STDOUT (FORMAT BINARY)"""  # noqa: S608 - names of ours
