"""Documents nested too deep, from devices, from operators and in the database: they cost nobody else anything."""

from __future__ import annotations

import json
from typing import Any

import httpx
import psycopg
import pytest

from chelu.api import Client
from chelu.codec.documents import DEEPEST
from services.registry.stored_json import SHORTENED
from tests.integration.registry.conftest import KEY, Place
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.test_orders import Talk, command, configure, newest, state_is, talk

__all__ = ["registry_account", "talk"]


def nested(deep: int, opens: str = "[", closes: str = "]", inner: str = "") -> str:
    return opens * deep + inner + closes * deep


def request(place: Place, method: str, path: str, body: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    return httpx.request(method, f"{place.url}/api/{path}", content=body, headers=headers, timeout=30)


def test_answers_nested_too_deep_are_no_answers_and_those_of_others_are_taken(client: Client, talk: Talk, place: Place) -> None:
    deep, other = talk("deep"), talk("shallow")
    command(client, "ping", "deep", "shallow", lasting_s=600)
    number = deep.wait()["seqNum"]
    for levels in (64, 300, 490, 600, 900, 960, 970, 975, 980, 985):
        deep.say("command/down/ack", f'{{"seqNum": {number}, "errorCode": 0, "x": {nested(levels)}}}'.encode())
        for opens, closes in (("[", "]"), ('{"a":', "}")):
            config = nested(levels, opens, closes, "1" if closes == "}" else "")
            deep.say("info/up", f'{{"id": "x", "config": {{"heartbeat_s": {config}}}}}'.encode())
    deep.say("config/down/ack", json.dumps({"seqNum": number, "errorCode": 0, "config": {"heartbeat_s": 10**400}}).encode())
    other.answer(other.wait()["seqNum"], what="command")
    assert state_is(client, "shallow", "applied")["answers"] == 1
    assert newest(client, "deep")["answers"] == 0
    deep.answer(number, what="command")
    assert state_is(client, "deep", "applied")["answers"] == 1
    shown = client.people("GET", "devices", "deep", "config")["reported"]
    assert shown == {"heartbeat_s": 10**400}
    assert "Traceback" not in (place.directory / "registry.log").read_text()


def test_a_number_beyond_all_floats_is_an_answer_as_any_other(client: Client, talk: Talk) -> None:
    device = talk("vast")
    configure(client, {"heartbeat_s": 5}, "vast")
    device.answer(device.wait()["seqNum"], config={"heartbeat_s": 10**400})
    assert state_is(client, "vast", "failed")["detail"].startswith("it reports heartbeat_s = 1000")


def test_a_configuration_nested_too_deep_is_refused_and_nothing_is_sent(client: Client, talk: Talk, place: Place) -> None:
    device = talk("wide")
    for levels in (DEEPEST, 300, 700):
        change = f'{{"bsmConfig": {{"upFilters": [{{"a": {nested(levels)}}}]}}}}'
        refused = request(place, "POST", "config", f'{{"selection": {{"devices": ["wide"]}}, "change": {change}}}')
        assert refused.status_code == 422, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        (fault,) = refused.json()["errors"]
        assert (fault["field"], fault["value"]) == ("change", f"lists and objects nested more than {DEEPEST} deep")
    assert client.people("GET", "devices", "wide", "orders") == []
    assert not device.told


@pytest.fixture
def stored(client: Client, talk: Talk, place: Place) -> str:
    """A device of which documents were stored as deep as an older version took them."""
    device = talk("older")
    configure(client, {"heartbeat_s": 5}, "older")
    device.answer(device.wait()["seqNum"], config={"heartbeat_s": 5})
    state_is(client, "older", "applied")
    deep: dict[str, Any] = {"id": "older", "doc": f'{{"bsmConfig": {{"upFilters": [{{"a": {nested(300)}}}]}}}}'}
    of_device = "device_key = (SELECT device_key FROM register.device WHERE device_id = %(id)s)"
    with psycopg.connect(place.database_url) as connection:
        for sql in (
            f"UPDATE register.desired SET document = %(doc)s::jsonb WHERE {of_device}",
            f"UPDATE register.reported SET config = %(doc)s::jsonb WHERE {of_device}",
            f"UPDATE register.device_order SET body = %(doc)s::jsonb, answer = %(doc)s::jsonb WHERE {of_device}",
            "UPDATE register.dispatch SET body = %(doc)s::jsonb",
        ):
            connection.execute(sql.encode(), deep)
    return "older"


def test_what_is_stored_deeper_is_shown_shortened_on_every_page(client: Client, stored: str, place: Place) -> None:
    for path in (f"devices/{stored}/config", f"devices/{stored}/orders", "config", "dispatches?limit=100", "audit?limit=1000"):
        shown = request(place, "GET", path)
        assert shown.status_code == 200, (path, shown.text)
        assert SHORTENED in shown.text, path
    configure(client, {"bsmConfig": None, "heartbeat_s": 7}, stored)
    assert client.people("GET", "devices", stored, "config")["desired"] == {"heartbeat_s": 7}
