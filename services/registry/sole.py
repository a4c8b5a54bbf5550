"""One registry works on a database at a time: two would fight for one session at the broker, and tell every device twice.

It is a lock of the database's session, so it ends with the process that holds it, however that dies. A successor that is started
early waits a little for its predecessor. In the same session both machines' clocks are compared: keys, sessions and places for
strangers end by the database's, orders, permits and alarms by ours.
"""

from __future__ import annotations

import logging
from typing import Any, Self

import psycopg
from psycopg import Connection

from chelu.clock import Clock
from chelu.errors import CannotStartError, CheluError
from chelu.store import Database
from chelu.units import US_PER_S
from services.registry.rounds import Rounds

LOG = logging.getLogger(__name__)
PERIOD_S = 2.0  # between looks whether the session still stands
WAIT_S = 15.0  # a registry that is told to end does so within five
POLL_S = 0.2
NAME = "hashtext('chelu registry'), 0"
TAKE = f"SELECT pg_try_advisory_lock({NAME})"
MOST_APART_S = 5.0
CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
HOLDER = """SELECT activity.pid, host(activity.client_addr), activity.backend_start FROM pg_locks AS lock
    JOIN pg_stat_activity AS activity USING (pid)
    WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objid = 0
        AND lock.classid::bigint = hashtext('chelu registry')::bigint & 4294967295
        AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class Sole:
    """Holds the lock while it is entered, also after the database was away; CannotStartError when it is another's."""

    def __init__(self, database: Database, clock: Clock, *, wait_s: float = WAIT_S) -> None:
        self._database, self._clock, self._wait_s = database, clock, wait_s
        self._is_apart = False
        self._connection: Connection[Any] | None = None
        self._rounds = Rounds.every(PERIOD_S, "sole", self._hold, "another registry may work on the same database")

    def __enter__(self) -> Self:
        deadline_s = self._clock.monotonic_s() + self._wait_s
        connection = self._database.connect(autocommit=True)
        while not _take(connection):
            if self._clock.monotonic_s() >= deadline_s:
                raise self._refusal(connection)
            self._clock.sleep(POLL_S)
        self._connection = connection
        self._hold()
        self._rounds.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rounds.stop()
        if self._connection is not None:
            self._connection.close()

    def _hold(self) -> None:
        """See that the session stands; after the database was away, take the lock in a new one."""
        if self._connection is not None and (database_us := _time_us(self._connection)):
            self._compare(database_us)
            return
        self._connection = None
        connection = self._database.connect(autocommit=True)
        if not _take(connection):
            raise self._refusal(connection)
        LOG.info("is the only registry of the database at %s again", self._database.address)
        self._connection = connection

    def _compare(self, database_us: int) -> None:
        """Say once that the clocks differ, and once that they no longer do."""
        ahead_s = (database_us - self._clock.wall_us()) / US_PER_S
        is_apart = abs(ahead_s) > MOST_APART_S
        if is_apart and not self._is_apart:
            where = "ahead of" if ahead_s > 0 else "behind"
            LOG.warning(
                "the database's clock is %.0f s %s this machine's: keys and sessions end by it, all else by ours; set both",
                abs(ahead_s),
                where,
            )
        elif self._is_apart and not is_apart:
            LOG.info("the database's clock is this machine's again")
        self._is_apart = is_apart

    def _refusal(self, connection: Connection[Any]) -> CheluError:
        """Who has the lock; the connection is closed."""
        with connection:
            row = connection.execute(HOLDER).fetchone()
        connection.close()
        who = f" from {row[1] or 'this machine'} since {row[2]:%Y-%m-%d %H:%M:%S}Z" if row else ""
        what = f"another registry works on the database at {self._database.address}{who}"
        return CannotStartError(what, "end that one, or give this one a database of its own (CHELU_DATABASE_URL)")


def _take(connection: Connection[Any]) -> bool:
    row = connection.execute(TAKE).fetchone()
    return bool(row and row[0])


def _time_us(connection: Connection[Any]) -> int | None:
    """The database's time; None, and the connection closed, when the session no longer stands."""
    try:
        row = connection.execute(CLOCK).fetchone()
    except psycopg.Error:
        connection.close()
        return None
    return int(row[0]) if row else None
