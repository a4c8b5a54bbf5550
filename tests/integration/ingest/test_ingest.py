from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from chelu.bus import Session
from chelu.clock import SystemClock
from tests.integration.ingest.conftest import Site
from tests.integration.ingest.sender import Sender
from tests.unit.ingest.crafted import bsm, deployed
from tests.waiting import until

CASES = Path(__file__).parents[2] / "data"
STORED = "SELECT count(*) FROM stream.bsm"


def now_us() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def anyone(site: Site) -> Iterator[Session]:
    session = Session(site.broker.url, client_id="anyone", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


def settled(site: Site, received: int) -> tuple[int, int, dict[str, int]]:
    """The books once so many rows are in them."""
    until(lambda: site.books()[0] >= received, 20, f"{received} rows in the books, not {site.books()}")
    return site.books()


def test_a_bsm_becomes_a_row_within_a_centimetre_and_its_commit_is_timed(site: Site, anyone: Session) -> None:
    before = now_us()
    anyone.publish("obu/o1/bsm/up", bsm(time_us=before // 1000 * 1000, latitude_deg=29.5637, count=9))
    until(lambda: site.one(STORED), 10, "the row")
    query = """SELECT latitude_deg, longitude_deg, speed_mps, flags, message_count, extract(epoch FROM time), committed
        FROM stream.bsm JOIN stream.batch USING (batch_id)"""
    latitude, longitude, speed, flags, count, seconds, committed = site.rows(query)[0]
    assert abs(latitude - 29.5637) * 111_320 < 0.01
    assert abs(longitude - 106.5) * 96_000 < 0.01
    assert abs(speed - 10.0) <= 0.02
    assert (flags, count) == (0, 9)
    assert round(float(seconds) * 1000) == before // 1000
    assert committed is not None
    assert site.books() == (1, 1, {})


def test_every_kind_of_bad_input_is_counted_and_kept_while_the_stream_goes_on(site: Site, anyone: Session) -> None:
    now = now_us()
    good = bsm(time_us=now)
    bad = [
        ("obu/o1/bsm/up", good[:-3], "truncated"),
        ("obu/o1/bsm/up", good + bytes(9), None),
        ("obu/o1/bsm/up", b"\xf3\x91" * 30, None),
        ("obu/old/bsm/up", good, "wrong_version"),
        ("obu/stranger/bsm/up", good, "unregistered"),
        ("obu/o1/nonsense/up", good, "unknown_topic"),
        ("V2X/RADAR/1/TRACK/UP", b"{}", "unknown_topic"),
        ("join/new/hello", b"let me in", "unregistered"),
        ("obu/o1/heartbeat/up", b"{not json", "undecodable"),
        ("rsu/r1/bsm/up", deployed([good], reference_us=now + 10**13), "out_of_range"),
    ]
    for topic, payload, _ in bad:
        anyone.publish(topic, payload)
        anyone.publish("obu/o1/bsm/up", good)
    received, stored, dropped = settled(site, 2 * len(bad))
    assert (received, stored) == (2 * len(bad), len(bad))
    assert sum(dropped.values()) == len(bad)
    assert {reason for _, _, reason in bad if reason} <= set(dropped)
    letters = site.rows("SELECT topic, reason, payload, detail FROM stream.dead_letter")
    assert sorted(topic for topic, *_ in letters) == sorted(topic for topic, *_ in bad)
    assert all(detail for *_, detail in letters)
    assert site.log.count("unknown_topic") <= 2


def test_clocks_that_are_off_are_flagged(site: Site, anyone: Session) -> None:
    now, hour = now_us(), 3_600_000_000
    anyone.publish("obu/o1/bsm/up", bsm(time_us=now - 20_000_000))
    anyone.publish("rsu/r1/bsm/up", deployed([bsm(time_us=now - hour)], reference_us=now - hour))
    anyone.publish("obu/o1/run-status/up", json.dumps({"time_us": now + hour}).encode(), qos=1)
    settled(site, 3)
    assert [flags & 2 for (flags,) in site.rows("SELECT flags FROM stream.bsm UNION ALL SELECT flags FROM stream.report")] == [
        2
    ] * 3


def test_a_device_registered_a_moment_ago_is_heard_at_once(site: Site, anyone: Session) -> None:
    for number in range(5):
        site.register(f"new{number}", "obu")
        anyone.publish(f"obu/new{number}/bsm/up", bsm(time_us=now_us())).wait(5)
    assert settled(site, 5) == (5, 5, {})


def test_a_repeated_sequence_is_stored_once_and_receipted(site: Site) -> None:
    sender = Sender(site.broker.url, kind="obu", device="o1", stream="bsm")
    payload = bsm(time_us=now_us())
    until(lambda: sender.pump(3, payload), 10, "the receipt")
    received, stored, dropped = site.books()
    assert (stored, dropped) == (3, {"duplicate": received - 3})
    assert sender.receipts == [{"bsm": 3}]
    sender.session.stop()


def test_killed_in_mid_stream_ingest_loses_and_doubles_nothing(site: Site) -> None:
    sender, total = Sender(site.broker.url, kind="obu", device="o1", stream="bsm"), 6000
    payload = bsm(time_us=now_us())
    for kill_at in (1500, 3500):
        until(partial(sender.pump, kill_at, payload, most=200), 20, "some receipts")
        site.kill()
        for _ in range(3):
            sender.pump(total, payload, most=200)
        site.start()
    until(lambda: sender.pump(total, payload), 30, "all receipts")
    sender.session.stop()
    assert site.one(STORED) == total
    received, stored, dropped = site.books()
    assert stored == total
    assert received == stored + sum(dropped.values())
    assert set(dropped) <= {"duplicate"}


def test_the_database_killed_and_back_costs_nothing_at_either_quality(site: Site, anyone: Session) -> None:
    sender = Sender(site.broker.url, kind="obu", device="o1", stream="bsm")
    payload, total, live = bsm(time_us=now_us()), 4000, 0
    until(lambda: sender.pump(500, payload), 20, "the first receipts")
    wait_back = site.kill_database()
    for _ in range(30):
        sender.pump(total, payload, most=100)
        live += sum(anyone.publish("rsu/r1/bsm/up", deployed([payload], reference_us=now_us())).is_accepted for _ in range(20))
    wait_back()
    until(lambda: sender.pump(total, payload), 30, "all receipts")
    received, stored, dropped = settled(site, total + live)
    assert (stored, set(dropped)) == (total + live, {"duplicate"})
    assert received == stored + dropped["duplicate"]
    assert site.one(STORED) == total + live
    assert site.one("SELECT count(*) FROM stream.bsm WHERE flags & 2 > 0 AND arrival < time - interval '2 s'") == 0
    sender.session.stop()


def test_ingest_killed_while_the_database_is_away_stores_its_spool_once(site: Site, anyone: Session) -> None:
    payload = bsm(time_us=now_us())
    anyone.publish("obu/o1/bsm/up", payload).wait(5)
    settled(site, 1)
    wait_back = site.kill_database()
    for number in range(600):
        qos = number % 2
        anyone.publish("obu/o1/bsm/up", payload, qos=qos, sequence=number if qos else None).wait(5)
    until(lambda: "kept in" in site.log, 10, "ingest to keep messages")
    site.kill()
    wait_back()
    site.start()
    until(lambda: "the spool is empty" in site.log, 20, "the spool to be stored")
    until(lambda: site.one("SELECT count(*) FROM stream.delivery") == 300, 10, "all of QoS 1")
    site.stop()
    received, stored, dropped = site.books()
    assert received == stored + sum(dropped.values())
    assert set(dropped) <= {"duplicate"}
    assert 301 <= stored == site.one(STORED) <= 601


def test_the_broker_killed_and_back_loses_and_doubles_nothing(site: Site) -> None:
    sender, total = Sender(site.broker.url, kind="obu", device="o1", stream="bsm"), 4000
    payload = bsm(time_us=now_us())
    until(lambda: sender.pump(1000, payload, most=200), 20, "the first receipts")
    sender.pump(total, payload, most=300)
    site.broker.kill()
    until(lambda: sender.pump(total, payload), 40, "all receipts")
    sender.session.stop()
    received, stored, dropped = site.books()
    assert site.one(STORED) == stored == total
    assert received == stored + sum(dropped.values())


def test_told_to_stop_it_ends_in_order(site: Site, anyone: Session) -> None:
    for _ in range(50):
        anyone.publish("obu/o1/bsm/up", bsm(time_us=now_us()))
    settled(site, 1)
    assert site.stop() == 0


def test_a_report_of_a_vehicle_is_a_row_with_its_lists_and_its_bytes(site: Site, anyone: Session) -> None:
    site.register("v1", "vehicle")
    frame = bytes.fromhex((CASES / "gbt32960-2025-electric" / "input.hex").read_text())
    for payload in (frame, frame[:-1]):
        anyone.publish("vehicle/v1/telemetry/up", payload, qos=1)
    assert settled(site, 2) == (2, 1, {"truncated": 1})
    query = """SELECT edition, is_reissued, speed_mps, brake, motors, details -> 'cells' -> 'packs' -> 0 ->> 'voltages', frame
        FROM stream.telemetry"""
    edition, is_reissued, speed, brake, motors, cells, stored = site.rows(query)[0]
    assert (edition, is_reissued, brake, motors) == (2025, False, None, 1)
    assert abs(speed * 3.6 - 65.5) < 1e-9
    assert json.loads(cells) == [3.601, 3.602, None, 3.604]
    assert bytes(stored) == frame
