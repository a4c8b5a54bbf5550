"""Tables that an earlier version made take in what this one writes: warnings about things, and what sites go by."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import psycopg

from chelu.clock import SystemClock
from chelu.messages import Batch
from chelu.store import Database, copy_rows, create_series, migrate
from chelu.store.schema import definitions
from services.inference.lacks import LACK_COLUMNS, GoesBy, Lacks, lack_row
from services.inference.outbox import WARNING_COLUMNS
from services.inference.storage import JUDGING, MIGRATIONS, WARNING, Item, Storage, prepare
from tests.waiting import until

US = 1_700_000_000_000_000


def _about_a_thing() -> Batch:
    """One row about a stop line."""
    values: dict[str, Any] = {"timestamptz": US, "double precision": 2.5, "text": "x", "jsonb": {"a": 1}, "uuid": UUID(int=1)}
    columns = {one.source: np.array([values.get(one.type, 7)]) for one in WARNING_COLUMNS}
    columns |= {one.mask: np.ones(1, np.bool_) for one in WARNING_COLUMNS if one.mask}
    columns |= {"other_device_key_valid": np.zeros(1, np.bool_), "other_vehicle_id_valid": np.zeros(1, np.bool_)}
    return Batch(columns | {"subject_kind": np.array(["stop line"])})


def test_a_table_of_an_earlier_version_takes_warnings_about_things(database_url: str, tmp_path: Path) -> None:
    shutil.copy(MIGRATIONS / "001_city.sql", tmp_path)
    before = [one for one in WARNING_COLUMNS if not one.name.startswith("subject_") and one.name != "other_device_key"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        migrate(connection, "city", tmp_path)
        create_series(connection, WARNING, definitions(before))
        connection.execute("ALTER TABLE city.warning ADD COLUMN other_device_key integer NOT NULL")
        series = prepare(connection)[WARNING]
        series.ensure(connection, np.array([US]), now_us=US)
        with connection.transaction():
            copy_rows(connection, WARNING, _about_a_thing(), WARNING_COLUMNS)
        row = connection.execute("SELECT subject_kind, subject_id, other_device_key FROM city.warning").fetchone()
    assert row == ("stop line", "x", None)


def test_a_table_of_an_earlier_version_takes_which_parameters_a_site_went_by(database_url: str, tmp_path: Path) -> None:
    for step in ("001_city.sql", "002_subject.sql"):
        shutil.copy(MIGRATIONS / step, tmp_path)
    before = [one for one in LACK_COLUMNS if not one.name.startswith("parameters")]
    goes_by = GoesBy(3, "version 4 is no good", {"fcw": {"warn_mps2": 4.2}})
    with psycopg.connect(database_url, autocommit=True) as connection:
        migrate(connection, "city", tmp_path)
        create_series(connection, JUDGING, definitions(before))
        series = prepare(connection)[JUDGING]
        series.ensure(connection, np.array([US]), now_us=US)
        with connection.transaction():
            copy_rows(connection, JUDGING, lack_row("s", Lacks(), {}, goes_by, interval_s=10.0, now_us=US), LACK_COLUMNS)
        row = connection.execute("SELECT parameters_version, parameters_refused, parameters FROM city.judging").fetchone()
    assert row == (3, "version 4 is no good", {"fcw": {"warn_mps2": 4.2}})


def test_rows_that_come_one_after_the_other_share_a_transaction(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        prepare(connection)
    database = Database(database_url)
    storage = Storage(database, SystemClock(), limit_rows=1000)
    for _ in range(20):
        storage.put(Item(WARNING, _about_a_thing()))
    storage.start()
    for _ in range(20):
        storage.put(Item(WARNING, _about_a_thing()))
    until(lambda: storage.stored == 40, 20, "40 rows")
    storage.stop(timeout_s=5.0)
    database.close()
    with psycopg.connect(database_url) as connection:
        transactions = connection.execute("SELECT count(DISTINCT xmin::text) FROM city.warning").fetchone()
    assert transactions == (1,)
    assert storage.dropped == 0
