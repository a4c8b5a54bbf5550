"""What is kept around events, when one of them cannot be. A real database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from chelu.clock import SystemClock, VirtualClock
from chelu.store import Database, migrate
from services.ingest.tables import prepare_schema
from services.registry.database import Register
from services.registry.prepare import MIGRATIONS
from services.registry.supervision.captures import MOST_TRIES, PAUSE_US, Keeper
from services.registry.supervision.rows import Owner, add_events
from services.registry.supervision.states import Event, What
from tests.waiting import until

S = 1_000_000
SAID = """INSERT INTO stream.report (time, arrival, device_key, batch_id, flags, stream, topic, body)
    SELECT to_timestamp(%s), to_timestamp(%s), device_key, 1, 0, 'mode', '', '{}' FROM register.device"""


class Hurried(VirtualClock):
    """Every look at it takes as long as one waits before what failed is tried again."""

    def wall_us(self) -> int:
        self.sleep(PAUSE_US / S)
        return super().wall_us()


@pytest.fixture
def register(database_url: str) -> Iterator[Register]:
    """With a car."""
    with psycopg.connect(database_url) as connection:
        migrate(connection, "register", MIGRATIONS)
        prepare_schema(connection)
        connection.execute("INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES ('hillside', '', 0, 0)")
        connection.execute("INSERT INTO register.device (device_id, kind, site_id) VALUES ('car', 'obu', 'hillside')")
    with closing(Database(database_url)) as database:
        yield Register(database)


def test_one_that_cannot_be_kept_keeps_no_other_and_is_given_up(register: Register, caplog: pytest.LogCaptureFixture) -> None:
    now_us = SystemClock().wall_us()
    with register.transaction() as connection:
        row = connection.execute("SELECT device_key FROM register.device").fetchone()
        assert row is not None
        owner = Owner(row["device_key"], "car", None, "hillside")
        marks = [(owner, Event(What.MARK, at_us, None, None)) for at_us in (now_us - 90 * S, now_us - 80 * S)]
        bad, good = add_events(connection, marks)
        connection.execute(SAID, (now_us / S - 85, now_us / S - 85))
        connection.execute(f"ALTER TABLE run.capture ADD CONSTRAINT taste CHECK (event_id <> {bad})")

    def captures() -> dict[int, str]:
        return {row["event_id"]: row["capture"] for row in register.rows("SELECT * FROM register.vehicle_event")}

    with Keeper(register, Hurried(now_us)):
        until(lambda: "pending" not in captures().values(), 10, "all to be looked after")
    assert captures() == {bad: "nothing", good: "kept"}
    assert f"given up after {MOST_TRIES} tries" in caplog.text
