"""What can go wrong with a database, as Chelu's errors: unreachable (try again) or refused (a person must act)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import psycopg_pool
from psycopg import errors

from chelu.errors import CheluError, RefusedError, UnreachableError

PEER = "the database"
# FATAL answers of a server that will soon let us in (class 57P03, and a full house).
_SOON = ("starting up", "shutting down", "recovery", "too many clients", "remaining connection slots", "not yet accepting")


class DiskFullError(UnreachableError):
    """The database's disk is full; writing works again when there is room."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(PEER, address, detail)
        self.args = (f"the database at {address} has no room on its disk ({detail}); make room, and writing goes on by itself",)


class UndoneError(UnreachableError):
    """Others changed the same at the same moment, and went first; nothing was changed here, and may be tried again at once."""

    def __init__(self, address: str, detail: str) -> None:
        super().__init__(PEER, address, detail)
        self.args = (
            f"the database at {address} let others go first who changed the same ({detail}): nothing was changed, try again",
        )


def address_of(url: str) -> str:
    """``host:port/database`` without the password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"


@contextlib.contextmanager
def failures(url: str, doing: str) -> Iterator[None]:
    """Around work on a database: its errors become UnreachableError, DiskFullError or RefusedError; programming errors stay."""
    try:
        yield
    except (psycopg.Error, psycopg_pool.PoolTimeout) as error:
        translated = translate(error, url, doing)
        if translated is None:
            raise
        raise translated from error


def translate(error: Exception, url: str, doing: str) -> CheluError | None:
    """The Chelu error for one of psycopg's, or None for one that says our statement is wrong."""
    address, detail = address_of(url), _sentence(error)
    if isinstance(error, errors.DiskFull | errors.OutOfMemory):
        return DiskFullError(address, detail)
    if isinstance(error, errors.DeadlockDetected | errors.SerializationFailure):
        return UndoneError(address, detail)
    if isinstance(error, errors.InsufficientPrivilege | errors.ReadOnlySqlTransaction):
        return RefusedError(f"{PEER} at {address}", doing, detail)
    if _is_refusal(error):
        return RefusedError(f"{PEER} at {address}", "the connection", detail)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg_pool.PoolTimeout):
        return UnreachableError(PEER, address, detail)
    return None


def _is_refusal(error: Exception) -> bool:
    if isinstance(error, errors.InvalidAuthorizationSpecification | errors.InvalidCatalogName):
        return True
    text = str(error)
    never_connected = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    answered = "FATAL:" in text or "no password supplied" in text
    return never_connected and answered and not any(phrase in text for phrase in _SOON)


def _sentence(error: Exception) -> str:
    """The first line that says something, without libpq's preamble."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    fatal = next((line for line in lines if "FATAL:" in line), lines[0])
    return fatal.rpartition("FATAL:")[2].strip() or fatal
