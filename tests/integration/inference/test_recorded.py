"""What a replay reads of what the roadside repeats, from a real database: what held before, and what was said meanwhile."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.types.json import Json

from chelu.store import Database
from services.inference.explain.recorded import Recorded, Window, read
from services.inference.register import load
from services.ingest.tables import prepare_schema
from tests.integration.inference.test_warnings import SITE, registered

__all__ = ["registered"]  # a fixture
BEGIN_US = 1_900_000_000_000_000
SECOND_US = 1_000_000


def _say(connection: psycopg.Connection[object], kind: str, second: int, name: str) -> None:
    """As a unit repeats it: the count, which stands at the begin of a message, is another each time."""
    at_us = BEGIN_US + second * SECOND_US
    connection.execute(
        "INSERT INTO stream.message (time, arrival, device_key, batch_id, flags, kind, payload, value)"
        " SELECT to_timestamp(%s / 1e6), to_timestamp(%s / 1e6), device_key, 1, 0, %s, %s, %s FROM register.device"
        " WHERE device_id = 'rsu-1'",
        (at_us, at_us, kind, b"head" + bytes([second]) + name.encode(), Json({"name": name, "second": second})),
    )


def _read(url: str, from_s: int, to_s: int) -> Recorded:
    with Database(url).connect(autocommit=True) as connection:
        window = Window(BEGIN_US + from_s * SECOND_US, BEGIN_US + to_s * SECOND_US, 60 * SECOND_US)
        return read(connection, load(connection), SITE, window)


@pytest.mark.parametrize("kind", ["map", "rsi"])
def test_a_message_that_is_repeated_holds_from_before_the_replay_on(registered: str, kind: str) -> None:
    """Repeated each second, it is known at every instant of the replay, and one that was said before another is before it."""
    with psycopg.connect(registered, autocommit=True) as connection:
        prepare_schema(connection)
        for second in range(8):
            _say(connection, kind, second, "old")
        for second in range(8, 16):
            _say(connection, kind, second, "new")
    told = [(one.kind, one.value["name"], one.value["second"]) for one in _read(registered, 4, 12).messages]
    assert told == [(kind, "old", second) for second in range(3, 8)] + [(kind, "new", second) for second in range(8, 12)]
