"""What grows is kept within its settings: what is too old or too much goes, old chunks become columns, indexes hear of blocks.

A thread and a connection of its own, so that the writer waits for nothing but a lock, and never long (`chelu.store.retention`).
Of several workers one at a time does it, whoever gets the lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import Connection, sql

from chelu.clock import Clock
from chelu.errors import CheluError
from chelu.messages import STREAMS
from chelu.store import Database, compress_before, drop_before, failures, open_series, summarise
from chelu.store.series import US_PER_HOUR, instant
from services.ingest import keeping
from services.ingest.settings import IngestSettings

log = logging.getLogger(__name__)

PORTION = 20_000  # rows of one DELETE: a transaction that stays short
DELIVERIES_S, HOURS_PER_DAY = 3600.0, 24  # what finds old numbers may have to read all of them
LOCK = "SELECT pg_try_advisory_lock(hashtext('chelu upkeep'))"
OLD_ROWS = "SELECT ctid::text FROM {name} WHERE {column} < %s"
DELETE_ROWS = "DELETE FROM {name} WHERE ctid = ANY(%s::tid[]) AND {column} < %s"
LAST_LETTER = "SELECT max(dead_letter_id) FROM stream.dead_letter"
OLD_LETTERS = """DELETE FROM stream.dead_letter WHERE dead_letter_id = ANY(ARRAY(
    SELECT dead_letter_id FROM stream.dead_letter WHERE dead_letter_id <= %s ORDER BY dead_letter_id LIMIT %s))"""
LAST_BATCH = "SELECT max(batch_id) FROM stream.batch WHERE created < %s"
OLD_BATCHES = "SELECT batch_id FROM stream.batch WHERE batch_id <= %s ORDER BY batch_id LIMIT %s"
BOOKS = ("stream.drop", "stream.account", "stream.batch")  # in the order in which their rows may go


class Upkeep:
    """`start` and `stop` from one thread; `turn` is the work, for whoever wants it now."""

    def __init__(self, database: Database, settings: IngestSettings, clock: Clock) -> None:
        self._database, self._settings, self._clock = database, settings, clock
        self._stopping = threading.Event()
        self._trouble = ""
        self._deliveries_at_s = clock.monotonic_s()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begin; the first turn comes after `upkeep_s`."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no other turn; a statement under way is left to the server. Stopping twice is harmless."""
        self._stopping.set()

    def turn(self) -> bool:
        """Do what is due; False when another worker is at it. Raises as `Database` does."""
        with failures(self._database.url, "upkeep"), self._database.connect(autocommit=True) as connection:
            row = connection.execute(LOCK).fetchone()
            if row != (True,):
                return False
            now_us = self._clock.wall_us()
            keep_hours = keeping.in_force(connection, self._settings.keep_hours)
            for table in STREAMS:
                self._series(connection, table, now_us, keep_hours.get(table))
            for table in ("message", "report", "remark"):
                if hours := keep_hours.get(table):
                    _log(_delete_rows(connection, f"stream.{table}", now_us - hours * US_PER_HOUR), "rows", table, hours)
            if hours := keep_hours.get("books"):
                _log(_delete_books(connection, now_us - hours * US_PER_HOUR), "batches", "books", hours)
            self._deliveries(connection, now_us)
            self._letters(connection)
        return True

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.wait(self._settings.upkeep_s):
            try:
                self.turn()
                self._trouble = ""
            except (CheluError, LookupError, psycopg.Error) as error:  # it is tried again; said once while it stays the same
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    log.warning("upkeep: %s", error)

    def _series(self, connection: Connection[Any], table: str, now_us: int, keep_hours: int | None) -> None:
        series = open_series(connection, f"stream.{table}")
        if keep_hours:
            for dropped in drop_before(connection, series, now_us - keep_hours * US_PER_HOUR):
                log.info("%s dropped: its rows are older than %d hours", dropped, keep_hours)
        if hours := self._settings.compress_after_hours:
            for compressed in compress_before(connection, series, now_us - hours * US_PER_HOUR):
                log.info("%s is kept as columns from now on", compressed)
        summarise(connection, series)

    def _deliveries(self, connection: Connection[Any], now_us: int) -> None:
        """Keep those that may still be repeated; now and every hour."""
        if self._clock.monotonic_s() < self._deliveries_at_s:
            return
        hours = self._settings.delivery_days * HOURS_PER_DAY
        deleted = _delete_rows(connection, "stream.delivery", now_us - hours * US_PER_HOUR, column="stored")
        _log(deleted, "numbers", "delivery", hours)
        self._deliveries_at_s = self._clock.monotonic_s() + DELIVERIES_S

    def _letters(self, connection: Connection[Any]) -> None:
        """Keep the newest."""
        kept, total = self._settings.dead_letters_kept, 0
        row = connection.execute(LAST_LETTER).fetchone()
        last = row[0] if row else None
        while last is not None and (found := connection.execute(OLD_LETTERS, (last - kept, PORTION)).rowcount):
            total += found
        if total:
            log.info("dead_letter: %d beyond the newest %d deleted", total, kept)


def _delete_rows(connection: Connection[Any], table: str, before_us: int, column: str = "time") -> int:
    """Delete the rows of an ordinary table whose time is before, found at once and a portion at a time; returns how many."""
    names = {"name": sql.Identifier(*table.split(".")), "column": sql.Identifier(column)}
    delete, before, total = sql.SQL(DELETE_ROWS).format(**names), instant(before_us), 0
    with connection.cursor(name="old", withhold=True) as old:
        old.execute(sql.SQL(OLD_ROWS).format(**names), (before,))
        while rows := old.fetchmany(PORTION):
            total += connection.execute(delete, ([row[0] for row in rows], before)).rowcount
    return total


def _delete_books(connection: Connection[Any], before_us: int) -> int:
    """Delete batches begun before, with their accounts and drops; returns how many batches."""
    row = connection.execute(LAST_BATCH, (instant(before_us),)).fetchone()
    last = row[0] if row else None
    total = 0
    while last is not None and (ids := _ids(connection, OLD_BATCHES, last, PORTION)):
        with connection.transaction():
            for table in BOOKS:
                statement = sql.SQL("DELETE FROM {} WHERE batch_id = ANY(%s)").format(sql.Identifier(*table.split(".")))
                connection.execute(statement, (ids,))
        total += len(ids)
    return total


def _ids(connection: Connection[Any], query: LiteralString, *parameters: object) -> Sequence[int]:
    return [int(row[0]) for row in connection.execute(query, parameters).fetchall()]


def _log(number: int, what: str, table: str, hours: int) -> None:
    if number:
        log.info("%s: %d %s older than %d hours deleted", table, number, what, hours)
