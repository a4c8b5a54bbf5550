"""A roadside computer's JSON through a real broker into a real database: every table, the remarks, and the books."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chelu.bus import Session
from chelu.clock import SystemClock
from tests.integration.ingest.conftest import Site
from tests.integration.ingest.sender import Sender
from tests.waiting import until

CASES = Path(__file__).parents[2] / "data"
BASE_MS = 1_700_000_000_000  # of the cases


@pytest.fixture
def anyone(site: Site) -> Iterator[Session]:
    session = Session(site.broker.url, client_id="anyone", clock=SystemClock())
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


def case(stream: str) -> dict[str, Any]:
    """A case's document, moved to now."""
    shift = time.time_ns() // 1_000_000 - BASE_MS

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: moved(one) for name, one in value.items()}
        if isinstance(value, list):
            return [moved(one) for one in value]
        return value + shift if isinstance(value, int | float) and value > 1e12 else value

    found: dict[str, Any] = moved(json.loads((CASES / f"tits0180-{stream}" / "input.json").read_text(encoding="utf-8")))
    return found


def test_each_document_becomes_the_rows_it_says(site: Site, anyone: Session) -> None:
    site.register("c1", "rscu")
    for stream in ("participant", "lamp", "event", "traffic"):
        anyone.publish(f"rscu/c1/{stream}/up", json.dumps(case(stream)).encode())
    until(lambda: site.books()[0] >= 3 + 6 + 2 + 4, 20, "15 rows in the books")
    assert site.books() == (15, 15, {})
    assert site.rows("SELECT participant_id, participant_type, vehicle_class, speed_mps FROM stream.participant ORDER BY 1") == [
        (12, 1, 25, 13.5),
        (13, 3, None, None),
        (14, 0, None, None),
    ]
    lamps = site.rows(
        "SELECT phase_id, light, likely_end_s, approach, movement, road_user FROM stream.spat WHERE state_index = 0"
    )
    assert sorted(lamps) == [(1, 6, 12.0, 2, 1, 1), (241, 3, 30.0, 2, None, 3), (276, 5, 8.0, 1, None, 3)]
    event = "SELECT event_type, source, ended, details ->> 'priority', participants FROM stream.event ORDER BY event_type DESC"
    assert site.rows(event) == [(904, 6, None, "5", 2), (100, None, None, None, 0)]
    traffic = "SELECT is_lane, flow_type, vehicles, details ->> 'branchId' FROM stream.traffic"
    assert sorted(site.rows(traffic), key=str) == [
        (False, 1, 13, "E1"),
        (False, 3, 4, "E1"),
        (False, 4, 1, "S1"),
        (True, None, 7, "E1"),
    ]
    plates = "SELECT stream, subject, body ->> 'license' FROM stream.remark WHERE body ? 'license'"
    assert site.rows(plates) == [("participant", 12, "渝A12345")]
    assert site.one("SELECT bool_and(flags = 0) FROM stream.participant")


def test_how_a_device_is_read_is_told_by_the_register_and_changes_with_it(site: Site, anyone: Session) -> None:
    site.register("c1", "rscu")

    def publish() -> None:
        anyone.publish("rscu/c1/participant/up", json.dumps(case("participant")).encode())

    publish()
    speed = "SELECT max(speed_mps) FROM stream.participant WHERE batch_id = (SELECT max(batch_id) FROM stream.participant)"
    until(lambda: site.one(speed) == 13.5, 10, "the speed as it was sent")
    change(site, {"speed_factor": 0.5})

    def is_halved() -> bool:
        publish()
        return bool(site.one(speed) == 6.75)

    until(is_halved, 10, "the speed as the register says")


def change(site: Site, reading: dict[str, Any]) -> None:

    with psycopg.connect(site.url) as connection:
        connection.execute("UPDATE register.device SET reading = %s WHERE device_id = 'c1'", (json.dumps(reading),))


def test_bad_rows_cost_themselves_and_are_dead_letters_that_say_why(site: Site, anyone: Session) -> None:
    site.register("c1", "rscu")
    document = case("participant")
    document["ptcList"][1]["latitude"] = 91
    anyone.publish("rscu/c1/participant/up", json.dumps(document).encode())
    anyone.publish("rscu/c1/participant/up", b'{"timeStamp": ')
    until(lambda: site.books()[0] >= 4, 20, "4 rows in the books")
    assert site.books() == (4, 2, {"out_of_range": 1, "undecodable": 1})
    details = {row[0] for row in site.rows("SELECT detail FROM stream.dead_letter")}
    assert "ptcList[1].latitude = 91 is outside -90 … 90" in details


def test_who_asks_is_answered_once_the_rows_are_stored_and_told_of_what_is_refused(site: Site) -> None:
    site.register("c1", "rscu")
    answers = [f"rscu/c1/{stream}/up/ack" for stream in ("participant", "event", "lamp")]
    session = Session(site.broker.url, client_id="c1", clock=SystemClock(), subscriptions=answers)
    session.start()
    session.wait_connected(10)
    good, bad, silent = case("participant"), case("event"), case("lamp")
    bad["eventList"][1]["eventType"] = -1
    for stream, document in (
        ("lamp", silent),
        ("participant", {**good, "ack": True}),
        ("event", {**bad, "ack": True, "seqNum": 9}),
    ):
        session.publish(f"rscu/c1/{stream}/up", json.dumps(document).encode(), qos=1)
    heard: dict[str, Any] = {}

    def is_told() -> bool:
        heard.update({message.topic: json.loads(message.payload) for message in session.drain(10, 0.1)})
        return len(heard) >= 2

    until(is_told, 20, "two answers")
    assert heard["rscu/c1/participant/up/ack"] == {"timeStamp": good["timeStamp"], "errorCode": 0}
    said = heard["rscu/c1/event/up/ack"]
    assert (said["seqNum"], said["errorCode"]) == (9, 1)
    assert said["errorDesc"] == "eventList[1].eventType = -1 is outside 0 … 65535"
    assert site.one("SELECT count(*) FROM stream.participant") == 3
    assert "rscu/c1/lamp/up/ack" not in heard
    session.stop()


def test_documents_that_number_themselves_are_stored_once(site: Site) -> None:
    site.register("c1", "rscu")
    sender = Sender(site.broker.url, kind="rscu", device="c1", stream="participant")
    payload = json.dumps(case("participant")).encode()
    until(lambda: sender.pump(50, payload), 30, "50 documents receipted")
    sender.session.stop()
    assert site.one("SELECT count(*) FROM stream.participant") == 150
    assert site.one("SELECT count(*) FROM stream.remark") == 100
