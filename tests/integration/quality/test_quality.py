"""The monitors' service over a real database: what ingest stores is judged once, kept, and told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.rows import dict_row
from typer.testing import CliRunner

from chelu.cli import build
from chelu.clock import SystemClock, VirtualClock
from chelu.errors import CannotStartError, CheluError
from chelu.local.files import Layout
from chelu.quality.monitors.catalogue import site_parameters
from chelu.quality.monitors.window import Heard
from chelu.store import Database, copy_rows, migrate
from services.ingest.tables import COLUMNS, prepare_schema
from services.quality.service import Quality
from services.quality.settings import QualitySettings
from services.registry.alarms.monitored import Monitored
from services.registry.database import Register
from services.registry.prepare import MIGRATIONS
from tests.unit.quality.monitors import crossing as at
from tests.unit.quality.monitors.faults import dark_signals, two_greens
from tests.waiting import until

SETTINGS = QualitySettings.model_validate({"settle_s": 20.0, "first_s": 300.0})
END_US = at.BEGIN_US + round(at.SECONDS * 1e6)


@dataclass
class Place:
    """A site's database: what is stored is put there as ingest does."""

    url: str

    def rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def store(self, heard: Heard) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            series = prepare_schema(connection)
            for name in ("bsm", "participant", "spat"):
                rows = getattr(heard, name)
                rows = rows.with_columns(flags=np.zeros(len(rows), np.int16), batch_id=np.ones(len(rows), np.int64))
                series[name].ensure(connection, rows["time_us"], now_us=END_US)
                copy_rows(connection, f"stream.{name}", rows, COLUMNS[name])
            for row in range(len(heard.map)):
                self._message(connection, heard, row)

    def _message(self, connection: psycopg.Connection[Any], heard: Heard, row: int) -> None:
        about = {name: int(heard.map[name][row]) for name in heard.map}
        value = {
            **heard.contents[about["content"]],
            "message": "map",
            "message_count": about["message_count"],
            "minute_of_year": about["minute"],
        }
        connection.execute(
            "INSERT INTO stream.message VALUES (to_timestamp(%s / 1e6), to_timestamp(%s / 1e6), %s, 1, 0, 'map', '', %s)",
            (about["time_us"], about["arrival_us"], about["device_key"], json.dumps(value)),
        )


@pytest.fixture
def place(database_url: str) -> Place:
    with psycopg.connect(database_url, autocommit=True) as connection:
        migrate(connection, "register", MIGRATIONS)
        prepare_schema(connection)
        there = "('hillside', 'Hillside', 29.56, 106.55)"
        connection.execute(f"INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES {there}")
        connection.execute("INSERT INTO register.device (device_id, kind, site_id) VALUES ('rsu-1', 'rsu', 'hillside')")
    return Place(database_url)


@pytest.fixture
def quality(place: Place) -> Iterator[Callable[[float], Quality]]:
    made: list[Quality] = []

    def make(now_s: float) -> Quality:
        one = Quality(SETTINGS, Database(place.url), VirtualClock(at.BEGIN_US + round(now_s * 1e6)))
        one.open()
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


def test_what_is_stored_is_judged_as_what_was_heard(place, quality) -> None:
    place.store(at.crossing())
    assert quality(at.SECONDS + 20.0).round() is not None
    assert place.rows("SELECT * FROM quality.event") == []
    assessed = place.rows("SELECT monitor, sum(judged) AS judged, sum(bad) AS bad FROM quality.assessment GROUP BY monitor")
    found = {row["monitor"]: row for row in assessed}
    assert found["spat-rate"]["judged"] == 18
    assert found["stop-line-red"]["judged"] > 10
    assert found["bsm-outside"]["judged"] > 10
    assert sum(row["bad"] for row in assessed) == 0
    (day,) = place.rows("SELECT * FROM quality.day WHERE monitor = 'spat-rate'")
    assert (day["judged"], day["bad"], day["share"]) == (18, 0, 0.0)


def test_a_process_that_dies_between_rounds_counts_nothing_twice(place, quality) -> None:
    place.store(dark_signals(at.crossing()))
    for now_s in (60.0, 110.0, 130.0, at.SECONDS + 20.0):
        quality(now_s).round()  # each time another process
    (zero,) = place.rows("SELECT judged, bad, verdict FROM quality.assessment WHERE monitor = 'spat-zero'")
    assert (zero["judged"], zero["bad"]) == (18, 3)
    (event,) = place.rows("SELECT * FROM quality.event WHERE monitor = 'spat-zero'")
    assert event["time"].timestamp() == pytest.approx(at.BEGIN_US / 1e6 + 60.0)


