"""SQL of the track's log: appended to by one transaction at a time, read a page at a time, checked from end to end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from services.registry.track.chain import Check, Happening, Link, beginning, checked, extended

UNREPLACED = "LOCK TABLE register.track_log IN ROW EXCLUSIVE MODE"  # so that the last entry is not another one a moment later
LOCK = "SELECT pg_advisory_xact_lock(hashtext('chelu track log'), hashtext(%s))"
LAST = "SELECT number, entry, hash FROM register.track_log WHERE site_id = %s ORDER BY number DESC LIMIT 1"
ADD = """INSERT INTO register.track_log (site_id, number, entry, hash)
    SELECT %s, * FROM unnest(%s::bigint[], %s::text[], %s::bytea[])"""
PAGE = """SELECT number, entry, hash FROM register.track_log WHERE site_id = %(site_id)s AND number > %(after)s
        AND at_us >= %(from_us)s AND at_us < %(to_us)s AND (%(what)s::text IS NULL OR what = %(what)s)
        AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    ORDER BY number LIMIT %(limit)s"""
ALL = "SELECT number, entry, hash FROM register.track_log WHERE site_id = %s ORDER BY number"


def append(connection: Connection[DictRow], site_id: str, happenings: Sequence[Happening], at_us: int) -> None:
    """Note what happened, in the transaction of what happened; others who note something on the site wait for its end."""
    if not happenings:
        return
    connection.execute(UNREPLACED)
    connection.execute(LOCK, (site_id,))
    row = connection.execute(LAST, (site_id,)).fetchone()
    links = extended(_link(row) if row else beginning(site_id), site_id, happenings, at_us)
    columns = [link.number for link in links], [link.entry for link in links], [link.hash for link in links]
    connection.execute(ADD, (site_id, *columns))


def page(connection: Connection[DictRow], query: dict[str, Any]) -> list[Link]:
    """Entries in order, as `PAGE` asks for them."""
    return [_link(row) for row in connection.execute(PAGE, query)]


def check(connection: Connection[DictRow], site_id: str, head: bytes | None = None) -> Check:
    """Read the whole log, and see that it is as it was written, and still has the entry of this hash."""
    with connection.cursor() as cursor:
        return checked(site_id, _links(cursor.stream(ALL, (site_id,))), head)


def _links(rows: Iterable[DictRow]) -> Iterator[Link]:
    return (_link(row) for row in rows)


def _link(row: DictRow) -> Link:
    return Link(row["number"], row["entry"], bytes(row["hash"]))
