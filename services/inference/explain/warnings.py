"""Stored warnings: found by their id or its beginning, with everything that became of them; and the newest of them as a list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import Connection

from chelu.errors import CheluError, ConfigurationError
from services.inference.life import State

LEAST_SIGNS = 6  # of an id's beginning: fewer mean too many warnings
_ID = re.compile(r"[0-9a-f]{6,8}(-|$)[0-9a-f-]{0,28}", re.ASCII)
_COLUMNS = "warning_id::text, site_id, application, state, level, time, arrival, decided, published, detail"
_OF_ID = f"SELECT {_COLUMNS} FROM city.warning WHERE warning_id::text LIKE %s ORDER BY warning_id, decided LIMIT 10000"  # noqa: S608 - names of ours
_NEWEST = f"""SELECT {_COLUMNS} FROM city.warning WHERE state = 'raised' AND (%(site)s::text IS NULL OR site_id = %(site)s)
    AND CASE WHEN %(application)s::text IS NULL THEN level > 0 ELSE application = %(application)s END
    ORDER BY decided DESC LIMIT %(count)s"""  # noqa: S608 - as above
Json = Mapping[str, Any]


class UnknownWarningError(CheluError):
    """No stored warning has this id."""

    def __init__(self, warning: str) -> None:
        self.warning = warning
        super().__init__(f"no stored warning has the id {warning!r}; `chelu explain` without an id lists the newest")


class AmbiguousWarningError(CheluError):
    """Several ids begin so."""

    def __init__(self, warning: str, ids: Sequence[str]) -> None:
        self.warning, self.ids = warning, tuple(ids)
        super().__init__(
            f"{len(ids)} warnings begin with {warning!r} ({', '.join(ids[:3])}{' …' if len(ids) > 3 else ''}): give more of it"
        )


class ForeignWarningError(CheluError):
    """The warning is another site's than was asked for."""

    def __init__(self, warning: str, site_id: str, asked: str) -> None:
        self.warning, self.site_id, self.asked = warning, site_id, asked
        super().__init__(f"the warning {warning} is of site {site_id!r}, not of {asked!r}")


class NotKeptError(CheluError):
    """What is needed to explain a warning is not stored any more, or never was."""

    def __init__(self, warning: str, what: str) -> None:
        self.warning, self.what = warning, what
        super().__init__(f"the warning {warning} cannot be explained: {what}")


@dataclass(frozen=True, slots=True)
class Row:
    """One change in a warning's life. published_us: None when nobody could be told; detail: the JSON that was sent."""

    state: State
    level: int
    time_us: int
    arrival_us: int
    decided_us: int
    published_us: int | None
    detail: Json


@dataclass(frozen=True, slots=True)
class Stored:
    """A warning and its life, in the order in which it was decided upon; its first row raised it."""

    warning_id: str
    site_id: str
    application: str
    rows: tuple[Row, ...]

    @property
    def raised(self) -> Row:
        """The row that raised it."""
        return self.rows[0]


def find(connection: Connection[Any], warning: str, site: str | None = None) -> Stored:
    """The warning whose id is, or begins with, `warning`; errors above say what is wrong. connection: in autocommit."""
    given = warning.strip().lower()
    if not _ID.fullmatch(given):
        raise ConfigurationError("WARNING", warning, f"an id such as 0a1b2c3d-…, or at least its first {LEAST_SIGNS} signs")
    rows = _rows(connection, _OF_ID, (given + "%",))
    ids = list(dict.fromkeys(str(row[0]) for row in rows))
    if not ids:
        raise UnknownWarningError(warning)
    if len(ids) > 1:
        raise AmbiguousWarningError(warning, ids)
    stored = _stored(rows)
    if site is not None and stored.site_id != site:
        raise ForeignWarningError(stored.warning_id, stored.site_id, site)
    if stored.raised.state is not State.RAISED:
        raise NotKeptError(stored.warning_id, f"the row that raised it is not stored, only that it was {stored.raised.state}")
    return stored


def newest(connection: Connection[Any], site: str | None, application: str | None, count: int) -> list[Stored]:
    """What was raised last, each with that row alone, the newest first: all warnings, or an application's, advice too."""
    values = {"site": site, "application": application, "count": count}
    return [_stored([row]) for row in _rows(connection, _NEWEST, values)]


def _rows(connection: Connection[Any], query: str, values: Any) -> list[tuple[Any, ...]]:
    """Rows of a query; none where inference has not made its tables yet."""
    try:
        return connection.execute(query.encode(), values).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return []


def _stored(rows: Sequence[tuple[Any, ...]]) -> Stored:
    warning_id, site_id, application = rows[0][:3]
    return Stored(warning_id, site_id, application, tuple(_row(*row[3:]) for row in rows))


def _row(state: str, level: int, time: Any, arrival: Any, decided: Any, published: Any, detail: Json) -> Row:
    sent_us = None if published is None else us_of(published)
    return Row(State(state), level, us_of(time), us_of(arrival), us_of(decided), sent_us, detail)


def us_of(at: datetime) -> int:
    """Microseconds since 1970."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def clock_of(time_us: int) -> str:
    """As people read it: UTC, to the millisecond."""
    return datetime.fromtimestamp(time_us / 1e6, UTC).isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