def test_nothing_is_judged_before_it_is_settled(place, quality) -> None:
    place.store(at.crossing())
    one = quality(100.0)
    assert one.round() == (at.BEGIN_US - 200_000_000, at.BEGIN_US + 80_000_000)
    assert one.round() is None


def test_a_finding_becomes_an_alarm_and_a_day_without_it_ends_it(place, quality) -> None:
    place.store(two_greens(at.crossing()))
    quality(at.SECONDS + 20.0).round()
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(
            "DELETE FROM quality.notification WHERE monitor <> 'green-conflict'"
        )  # what a green out of turn is beside
    (told,) = place.rows("SELECT * FROM quality.notification")
    assert told["about"] == "rsu-1, junction 1/5"
    alarms = Monitored(Register(Database(place.url)), SystemClock())
    alarms.look()
    (alarm,) = place.rows("SELECT * FROM register.alarm WHERE kind = 'quality'")
    assert (alarm["state"], alarm["subject"], alarm["site_id"]) == ("raised", "rsu-1", "hillside")
    assert alarm["part"] == "green-conflict: rsu-1, junction 1/5"
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("UPDATE quality.progress SET through = through + interval '23 hours'")
    quality(at.SECONDS + 23 * 3600 + 20.0).round()
    assert place.rows("SELECT * FROM quality.notification") == [told], "too little since, but not for long"
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("UPDATE quality.progress SET through = through + interval '3 hours'")
    quality(at.SECONDS + 27 * 3600).round()
    assert place.rows("SELECT * FROM quality.notification") == [], "a day in which it was not found bad again"
    alarms.look()
    assert [one["state"] for one in place.rows("SELECT state FROM register.alarm WHERE kind = 'quality'")] == ["cleared"]


def test_a_register_without_monitors_has_no_such_alarms(place) -> None:
    Monitored(Register(Database(place.url)), SystemClock()).look()
    assert place.rows("SELECT * FROM register.alarm") == []


def test_a_junction_without_a_map_and_a_monitor_with_too_little_are_counted_and_nobody_is_told(place, quality) -> None:
    clean = at.crossing()
    place.store(replace(clean, map=clean.map.take(np.zeros(len(clean.map), np.bool_))))
    quality(at.SECONDS + 20.0).round()
    rows = place.rows("SELECT monitor, judged, passed, verdict FROM quality.assessment")
    unmapped = [row for row in rows if row["monitor"] in {"phase-alignment", "green-conflict"}]
    assert {row["monitor"] for row in unmapped} == {"phase-alignment", "green-conflict"}
    for row in unmapped:
        assert (row["judged"], row["verdict"]) == (0, "too little")
        assert set(row["passed"]) == {"no MAP of this junction was heard"}
        assert row["passed"]["no MAP of this junction was heard"] > 0
    usual = site_parameters({}, where="a test")
    assert {row["verdict"] for row in rows if row["judged"] < usual[row["monitor"]].fewest} == {"too little"}
    assert place.rows("SELECT * FROM quality.event") == []
    assert place.rows("SELECT * FROM quality.notification") == []


def test_too_many_rows_are_left_out_and_counted(place) -> None:
    place.store(at.crossing())
    few = Quality(SETTINGS.model_copy(update={"most_rows": 1000}), Database(place.url), VirtualClock(END_US + 20_000_000))
    few.open()
    while few.round():  # the windows are made shorter, but not endlessly
        pass
    few.close()
    monitors = {row["monitor"] for row in place.rows("SELECT DISTINCT monitor FROM quality.assessment")}
    assert "spat-rate" in monitors
    assert "bsm-rate" not in monitors


