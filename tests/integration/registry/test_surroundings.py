"""Findings of the surroundings at a real registry: alarms, road events on the air, and what ends them."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest

from chelu.api import Client
from chelu.codec import cv2x
from chelu.store import copy_rows
from services.inference.city.environment.findings import Book, Judged
from services.inference.city.environment.flood import FloodParameters, FloodWatch, Water
from services.inference.city.findings import FINDING_COLUMNS, Finding, rows_to_store
from services.inference.storage import FINDING, prepare
from tests.integration.registry.conftest import SITE, AddDevice, Place, chelu
from tests.integration.registry.fix_at_broker import MakeUnit, Send, registry_account, send, unit_hearing
from tests.unit.roads.networks import edge, net
from tests.waiting import until

__all__ = ["registry_account", "send", "unit_hearing"]
ROADS = net(edge("quay", "0.00,0.00,5.00 100.00,0.00,5.00"))


@pytest.fixture(scope="module", autouse=True)
def city(place: Place, client: Client) -> None:
    """The tables of inference, and a road by the river."""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        prepare(connection)
    client.put_roads(SITE, gzip.compress(ROADS))


@pytest.fixture
def unit(unit_hearing: MakeUnit) -> MakeUnit:
    return partial(unit_hearing, "rsi/down")


def store(place: Place, said: list[Finding]) -> None:
    now_us = time.time_ns() // 1000
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        series = prepare(connection)[FINDING]
        rows = rows_to_store(said, now_us)
        series.ensure(connection, rows["time_us"], now_us=now_us)
        copy_rows(connection, FINDING, rows, FINDING_COLUMNS)


@pytest.fixture
def flood(place: Place) -> Iterator[tuple[Book, Judged]]:
    """A book in which a flood of the quay stands, stored; it is over at the end."""
    book = Book(SITE, lambda: f"flood-{time.monotonic_ns()}")
    (judged,) = FloodWatch(FloodParameters()).judge(
        Water("gauge", None, 0, 246.0, float("nan"), float("nan")), ["quay"], {"quay": 245.0}, frozenset()
    )
    store(place, book.note(judged, time.time_ns() // 1000))
    yield book, judged
    store(place, book.note(Judged("flood", "quay"), time.time_ns() // 1000))


def standing(client: Client) -> list[dict[str, Any]]:
    return list(client.city_surroundings(site=SITE, kind="flood", standing="true"))


def alarms(client: Client) -> list[tuple[str, str]]:
    return [(one["kind"], one["state"]) for one in client.people("GET", "alarms", params={"state": "raised"})["alarms"]]


def test_a_flood_is_told_to_units_and_raised_as_an_alarm_and_both_end_with_it(
    client: Client, place: Place, send: Send, unit: MakeUnit, flood: tuple[Book, Judged]
) -> None:
    refused = until(lambda: found if (found := standing(client))[0]["told"] else None, 10, "the registry to try") or []
    assert {one["event_id"] for one in refused[0]["told"]} == {None}  # there is no unit
    assert all("units" in one["refusal"] for one in refused[0]["told"])
    until(lambda: "flood" in {kind for kind, _ in alarms(client)}, 5, "the alarm")

    heard = unit("riverside", latitude_deg=29.5332, longitude_deg=106.503, coverage_m=50_000)
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("UPDATE register.finding_event SET tried = tried - interval '1 minute'")
    told = [cv2x.to_json(heard.wait(number)) for number in (1, 2)]
    assert sorted("sign" if "rtss" in one else str(one["rtes"][0]["event_type"]) for one in told) == ["407", "sign"]
    assert [one["rtss"][0]["sign_type"] for one in told if "rtss" in one] == [53]
    for frame in heard.told[:2]:
        heard.answer(frame)
    shown = json.loads(chelu(place, "city", "surroundings", "--json").stdout)
    events = [one["event_id"] for one in shown[0]["told"]]
    assert None not in events

    book, _ = flood
    store(place, book.note(Judged("flood", "quay"), time.time_ns() // 1000))
    until(lambda: not standing(client), 5, "the flood to be over")
    until(lambda: {send("GET", "road-events", str(one))["standing"] for one in events} == {"withdrawn"}, 10, "their withdrawal")
    until(lambda: "flood" not in {kind for kind, _ in alarms(client)}, 5, "the alarm to be cleared")


def test_what_a_person_has_withdrawn_is_not_told_anew(
    client: Client, place: Place, send: Send, unit: MakeUnit, flood: tuple[Book, Judged]
) -> None:
    unit("stays", latitude_deg=29.5332, longitude_deg=106.503, coverage_m=50_000)

    def events() -> list[int] | None:
        found = [one["event_id"] for row in standing(client) for one in row["told"]]
        return found if len(found) == 2 and None not in found else None

    first = until(events, 10, "both events") or []
    for event in first:
        send("POST", "road-events", str(event), "withdraw")
    book, judged = flood
    other = replace(judged.findings[0], detail={**judged.findings[0].detail, "gauge": "another"})
    store(place, book.note(Judged("flood", "quay", [other]), time.time_ns() // 1000))  # the same finding in newer words
    until(lambda: standing(client)[0]["detail"]["gauge"] == "another", 5, "the newer words")
    assert events() == first
    assert len(send("GET", "road-events", params={"standing": "holds"})["events"]) == 0


def test_an_outlook_of_a_quantity_that_there_is_not_is_refused(place: Place, add_device: AddDevice) -> None:
    done = chelu(place, "city", "outlook", "--quantity", "moonshine")
    assert done.returncode != 0
    assert "moonshine" in done.stderr
    assert json.loads(chelu(place, "city", "outlook", "--json").stdout) == []
