"""Faults at their worst moments: a connection cut around a COMMIT, a disk that is full, a row the database refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from chelu.bus import Session
from chelu.clock import SystemClock
from tests.fix_small_disk import SmallDisk
from tests.integration.ingest.conftest import Site
from tests.integration.ingest.proxy import Cut, Proxy
from tests.integration.ingest.sender import Sender
from tests.integration.ingest.test_ingest import STORED, now_us, settled
from tests.unit.ingest.crafted import bsm
from tests.waiting import until

CUTS = [Cut.AFTER, Cut.BEFORE, Cut.HANG]


@pytest.fixture
def anyone(cold_site: Site) -> Iterator[Session]:
    session = Session(cold_site.broker.url, client_id="anyone", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


def burst(anyone: Session, number: int, *, qos: int = 0) -> None:
    """Documents of about a kilobyte."""
    for index in range(number):
        body = {"number": index, "filler": "x" * 1000}
        publication = anyone.publish("obu/o1/run-status/up", json.dumps(body).encode(), qos=qos)
        assert publication.wait(5)


@pytest.mark.parametrize("cut", CUTS)
def test_a_connection_cut_at_the_commit_costs_and_doubles_nothing_at_qos_0(
    cold_site: Site, proxy: Proxy, anyone: Session, cut: Cut
) -> None:
    cold_site.start()
    payload, sent = bsm(time_us=now_us()), 0
    for turn in range(1, 4):
        proxy.cut = cut
        while proxy.cuts < turn:
            sent += anyone.publish("obu/o1/bsm/up", payload).wait(5)
        settled(cold_site, sent)
    assert settled(cold_site, sent) == (sent, sent, {})
    assert cold_site.one(STORED) == sent
    assert cold_site.stop() == 0
    assert cold_site.one(STORED) == sent


@pytest.mark.parametrize("cut", CUTS)
def test_a_connection_cut_at_the_commit_costs_and_doubles_nothing_at_qos_1(cold_site: Site, proxy: Proxy, cut: Cut) -> None:
    cold_site.start()
    sender, payload, total = Sender(cold_site.broker.url, kind="obu", device="o1", stream="bsm"), bsm(time_us=now_us()), 0
    for turn in range(1, 4):
        proxy.cut = cut
        while proxy.cuts < turn:
            total += 20
            sender.pump(total, payload)
    until(lambda: sender.pump(total, payload), 30, "all receipts")
    sender.session.stop()
    received, stored, dropped = cold_site.books()
    assert cold_site.one(STORED) == stored == total
    assert (received, set(dropped)) == (stored + sum(dropped.values()), {"duplicate"})


def test_a_full_disk_acknowledges_nothing_it_did_not_keep_and_goes_on_when_there_is_room(
    cold_site: Site, proxy: Proxy, anyone: Session, small_disk: SmallDisk
) -> None:
    cold_site.environ["CHELU_INGEST_SPOOL_DIRECTORY"] = str(small_disk.path / "spool")
    cold_site.start()
    proxy.is_shut = True
    small_disk.fill(leave_bytes=100_000)
    for _ in range(30):
        burst(anyone, 10, qos=1)
        burst(anyone, 10)
    until(lambda: "No space left on device" in cold_site.log, 10, "the disk to be full")
    small_disk.free()
    until(lambda: "takes everything again" in cold_site.log, 10, "room to be seen")
    proxy.is_shut = False
    received, stored, dropped = settled(cold_site, 600)
    assert received == 600
    assert set(dropped) == {"queue_full"}
    assert stored + dropped["queue_full"] == 600
    assert stored == cold_site.one("SELECT count(*) FROM stream.report") >= 300
    assert cold_site.log.count("No space left on device") == 1


def test_what_a_full_disk_did_not_keep_comes_again_when_ingest_dies_over_it(
    cold_site: Site, proxy: Proxy, anyone: Session, small_disk: SmallDisk
) -> None:
    cold_site.environ["CHELU_INGEST_SPOOL_DIRECTORY"] = str(small_disk.path / "spool")
    cold_site.start()
    proxy.is_shut = True
    small_disk.fill(leave_bytes=100_000)
    burst(anyone, 300, qos=1)
    until(lambda: "No space left on device" in cold_site.log, 10, "the disk to be full")
    cold_site.kill()
    small_disk.free()
    proxy.is_shut = False
    cold_site.start()
    assert settled(cold_site, 300) == (300, 300, {})


def test_with_a_full_disk_and_a_database_that_is_back_nothing_waits(
    cold_site: Site, proxy: Proxy, anyone: Session, small_disk: SmallDisk
) -> None:
    cold_site.environ["CHELU_INGEST_SPOOL_DIRECTORY"] = str(small_disk.path / "spool")
    cold_site.start()
    proxy.is_shut = True
    small_disk.fill(leave_bytes=50_000)
    burst(anyone, 300, qos=1)
    until(lambda: "No space left on device" in cold_site.log, 10, "the disk to be full")
    small_disk.fill()
    proxy.is_shut = False
    assert settled(cold_site, 300) == (300, 300, {})
    burst(anyone, 20)
    assert settled(cold_site, 320) == (320, 320, {})


REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'no such value' USING ERRCODE = 'numeric_value_out_of_range'; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON stream.report FOR EACH ROW WHEN (NEW.body ? 'poison') EXECUTE FUNCTION refuse();
"""


def poison(site: Site, anyone: Session) -> int:
    """Two rows that the database refuses, among others; returns how many in all."""
    with psycopg.connect(site.url) as connection:
        connection.execute(REFUSE)
    for number in range(100):
        body = {"poison": 1} if number in {33, 70} else {"number": number}
        assert anyone.publish("obu/o1/run-status/up", json.dumps(body).encode(), qos=number % 2).wait(5)
    return 100


def test_a_row_that_the_database_refuses_costs_only_itself(site: Site, anyone: Session) -> None:
    total = poison(site, anyone)
    assert settled(site, total) == (total, total - 2, {"out_of_range": 2})
    assert site.one("SELECT count(*) FROM stream.report") == total - 2
    details = site.rows("SELECT detail FROM stream.dead_letter")
    assert len(details) == 2
    assert all("no such value" in detail for (detail,) in details)


@pytest.mark.parametrize("cut", CUTS)
def test_a_batch_that_is_halved_and_then_loses_its_connection_is_stored_once(
    cold_site: Site, proxy: Proxy, anyone: Session, cut: Cut
) -> None:
    cold_site.environ["CHELU_INGEST_BATCH_AGE_MS"] = "500"
    cold_site.start()
    with psycopg.connect(cold_site.url) as connection:  # the third commit is in the middle of the halves
        connection.execute(REFUSE)
    for number in range(64):
        body = {"poison": 1} if number in {3, 40} else {"number": number}
        assert anyone.publish("obu/o1/run-status/up", json.dumps(body).encode()).wait(5)
    until(lambda: "the database refused a row" in cold_site.log, 10, "a refusal")
    proxy.cut = cut
    for number in range(64, 128):
        body = {"poison": 1} if number in {70, 100} else {"number": number}
        assert anyone.publish("obu/o1/run-status/up", json.dumps(body).encode()).wait(5)
    received, stored, dropped = settled(cold_site, 128)
    assert (received, stored, dropped) == (128, 124, {"out_of_range": 4})
    assert cold_site.one("SELECT count(DISTINCT body) FROM stream.report") == 124
    assert proxy.cuts == 1
