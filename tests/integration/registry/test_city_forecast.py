"""Forecasts and what was found over HTTP and as they are typed, and a site's own speeds as a table to learn from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from chelu.api import Client
from chelu.clock import SystemClock
from chelu.store import Database
from evaluation.forecast.tables import read
from services.inference.city.findings import Finding
from services.inference.city.findings import rows_to_store as findings_to_store
from services.inference.city.forecast.history import STEP_S, STEP_US
from services.inference.city.forecast.outlet import Told, rows_to_store, watch_to_store
from services.inference.city.outlet import rows_to_store as state_to_store
from services.inference.city.state.monitor import StateMonitor
from services.inference.storage import FINDING, FORECAST, FORECAST_WATCH, STATE, Item, Storage
from tests.integration.registry.conftest import SITE, Place, chelu
from tests.unit.inference.small_roads import crossing
from tests.unit.inference.state_drives import drive, steady, ways
from tests.waiting import until

STEPS = np.arange(1, 13, dtype=np.float32)


@pytest.fixture(scope="module")
def stored(place: Place, client: Client) -> int:
    """A forecast of two segments made five minutes ago at most, a finding, and five minutes of traffic state; their time."""
    now_us = SystemClock().wall_us() // STEP_US * STEP_US
    speed = np.stack([STEPS, STEPS + 10])
    told = Told(SITE, now_us, "model", ("gate", "hill"), speed, speed - 1, np.full_like(speed, np.nan), 1200, {"model": 0.5})
    monitor = StateMonitor(crossing())
    (state,) = (one for one in drive(monitor, crossing(), [steady(ways("1to5", "5to3"), 5)] * 2, 330) if one.period_s == STEP_S)
    at_now = state_to_store(SITE, monitor, state)
    found = Finding(site_id=SITE, finding_id="f", kind="wrong_way", severity="critical", since_us=now_us, spot="gate_0")
    database = Database(place.database_url)
    storage = Storage(database, SystemClock(), limit_rows=10_000)
    storage.start()
    storage.put(Item(FORECAST, rows_to_store(told)))
    storage.put(Item(FORECAST_WATCH, watch_to_store(told)))
    storage.put(Item(FINDING, findings_to_store([found], now_us)))
    for at_us in (now_us - STEP_US, now_us):
        storage.put(Item(STATE, at_now.with_columns(time_us=np.full(len(at_now), at_us, np.int64))))
    until(lambda: storage.stored >= 12 + 2 * len(at_now), 30, "the rows to be stored")
    storage.stop(5.0)
    database.close()
    return now_us


def test_a_forecast_is_read_by_place_and_time_ahead(stored: int, client: Client) -> None:
    (row,) = client.city_forecast(site=SITE, place="hill", ahead=1800)
    known = {name: row[name] for name in ("time_us", "speed_mps", "low_mps", "high_mps", "method")}
    assert known == {"time_us": stored, "speed_mps": 16.0, "low_mps": 15.0, "high_mps": None, "method": "model"}
    assert {row["ahead_s"] for row in client.city_forecast(site=SITE)} == {300, 900, 1800, 2700, 3600}
    (watch,) = client.city_forecast_watch(site=SITE)
    assert (watch["serving"], watch["compared"], watch["errors_mps"]) == ("model", 1200, {"model": 0.5})
    assert list(client.city_findings(site=SITE, kind="debris")) == []
    (found,) = client.city_findings(site=SITE, kind="wrong_way")
    assert (found["since_us"], found["latitude_deg"]) == (stored, None)


def test_it_is_shown_as_it_is_typed_and_speeds_are_written_for_training(stored: int, place: Place, tmp_path: Path) -> None:
    shown = chelu(place, "city", "forecast", "--site", SITE, "--place", "gate", "--ahead", "15", "--seconds", "700")
    assert "10.8" in shown.stdout.splitlines()[1], shown.stdout + shown.stderr  # km/h
    watch = chelu(place, "city", "forecast-watch", "--site", SITE, "--json")
    assert json.loads(watch.stdout)[0]["serving"] == "model"
    file = tmp_path / "speeds.csv"
    written = chelu(place, "city", "history", "--site", SITE, "--days", "1", "--out", str(file))
    assert written.returncode == 0, written.stderr
    readings = read(file)
    assert ("1to5" in readings.sensors, len(readings)) == (True, 2)
    assert float(np.nanmax(readings.values)) == pytest.approx(10.0, abs=0.5)
