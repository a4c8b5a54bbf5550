"""Rows of traffic state and of what was found in a real database, as inference stores them."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from chelu.clock import SystemClock
from chelu.store import Database
from services.inference.city.findings import UNENDED, Finding, unended
from services.inference.city.findings import rows_to_store as findings_to_store
from services.inference.city.forecast.history import STEP_S
from services.inference.city.forecast.stored import segments_of
from services.inference.city.outlet import rows_to_store, turns_to_store
from services.inference.city.state.monitor import StateMonitor
from services.inference.storage import FINDING, STATE, STATE_TURN, Item, Storage
from tests.unit.inference.small_roads import crossing
from tests.unit.inference.state_drives import drive, steady, ways
from tests.waiting import until


def test_rows_and_turns_are_stored_and_what_is_not_known_is_null(database_url: str) -> None:
    monitor = StateMonitor(crossing())
    results = drive(monitor, crossing(), [steady(ways("1to5", "5to3"), 5), steady(ways("1to5", "5to2"), 9)], 60)
    minute = next(one for one in results if one.period_s == 60)
    database = Database(database_url)
    storage = Storage(database, SystemClock(), limit_rows=10_000)
    storage.start()
    storage.put(Item(STATE, rows_to_store("hill", monitor, minute)))
    storage.put(Item(STATE_TURN, turns_to_store("hill", monitor, minute)))
    until(lambda: storage.stored >= 5, 20, "the rows to be stored")
    storage.stop(5.0)
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT mean_speed_mps, share, doubt, faults FROM city.state"
            " WHERE scope = 'segment' AND place = '1to5' AND period_s = 60"
        ).fetchall()
        turns = connection.execute(
            "SELECT kind, to_segment, vehicles, share FROM city.state_turn ORDER BY kind, to_segment"
        ).fetchall()
    database.close()
    assert found == [(pytest.approx(10.0, rel=0.02), None, 3, {})]
    trips = [("trip", "5to2", 1, None), ("trip", "5to3", 1, None)]  # both have ended by then
    assert turns == [*trips, ("turn", "5to2", 1, 0.5), ("turn", "5to3", 1, 0.5)]


def test_a_forecast_begins_with_what_is_stored_of_the_segments(database_url: str) -> None:
    monitor = StateMonitor(crossing())
    results = drive(monitor, crossing(), [steady(ways("1to5", "5to3"), 5)] * 2, 330)
    (five_minutes,) = (one for one in results if one.period_s == STEP_S)
    database = Database(database_url)
    storage = Storage(database, SystemClock(), limit_rows=10_000)
    storage.start()
    for site in ("hill", "dale"):
        storage.put(Item(STATE, rows_to_store(site, monitor, five_minutes)))
    until(lambda: storage.stored >= 4, 20, "the rows to be stored")
    storage.stop(5.0)
    found = {name: (times, speeds) for name, times, speeds in segments_of(database, "hill", five_minutes.end_us)}
    times, speeds = found["1to5"]
    assert (times.tolist(), speeds.tolist()) == ([five_minutes.end_us], [pytest.approx(10.0, rel=0.02)])
    assert {name for name, _, _ in segments_of(database, "hill", five_minutes.end_us - 1)} == set()
    database.close()


def test_what_began_and_did_not_end_is_ended_by_the_next_start(database_url: str) -> None:
    clock, database = SystemClock(), Database(database_url)
    now_us = clock.wall_us()
    place = (29.5, 106.5, 240.0)
    ended, lasts = (
        Finding(
            site_id="hill", finding_id=name, kind="debris", severity="major", since_us=now_us, place=place, detail={"of": name}
        )
        for name in ("ended", "lasts")
    )
    storage = Storage(database, clock, limit_rows=100)
    storage.start()
    theirs = replace(lasts, finding_id="theirs", detail={"application": "flood"})  # it takes up again what it had found
    storage.put(Item(FINDING, findings_to_store([ended, lasts, theirs], now_us)))
    storage.put(Item(FINDING, findings_to_store([ended.over()], now_us)))
    until(lambda: storage.stored >= 4, 20, "the rows to be stored")
    storage.stop(5.0)
    with psycopg.connect(database_url) as connection:
        found = unended(connection.execute(UNENDED).fetchall())
    database.close()
    assert found == [lasts.over(ended_by="a new start")]
