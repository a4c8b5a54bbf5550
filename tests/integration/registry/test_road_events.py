"""Road events on a real registry, database and broker: units are told, told anew, told that it is over, and asked again."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from chelu.api import Client
from chelu.codec import cv2x
from chelu.errors import RefusedError
from chelu.topics import OPENV2X_PROFILE, Kind
from services.registry.openapi_examples import MODELS
from tests.integration.registry.conftest import SITE, AddDevice, Place, chelu
from tests.integration.registry.fix_at_broker import MakeUnit, Send, registry_account, send, unit_hearing
from tests.integration.registry.test_orders import Talk, talk
from tests.unit.roads.networks import edge, net
from tests.waiting import until

__all__ = ["registry_account", "send", "talk", "unit_hearing"]

HERE = {"latitude_deg": 29.5332, "longitude_deg": 106.503}
ROADS = net(edge("gate", "0.00,0.00,5.00 100.00,0.00,5.00"))


@pytest.fixture
def unit(unit_hearing: MakeUnit) -> MakeUnit:
    return partial(unit_hearing, "rsi/down")


Add = Callable[..., dict[str, Any]]


def give(send: Send, *units: str, **more: Any) -> dict[str, Any]:
    return dict(send("POST", "road-events", json={"code": 407, "place": HERE, "units": list(units), **more}))


def shown(send: Send, event: dict[str, Any]) -> dict[str, Any]:
    return dict(send("GET", "road-events", str(event["event_id"])))


def state_is(send: Send, event: dict[str, Any], *states: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        now = shown(send, event)
        return now if all(each["state"] in states for each in now["at_units"]) else None

    return until(found, 10, f"its units to be {states}") or {}


def said(frame: bytes) -> dict[str, Any]:
    value = cv2x.to_json(frame)
    (item,) = value.get("rtes") or value["rtss"]
    return dict(item)


def in_the_past(place: Place, event: dict[str, Any], by: str) -> None:
    """Let time pass for an event: the registry's clock is the machine's."""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        for table, column in (("road_event_unit", "ends"), ("road_event_unit", "due"), ("road_event", "valid_until")):
            sql = f"UPDATE register.{table} SET {column} = {column} - interval '{by}' WHERE event_id = %s"
            connection.execute(sql.encode(), (event["event_id"],))


def test_a_unit_is_told_until_it_answers_and_its_answer_is_noted(send: Send, unit: MakeUnit) -> None:
    told = unit("told-1")
    event = give(send, "told-1", text="water")
    frame = told.wait(1)
    assert (said(frame)["event_type"], said(frame)["event_radius_m"], said(frame)["priority"]) == (407, 20.0, "a0")
    assert told.wait(2) == frame  # after 2 s
    told.answer(frame)
    applied = state_is(send, event, "applied")
    assert (applied["told"], applied["standing"], applied["name"]) == (1, "holds", "standing water")
    order = applied["at_units"][0]
    assert order["frames"] == 1
    minutes = datetime.datetime.fromisoformat(order["ends"]) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(minutes=119) < minutes <= datetime.timedelta(minutes=121)


def test_an_answer_to_another_frame_is_no_answer_and_counted(client: Client, send: Send, unit: MakeUnit) -> None:
    told = unit("strays")
    event = give(send, "strays")
    told.wait(1)
    told.answer(b"something else")
    told.say("rsi/down/ack", {"errorCode": 0, "sha256": "no digest"})
    until(lambda: client.people("GET", "devices", "strays", "config")["strays"] == 1, 5, "the stray to be counted")
    assert shown(send, event)["at_units"][0]["state"] in {"queued", "sent"}


def test_what_a_unit_refuses_is_said_and_tried_again_after_a_minute(send: Send, unit: MakeUnit, place: Place) -> None:
    told = unit("refuses-rsi")
    event = give(send, "refuses-rsi")
    told.answer(told.wait(1), 2, errorDesc="the radio is unreachable")
    assert state_is(send, event, "failed")["at_units"][0]["detail"] == "the radio is unreachable"
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("UPDATE register.device_order SET settled = settled - interval '1 min' WHERE state = 'failed'")
    told.answer(told.wait(2))
    assert state_is(send, event, "applied")["at_units"][0]["frames"] == 2


def test_what_holds_is_told_anew_before_it_ends(send: Send, unit: MakeUnit, place: Place) -> None:
    told = unit("anew")
    event = give(send, "anew")
    first = told.wait(1)
    told.answer(first)
    state_is(send, event, "applied")
    in_the_past(place, event, "61 min")
    second = told.wait(2)
    assert said(second)["rte_id"] == said(first)["rte_id"]
    assert hashlib.sha256(first).digest() != hashlib.sha256(second).digest()
    until(lambda: shown(send, event)["at_units"][0]["frames"] == 2, 5, "the second frame to be noted")


def test_a_withdrawn_event_is_over_at_the_unit_and_its_number_is_free_when_no_unit_may_tell_of_it(
    send: Send, unit: MakeUnit, place: Place
) -> None:
    told = unit("over-1")
    event = give(send, "over-1")
    told.answer(told.wait(1))
    state_is(send, event, "applied")
    withdrawn = send("POST", "road-events", str(event["event_id"]), "withdraw")
    assert withdrawn["standing"] == "withdrawn"
    end = said(told.wait(2))["time_details"]["end_time"]
    assert end == cv2x.to_json(told.told[1])["minute_of_year"] - 1
    told.answer(told.told[1])
    assert state_is(send, event, "applied")["at_units"][0]["frames"] == 2
    for change in ("withdraw", "renew"):
        with pytest.raises(RefusedError, match="is withdrawn"):
            send(
                "POST",
                "road-events",
                str(event["event_id"]),
                change,
                **({"json": {"valid_until": None}} if change == "renew" else {}),
            )
    in_the_past(place, event, "121 min")

    def is_free() -> bool:
        with psycopg.connect(place.database_url) as connection:
            sql = "SELECT is_held FROM register.road_event_unit WHERE event_id = %s"
            return connection.execute(sql, (event["event_id"],)).fetchone() == (False,)

    until(is_free, 5, "its number to be free")
    assert len(told.told) == 2


def test_an_event_that_is_over_needs_no_word_and_one_that_is_planned_none_yet(send: Send, unit: MakeUnit, place: Place) -> None:
    told = unit("times")
    now = datetime.datetime.now(datetime.UTC)
    planned = give(send, "times", valid_from=(now + datetime.timedelta(hours=1)).isoformat())
    short = give(send, "times", valid_until=(now + datetime.timedelta(minutes=5)).isoformat())
    frame = told.wait(1)
    assert short["valid_until"].endswith(":00Z")
    told.answer(frame)
    assert state_is(send, short, "applied")["at_units"][0]["ends"] == short["valid_until"]
    in_the_past(place, short, "7 min")
    assert shown(send, short)["standing"] == "over"
    assert (shown(send, planned)["standing"], shown(send, planned)["at_units"][0]["frames"]) == ("planned", 0)
    send("POST", "road-events", str(planned["event_id"]), "withdraw")
    assert len(told.told) == 1


def test_a_unit_that_starts_anew_is_told_what_holds_and_one_that_only_reconnects_is_not(
    send: Send, unit: MakeUnit, place: Place
) -> None:
    told = unit("restarts")
    told.say("state", {"state": "online", "start_id": "a"})

    def is_known() -> bool:
        with psycopg.connect(place.database_url) as connection:
            sql = "SELECT start_id FROM register.unit_start JOIN register.device USING (device_key) WHERE device_id = 'restarts'"
            return connection.execute(sql).fetchone() == ("a",)

    until(is_known, 10, "its start to be known")
    event = give(send, "restarts")
    told.answer(told.wait(1))
    state_is(send, event, "applied")
    count = len(told.told)
    told.say("state", {"state": "online", "start_id": "a"})
    told.say("state", {"state": "online", "start_id": "b"})
    told.answer(told.wait(count + 1))
    state_is(send, event, "applied")
    assert len(told.told) == count + 1
    assert said(told.told[-1])["rte_id"] == said(told.told[0])["rte_id"]


def test_units_are_found_by_their_coverage_and_a_place_that_none_reaches_is_refused_with_the_nearest(
    send: Send, add_device: AddDevice
) -> None:
    far = {"latitude_deg": 29.60, "longitude_deg": 106.60}
    add_device("near-1", Kind.RSU, **far)
    add_device("near-2", Kind.RSU, latitude_deg=29.609, longitude_deg=106.60, coverage_m=2000.0)
    add_device("near-3", Kind.RSU, latitude_deg=29.609, longitude_deg=106.60)
    add_device("near-4", Kind.RSU, profile=OPENV2X_PROFILE, serial="R1", **far)
    event = send("POST", "road-events", json={"code": 407, "place": far})
    assert [each["device_id"] for each in event["at_units"]] == ["near-1", "near-2"]
    with pytest.raises(RefusedError, match=r"near-2 is \d+ m away and heard for 2000 m"):
        send("POST", "road-events", json={"code": 407, "place": {"latitude_deg": 29.70, "longitude_deg": 106.60}})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"code": 708}, "code = 708 is not allowed: a code of GB/T 29100-2012"),
        ({"sort": "sign", "code": 250, "path": [HERE, HERE]}, "1 … 249"),
        ({"sort": "sign", "code": 85}, "a sign holds for who drives along it"),
        ({"place": None}, "a place, or one of path, lane and road"),
        ({"lane": "gate_9"}, "lane = 'gate_9' is not allowed: a lane of the site's network, such as gate_0"),
        ({"lane": "gate_0", "from_m": 200}, "from_m = 200.0 is not allowed: 0 … 100.0"),
        ({"from_m": 1}, "along a lane or a road only"),
        ({"text": "🚧"}, "letters of GB 2312"),
        ({"units": ["nobody"]}, "units = 'nobody' is not allowed: roadside units and computers of the site"),
        ({"units": ["an-obu"]}, r"roadside units and computers \(rsu, rscu\) only"),
        ({"units": ["a-computer"], "sort": "sign", "code": 85, "path": [HERE, HERE]}, "T/ITS 0180.1 has none for a computer"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, "valid_until = 2020-01-01T00:00:00"),
        ({"radius_m": 7000}, "radius_m = 7000"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(send: Send, client: Client, add_device: AddDevice, more: Any, words: str) -> None:
    client.put_roads(SITE, gzip.compress(ROADS))
    for name, kind in (("an-obu", Kind.OBU), ("a-computer", Kind.RSCU)):
        if more.get("units") == [name]:
            add_device(name, kind)
    with pytest.raises(RefusedError, match=words):
        send("POST", "road-events", json={"code": 407, "place": HERE, **more})


def test_a_roadside_computer_is_told_in_its_own_words_beside_a_unit_and_both_are_told_that_it_is_over(
    send: Send, unit: MakeUnit, talk: Talk, client: Client
) -> None:
    radio, computer = unit("beside"), talk("in-words", Kind.RSCU)
    client.change_device("in-words", {"serial": "CQ-RSCU-0009"})
    event = give(send, "beside", "in-words", valid_until="2036-05-01T10:00:00Z")
    radio.answer(radio.wait(1))
    told = computer.wait(1)
    (item,) = told["eventList"]
    assert (told["rscuSn"], told["ack"]) == ("CQ-RSCU-0009", True)
    assert (item["eventId"], item["eventType"], item["priority"]) == (event["event_id"], 407, "5")
    assert {"latitude_deg": item["latitude"], "longitude_deg": item["longitude"]} == HERE
    assert item["startTime"] <= told["timeStamp"] < item["endTime"] <= told["timeStamp"] + 121 * 60_000
    computer.answer(told["seqNum"], what="event")
    applied = state_is(send, event, "applied")
    assert [
        (it["device_id"], it["frames"], it["differences"]) for it in applied["at_units"] if it["device_id"] == "in-words"
    ] == [("in-words", 1, [])]
    told_now = {row["device_id"]: row["should"] for row in send("GET", "rsi")}
    assert told_now["in-words"] == told_now["beside"] == [event["event_id"]]

    send("POST", "road-events", str(event["event_id"]), "withdraw")
    over = computer.wait(2)
    assert over["eventList"][0]["eventId"] == event["event_id"]
    assert over["eventList"][0]["endTime"] <= over["timeStamp"]
    computer.answer(over["seqNum"], 1, what="event", errorDesc="not known")
    radio.answer(radio.wait(2))
    assert {it["device_id"]: it["state"] for it in state_is(send, event, "applied", "failed")["at_units"]} == {
        "beside": "applied",
        "in-words": "failed",
    }


def test_a_computer_that_starts_anew_is_told_what_holds(send: Send, talk: Talk) -> None:
    computer = talk("forgets", Kind.RSCU)
    computer.say("state", {"state": "online", "start_id": "a"})
    event = give(send, "forgets")
    computer.answer(computer.wait(1)["seqNum"], what="event")
    state_is(send, event, "applied")
    computer.say("state", {"state": "online", "start_id": "b"})
    until(lambda: shown(send, event)["at_units"][0]["frames"] >= 2, 10, "it to be told again")
    assert computer.wait(2)["eventList"][0]["eventId"] == event["event_id"]


def test_a_road_of_the_network_is_the_path(send: Send, client: Client, unit: MakeUnit) -> None:
    client.put_roads(SITE, gzip.compress(ROADS))
    told = unit("at-the-gate")
    event = send(
        "POST", "road-events",
        json={"sort": "sign", "code": 85, "text": "40 km/h", "road": "gate", "from_m": 20, "units": ["at-the-gate"]},
    )  # fmt: skip
    assert (event["way"], len(event["path"]), event["path_radius_m"]) == ("gate", 2, pytest.approx(1.8))
    item = said(told.wait(1))
    assert (item["sign_type"], item["description"]) == (85, {"textString": "40 km/h"})
    assert item["reference_paths"][0]["path_radius_m"] == pytest.approx(1.8)


def test_every_change_is_in_the_audit_log_and_the_example_is_a_request(
    send: Send, client: Client, add_device: AddDevice, place: Place
) -> None:
    add_device("rsu-1", Kind.RSU)
    event = send("POST", "road-events", json=MODELS["NewRoadEvent"])
    renewed = send("POST", "road-events", str(event["event_id"]), "renew", json=MODELS["Renewal"])
    assert renewed["valid_until"] == "2036-05-01T10:00:00Z"
    send("POST", "road-events", str(event["event_id"]), "withdraw")
    changes = [entry["action"] for entry in client.audit(subject=str(event["event_id"]), what="road_event")]
    assert changes == ["insert", "update", "update"]
    with psycopg.connect(place.database_url) as connection:
        rows = connection.execute(
            "SELECT action FROM register.history WHERE action LIKE '%road event' ORDER BY history_id"
        ).fetchall()
    assert [row[0] for row in rows][-3:] == ["add road event", "renew road event", "withdraw road event"]


def test_commands_list_show_and_follow(send: Send, place: Place, unit: MakeUnit) -> None:
    told = unit("typed")
    typed = chelu(
        place, "event", "add", "505", "--site", SITE, "--at", "29.5332,106.503", "--unit", "typed", "--hours", "1", "--wait", "0"
    )
    assert typed.returncode == 0, typed.stderr
    assert "roadworks" in typed.stdout
    assert "typed" in typed.stdout
    told.wait(1)
    number = json.loads(chelu(place, "event", "list", "--site", SITE, "--json").stdout)[-1]["event_id"]
    late = chelu(place, "event", "renew", str(number), "--site", SITE, "--wait", "0.1")
    assert late.returncode == 1
    assert f"chelu event show {number}" in late.stderr
    assert "积水" in chelu(place, "event", "catalogue", "积水").stdout
    assert "typed" in chelu(place, "event", "units", "--site", SITE).stdout
    wrong = chelu(place, "event", "add", "407", "--site", SITE, "--at", "29.5332")
    assert "LATITUDE,LONGITUDE" in wrong.stderr
    for options, says in (
        (("--at", "nan,106.503"), "chelu: place.latitude_deg = nan is not allowed: a finite number"),
        (("--at", "29.5332,106.503", "--hours", "0"), "chelu: --hours = 0.0 is not allowed: more than 0, at most 175680"),
    ):
        assert says in chelu(place, "event", "add", "407", "--site", SITE, *options).stderr
