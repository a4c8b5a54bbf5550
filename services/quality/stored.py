"""What ingest has stored of a stretch of time, as the monitors take it; for the service, and for `chelu monitors run`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from psycopg import Connection, errors

from chelu.codec.roadside import has_message_count
from chelu.errors import CheluError
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, Stream
from chelu.quality.monitors.window import HEADER, LEAD_S, MAP, NO_MINUTE, TAIL_S, Heard
from chelu.store import reading
from chelu.store.reading import Output, stream_outputs
from chelu.store.series import instant
from chelu.units import US_PER_S

PLACED = ("latitude_deg", "longitude_deg", "elevation_m", "speed_mps", "heading_deg", "length_m")
ENDS = ("start_s", "min_end_s", "max_end_s", "likely_end_s")
WANTED: Mapping[str, tuple[Stream, tuple[str, ...]]] = {
    "bsm": (BSM, ("time_us", "message_count", "vehicle_id", *PLACED)),
    "participant": (PARTICIPANT, ("time_us", "message_count", "rsu_id", "participant_id")),
    "spat": (
        SPAT,
        (
            *("time_us", "message_count", "region_id", "intersection_id", "phase_id", "state_index", "light", "timing"),
            *(*ENDS, "road_user"),
        ),
    ),
}
CONTENT = "value - 'message_count' - 'minute_of_year'"
MAPS = f"""SELECT (extract(epoch FROM time) * 1000000)::bigint, (extract(epoch FROM arrival) * 1000000)::bigint, device_key,
        coalesce((value ->> 'message_count')::integer, 0), coalesce((value ->> 'minute_of_year')::integer, {NO_MINUTE}),
        md5(({CONTENT})::text)
    FROM stream.message WHERE kind = 'map' AND value IS NOT NULL AND time >= %s AND time < %s ORDER BY time"""  # noqa: S608
CONTENTS = f"""SELECT DISTINCT ON (digest) digest, content FROM (SELECT md5(({CONTENT})::text) AS digest, {CONTENT} AS content
    FROM stream.message WHERE kind = 'map' AND value IS NOT NULL AND time >= %s AND time < %s) AS map
    WHERE digest = ANY(%s)"""  # noqa: S608 - constants only
COPY = f"""COPY (SELECT {{columns}} FROM stream.{{table}} AS r WHERE time >= {reading.instant("from_us")}
    AND time < {reading.instant("to_us")} ORDER BY time) TO STDOUT (FORMAT BINARY)"""  # noqa: S608 - names of ours
COUNT = "SELECT count(*) FROM stream.bsm WHERE time >= %s AND time < %s"
SITES = "SELECT device_key, device_id, site_id, kind, profile FROM register.device"


class NothingStoredError(CheluError):
    """The tables of the register or of ingest are not there yet; table: the first that is missed, as the database says."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(f"nothing has been stored in this database yet ({table}): start the registry and ingest on it")


@contextlib.contextmanager
def _tables() -> Iterator[None]:
    try:
        yield
    except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
        raise NothingStoredError(error.diag.message_primary or "a table") from None


@dataclass(frozen=True, slots=True)
class Site:
    """The devices of one site: names by key; uncounted: keys of those whose format has no message count."""

    site_id: str
    names: Mapping[int, str]
    uncounted: frozenset[int] = frozenset()

    @property
    def keys(self) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        return np.array(sorted(self.names), np.int32)


@dataclass(slots=True)
class Store:
    """Reads through one connection, in autocommit; remembers MAPs that it has read. One thread's. Raises NothingStoredError."""

    connection: Connection[Any]
    most_rows: int = 1 << 62
    left_out: int = 0  # BSMs of windows that had more than most_rows
    _contents: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def sites(self) -> list[Site]:
        """All sites with devices."""
        found: dict[str, dict[int, str]] = {}
        uncounted: dict[str, set[int]] = {}
        with _tables():
            rows = self.connection.execute(SITES).fetchall()
        for key, name, site, kind, profile in rows:
            found.setdefault(str(site), {})[int(key)] = str(name)
            if not has_message_count(kind, profile):
                uncounted.setdefault(str(site), set()).add(int(key))
        return [Site(site, names, frozenset(uncounted.get(site, ()))) for site, names in sorted(found.items())]

    def is_too_much(self, from_us: int, to_us: int) -> bool:
        """Whether a window has more BSMs in it, its surroundings left aside, than would be read."""
        return self._count(from_us, to_us) > self.most_rows // 2

    def _count(self, begin_us: int, end_us: int) -> int:
        with _tables():
            row = self.connection.execute(COUNT, (instant(begin_us), instant(end_us))).fetchone()
        return int(row[0]) if row else 0

    def heard(self, from_us: int, to_us: int) -> Heard:
        """What was stored of a window and its surroundings."""
        begin_us, end_us = from_us - round(LEAD_S * US_PER_S), to_us + round(TAIL_S * US_PER_S)
        with _tables():
            streams: dict[str, Any] = {name: self._rows(name, begin_us, end_us) for name in WANTED if name != "bsm"}
        if (count := self._count(begin_us, end_us)) <= self.most_rows:
            streams["bsm"] = self._rows("bsm", begin_us, end_us)
        else:
            self.left_out += count
        columns, contents = self.maps(begin_us, end_us)
        return replace(Heard(), **streams, map=columns, contents=contents)

    def maps(self, begin_us: int, end_us: int) -> tuple[Batch, tuple[Mapping[str, Any], ...]]:
        """MAPs by time, and what they say, each once."""
        span = instant(begin_us), instant(end_us)
        with _tables():
            rows = self.connection.execute(MAPS.encode(), span).fetchall()
        digests = list(dict.fromkeys(str(row[5]) for row in rows))
        self._contents = {one: self._contents[one] for one in digests if one in self._contents}
        if unknown := [one for one in digests if one not in self._contents]:
            for digest, content in self.connection.execute(CONTENTS.encode(), (*span, unknown)).fetchall():
                self._contents[str(digest)] = content
        place = {digest: row for row, digest in enumerate(digests)}
        table = np.array([(*row[:5], place[str(row[5])]) for row in rows], np.int64).reshape(-1, len(MAP))
        columns = {name: table[:, index].astype(kind) for index, (name, kind) in enumerate(MAP.items())}
        return Batch(columns), tuple(self._contents[digest] for digest in digests)

    def _rows(self, name: str, begin_us: int, end_us: int) -> Batch:
        outputs = _outputs(name)
        query = COPY.format(columns=", ".join(one.sql for one in outputs), table=name)
        span = {"from_us": begin_us, "to_us": end_us}
        with self.connection.cursor() as cursor, cursor.copy(query.encode(), span) as copy:
            return reading.read(outputs, b"".join(bytes(part) for part in copy))


@cache
def _outputs(name: str) -> tuple[Output, ...]:
    """The columns that the monitors need, and their masks."""
    stream, wanted = WANTED[name]
    kept = {*wanted, *(f"{one}_valid" for one in wanted), *HEADER}
    return tuple(one for one in stream_outputs(stream) if one.name in kept)


def of_site(heard: Heard, site: Site) -> Heard:
    """What one site's devices said."""
    keys = site.keys
    parts = {name: getattr(heard, name) for name in ("bsm", "participant", "spat", "map")}
    mine = {name: rows.take(np.isin(rows["device_key"], keys)) for name, rows in parts.items()}
    return replace(heard, **mine, uncounted=site.uncounted)
