"""OpenV2X's roadsides, sensors and cooperation through a real broker into a real database, with the books."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.coop.examples import EXAMPLES
from simulators.openv2x import HEARTBEAT, RSM, Roadside, passing
from simulators.openv2x_run import speak
from simulators.scene import Origin
from tests.integration.ingest.conftest import Site
from tests.integration.ingest.sender import Sender
from tests.waiting import until

DATA = Path(__file__).parents[2] / "data"
UNIT = Roadside("R328328", Origin(29.5, 106.5, 240.0))


@pytest.fixture
def anyone(site: Site) -> Iterator[Session]:
    session = Session(site.broker.url, client_id="anyone", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


def register_openv2x(site: Site, name: str, esn: str, reading: str | None = None) -> None:
    with psycopg.connect(site.url) as connection:
        connection.execute(
            "INSERT INTO register.device (device_id, kind, site_id, profile, serial, reading)"
            " VALUES (%s, 'rsu', 's', 'openv2x', %s, %s)",
            (name, esn, reading),
        )


def test_a_simulated_openv2x_roadside_is_stored_to_the_last_participant(site: Site, anyone: Session) -> None:
    register_openv2x(site, "gate", UNIT.esn)
    said = speak(anyone, UNIT, 20, 2.0, SystemClock(), lambda _: None)
    assert (said.rsm, said.heartbeats, said.failed) == (20, 1, 0)
    until(lambda: site.books()[0] >= 20 * 20 + 2, 20, "402 rows in the books")
    assert site.books() == (402, 402, {})
    rows = "SELECT count(*), bool_and(flags = 0), min(speed_mps), max(device_id) FROM stream.participant JOIN register.device"
    assert site.rows(f"{rows} USING (device_key)") == [(400, True, 12.0, "gate")]
    assert site.rows("SELECT stream, body ->> 'rsuEsn' FROM stream.report ORDER BY stream") == [
        ("heartbeat", "R328328"),
        ("info", "R328328"),
    ]


def test_who_was_a_stranger_is_heard_once_it_is_registered_and_is_read_as_the_register_then_says(
    site: Site, anyone: Session
) -> None:
    def say() -> bool:
        now_us = time.time_ns() // 1000
        return anyone.publish(UNIT.topic(RSM), UNIT.rsm(passing(UNIT.origin, 1, now_us, 0.0))).failure is None

    say()
    until(lambda: site.books()[2].get("unregistered") == 1, 20, "a stranger in the books")
    register_openv2x(site, "gate", UNIT.esn)
    until(lambda: say() and site.one("SELECT count(*) FROM stream.participant"), 20, "its rows")
    assert site.one("SELECT max(heading_deg) FROM stream.participant") == 90.0
    with psycopg.connect(site.url) as connection:
        connection.execute("UPDATE register.device SET reading = '{\"is_heading_mirrored\": true}' WHERE device_id = 'gate'")
    until(lambda: say() and site.one("SELECT max(heading_deg) FROM stream.participant") == 270.0, 20, "mirrored headings")


def test_bad_participants_are_dead_letters_with_their_sentences(site: Site, anyone: Session) -> None:
    register_openv2x(site, "gate", UNIT.esn)
    document = json.loads(UNIT.rsm(passing(UNIT.origin, 4, time.time_ns() // 1000, 0.0)))
    document["content"]["rsms"][0]["participants"][1]["speed"] = 9000
    anyone.publish(UNIT.topic(RSM), json.dumps(document).encode())
    anyone.publish(UNIT.topic(HEARTBEAT), b"{")
    anyone.publish("V2X/RSU/R328328/MAP/UP", b"{}")
    until(lambda: site.books()[0] == 6, 20, "6 rows in the books")
    assert site.books() == (6, 3, {"out_of_range": 1, "undecodable": 1, "unknown_topic": 1})
    letters = site.rows("SELECT device_id, detail FROM stream.dead_letter WHERE reason = 'out_of_range'")
    assert letters == [("R328328", "rsms[0].participants[1].speed = 9000 is outside 0 … 8191")]


def test_observations_are_stored_once_each_in_si_though_ingest_dies(site: Site) -> None:
    site.register("w1", "sensor")
    now_us = time.time_ns() // 1000
    document = {
        "quantity": "air_temperature",
        "unit": "degC",
        "values": [20.0, None, 21.5],
        "start_us": now_us - 2_000_000,
        "step_us": 1_000_000,
    }
    payload, sender = json.dumps(document).encode(), Sender(site.broker.url, kind="sensor", device="w1", stream="observation")
    until(lambda: sender.pump(40, payload) or sender.stored >= 20, 30, "half of them")
    site.kill()
    site.start()
    until(lambda: sender.pump(40, payload), 60, "all of them")
    sender.session.stop()
    until(lambda: site.one("SELECT count(*) FROM stream.observation") == 120, 20, "120 samples")
    assert site.rows("SELECT quantity, value, count(*) FROM stream.observation GROUP BY 1, 2 ORDER BY 2") == [
        (1, 293.15, 40),
        (1, 294.65, 40),
        (1, None, 40),
    ]


def test_a_mixed_message_of_a_weather_station_and_its_bad_samples(site: Site, anyone: Session) -> None:
    site.register("w1", "sensor")
    document = json.loads((DATA / "observation-weather" / "input.json").read_text())
    document["time_us"] = time.time_ns() // 1000
    document["observations"].append({"quantity": "air_temperature", "unit": "degC", "value": 999})
    anyone.publish("sensor/w1/observation/up", json.dumps(document).encode(), qos=1)
    until(lambda: site.books()[0] == 9, 20, "9 rows in the books")
    assert site.books() == (9, 8, {"out_of_range": 1})
    (letter,) = site.rows("SELECT detail FROM stream.dead_letter")
    assert letter == ("observations[6].value = 999 is not allowed: 183.15 … 343.15 K for air_temperature, and this is 1272.15 K",)


def test_cooperation_is_stored_when_it_fits_and_refused_by_field_when_not(site: Site, anyone: Session) -> None:
    ups = ("lane_change.request", "priority.request", "vru.request", "probe.data", "platoon.status", "tolling.receipt")
    for name in ups:
        anyone.publish("obu/o1/coop/up", json.dumps(EXAMPLES[name]).encode(), qos=1)
    anyone.publish("obu/o1/coop/up", json.dumps({**EXAMPLES["vru.request"], "role": "ghost"}).encode(), qos=1)
    anyone.publish("obu/o1/coop/down", json.dumps(EXAMPLES["vru.answer"]).encode(), qos=1)
    until(lambda: site.books()[0] == 7, 20, "7 rows in the books")
    assert site.books() == (7, 6, {"out_of_range": 1})
    stored = site.rows("SELECT body ->> 'type' FROM stream.report WHERE stream = 'coop'")
    assert sorted(row[0] for row in stored) == sorted(ups)
    assert "role = 'ghost' is not allowed: 'pedestrian', 'child'" in site.one("SELECT detail FROM stream.dead_letter")