def test_the_process_judges_by_itself_and_ends_when_told(place, tmp_path) -> None:
    shift_us = (SystemClock().wall_us() - END_US) // 10_000_000 * 10_000_000 - 60_000_000
    place.store(moved(at.crossing(), shift_us))
    ready = tmp_path / "ready"
    environ = {**os.environ, "CHELU_DATABASE_URL": place.url, "CHELU_READY_FILE": str(ready), "CHELU_QUALITY_FIRST_S": "400"}
    process = subprocess.Popen([sys.executable, "-m", "services.quality"], env=environ)
    try:
        until(lambda: bool(ready.exists() and place.rows("SELECT * FROM quality.progress")), 30, "a first round")
        assert place.rows("SELECT sum(judged) AS judged FROM quality.assessment WHERE monitor = 'spat-rate'")[0]["judged"] >= 17
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_process_that_is_killed_goes_on_without_a_gap_and_without_a_doubled_event(place, tmp_path) -> None:
    shift_us = (SystemClock().wall_us() - END_US) // 10_000_000 * 10_000_000 - 60_000_000
    place.store(moved(dark_signals(at.crossing()), shift_us))
    ready = tmp_path / "ready"
    environ = {**os.environ, "CHELU_DATABASE_URL": place.url, "CHELU_READY_FILE": str(ready), "CHELU_QUALITY_FIRST_S": "400"}
    first = subprocess.Popen([sys.executable, "-m", "services.quality"], env=environ)
    until(ready.exists, 30, "the monitors to be ready")
    first.kill()  # in its first round
    first.wait()
    second = subprocess.Popen([sys.executable, "-m", "services.quality"], env=environ)
    try:
        until(lambda: bool(place.rows("SELECT * FROM quality.progress")), 30, "what the first was at")
    finally:
        second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    (done,) = place.rows("SELECT (extract(epoch FROM through) * 1000000)::bigint AS us FROM quality.progress")
    since = (done["us"] - END_US - shift_us) // 10_000_000  # stretches after the recording's end, in which nothing is said either
    (zero,) = place.rows("SELECT sum(judged) AS judged, sum(bad) AS bad FROM quality.assessment WHERE monitor = 'spat-zero'")
    assert (zero["judged"], zero["bad"]) == (18 + since, 3 + since)
    times = [event["time"].timestamp() for event in place.rows("SELECT time FROM quality.event WHERE monitor = 'spat-zero'")]
    assert len([one for one in times if one < (END_US + shift_us) / 1e6]) == 1
    assert len(set(times)) == len(times)


def test_the_command_reads_what_is_stored(place, monkeypatch, tmp_path) -> None:
    shift_us = (SystemClock().wall_us() - END_US) // 10_000_000 * 10_000_000 - 60_000_000
    place.store(moved(two_greens(at.crossing()), shift_us))
    monkeypatch.delenv("CHELU_DATABASE_URL", raising=False)
    monkeypatch.setenv("CHELU_HOME", str(tmp_path))
    asked = ["monitors", "run", "--hours", "0.2", "--monitor", "green-conflict", "--json"]
    nowhere = CliRunner().invoke(build(), asked)
    assert isinstance(nowhere.exception, CannotStartError)
    assert "no site runs here" in str(nowhere.exception)

    def found() -> list[str]:
        done = CliRunner().invoke(build(), asked)
        assert done.exit_code == 1, done.output
        return [event["subject"] for event in json.loads(done.stdout)["events"]]

    Layout(tmp_path).endpoints.write_text(json.dumps({"database_url": place.url}))
    assert found() == ["rsu-1, junction 1/5"], "of the site that runs here"
    Layout(tmp_path).endpoints.unlink()
    monkeypatch.setenv("CHELU_DATABASE_URL", place.url)
    assert found() == ["rsu-1, junction 1/5"]


def test_before_anything_is_stored_the_command_says_so_and_the_monitors_go_on_when_it_is(database_url) -> None:
    says = (
        'nothing has been stored in this database yet (relation "register.device" does not exist): start the registry and ingest'
    )
    typed = [sys.executable, "-c", "from chelu.cli import main; main()", "monitors", "run", "--site", "hillside"]
    environ = {**os.environ, "CHELU_DATABASE_URL": database_url}
    done = subprocess.run(typed, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"chelu: {says} on it\n")
    one = Quality(SETTINGS, Database(database_url), VirtualClock(at.BEGIN_US))
    one.open()
    with pytest.raises(CheluError, match=r"relation .stream\.\w+. does not exist"):
        one.round()
    with psycopg.connect(database_url, autocommit=True) as connection:
        migrate(connection, "register", MIGRATIONS)
        prepare_schema(connection)
    assert one.round() is not None
    one.close()


def moved(heard: Heard, shift_us: int) -> Heard:
    """The same, at another time."""
    parts = {name: getattr(heard, name) for name in ("bsm", "participant", "spat", "map")}
    later = {
        name: rows.with_columns(time_us=rows["time_us"] + shift_us, arrival_us=rows["arrival_us"] + shift_us)
        for name, rows in parts.items()
    }
    return replace(heard, **later)
