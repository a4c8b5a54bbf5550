"""A site's past through the API: stored moments in answers of bounded size, warnings with their lives, counts by hour."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import psycopg
import pytest

from chelu.api import Client
from chelu.codec.columns import unpack
from chelu.messages import BSM, PARTICIPANT, SPAT, Batch, filled
from chelu.store import copy_rows
from services.inference.storage import prepare
from services.ingest.tables import COLUMNS, prepare_schema
from services.registry.past import rows as past_rows
from tests.fix_database import drop_streams
from tests.integration.registry.conftest import KEY, SITE, AddDevice, Place, chelu

HOUR_US = 3_600_000_000
START_US = time.time_ns() // 1000 // HOUR_US * HOUR_US - 2 * HOUR_US
VEHICLES, INSTANTS = 5, 100  # ten times a second for ten seconds
WARNING = UUID(int=0xABC)
OTHER_SITE = "valley"
ADD = """INSERT INTO city.warning (time, arrival, decided, published, site_id, warning_id, application, state, level,
        host_vehicle_id, host_device_key, ttc_s, detail)
    SELECT at, at, at + interval '50 ms', at + interval '60 ms', %(site)s, %(id)s, 'fcw', %(state)s, %(level)s, 1, 1,
        %(ttc_s)s, %(detail)s
    FROM (SELECT 'epoch'::timestamptz + %(time_us)s::bigint * interval '1 microsecond' AS at) AS _"""
PARTY = {
    "vehicle_id": f"{1:016x}",
    "participant_id": None,
    "device_id": "past-0",
    "latitude_deg": 29.5332,
    "longitude_deg": 106.503,
}
PARTY |= {"elevation_m": None, "speed_mps": 9.0, "heading_deg": 0.0}


def detail(time_us: int, state: str) -> str:
    until = None if state == "cleared" else time_us + 50_000 + 1_000_000
    return json.dumps({"host": PARTY, "other": PARTY, "subject": None, "distance_m": 12.5, "valid_until_us": until})


def moving(stream: Any, keys: list[int]) -> Batch:
    """Each device's report at each instant."""
    time_us = np.repeat(START_US + np.arange(INSTANTS) * 100_000, VEHICLES)
    number = np.tile(np.arange(VEHICLES), INSTANTS)
    columns: dict[str, Any] = {
        "time_us": time_us,
        "latitude_deg": 29.5332 + number * 1e-4,
        "longitude_deg": np.full(len(number), 106.503),
    }
    beside: dict[str, Any] = {
        "device_key": np.array(keys, np.int32)[number],
        "arrival_us": time_us,
        "batch_id": np.ones(len(number), np.int64),
    }
    return filled(stream, len(number), **columns).with_columns(**beside, flags=np.zeros(len(number), np.int16))


@pytest.fixture(scope="module")
def stored(place: Place, client: Client, add_device: AddDevice) -> Iterator[None]:
    """Ten seconds of five vehicles, of what one unit sees and tells of a signal, and two warnings, one of another site."""
    keys = [add_device(f"past-{number}").device_key for number in range(VEHICLES)]
    bsm = moving(BSM, keys)
    bsm = bsm.with_columns(vehicle_id=np.tile(np.arange(1, VEHICLES + 1, dtype=np.uint64), INSTANTS))
    seen = moving(PARTICIPANT, [keys[0]] * VEHICLES)
    seen = seen.with_columns(
        participant_id=np.tile(np.arange(VEHICLES, dtype=np.uint16), INSTANTS), participant_type=np.full(len(seen), 3, np.uint8)
    )
    told: dict[str, Any] = {
        "time_us": np.array([START_US - 1_000_000]),
        "light": np.array([5], np.uint8),
        "phase_id": np.array([2], np.int16),
    }
    spat = filled(SPAT, 1, **told)
    spat = spat.with_columns(
        device_key=np.array([keys[0]], np.int32),
        arrival_us=spat["time_us"],
        batch_id=np.ones(1, np.int64),
        flags=np.zeros(1, np.int16),
    )
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        series = prepare_schema(connection)
        for name, batch in (("bsm", bsm), ("participant", seen), ("spat", spat)):
            series[name].ensure(connection, batch["time_us"], now_us=START_US)
            copy_rows(connection, f"stream.{name}", batch, COLUMNS[name])
        prepare(connection)["city.warning"].ensure(connection, np.array([START_US]), now_us=START_US)
        for number, (site, state, at_s, level) in enumerate(
            ((SITE, "raised", 2.0, 1), (SITE, "updated", 2.5, 2), (SITE, "cleared", 4.0, 0), (OTHER_SITE, "raised", 2.0, 1))
        ):
            time_us = START_US + round(at_s * 1e6)
            values = {"site": site, "state": state, "level": level, "time_us": time_us, "detail": detail(time_us, state)}
            warning_id = WARNING if site == SITE else UUID(int=number)
            connection.execute(ADD.encode(), {**values, "id": warning_id, "ttc_s": 2.4 if level else None})
    yield
    drop_streams(place.database_url)
    with psycopg.connect(place.database_url) as connection:
        connection.execute("DROP SCHEMA city CASCADE")


def ask(place: Place, path: str, **query: Any) -> httpx.Response:
    return httpx.get(f"{place.url}/api/sites/{SITE}/{path}", params=query, headers={"Authorization": f"Bearer {KEY}"})


def test_a_stored_moment_comes_as_columns_with_lights_and_warnings(place: Place, stored: None) -> None:
    answer = ask(place, "past/picture", from_us=START_US, to_us=START_US + 10_000_000)
    assert answer.status_code == HTTPStatus.OK, answer.text
    table, header = unpack(answer.content)
    assert len(table) == 2 * VEHICLES * INSTANTS
    assert (header["until_us"], len(header["tracks"]["key"])) == (START_US + 10_000_000, 2 * VEHICLES)
    assert (header["signals"]["at_ms"], header["signals"]["light"]) == ([-1000], [5])
    (warning,) = header["warnings"]
    assert (warning["warning_id"], warning["host"]) == (str(WARNING), {"kind": 1, "key": f"{1:016x}"})
    assert [(one["at_ms"], one["level"]) for one in warning["states"]] == [(2000, 1), (2500, 2), (4000, 0)]


def test_a_warning_that_was_raised_before_is_told_with_when(place: Place, stored: None) -> None:
    _, header = unpack(ask(place, "past/picture", from_us=START_US + 3_000_000, to_us=START_US + 3_500_000).content)
    (warning,) = header["warnings"]
    assert (warning["raised_us"], warning["states"][0]["level"]) == (START_US + 2_000_000, 1)
    _, header = unpack(ask(place, "past/picture", from_us=START_US + 9_000_000, to_us=START_US + 9_500_000).content)
    assert header["warnings"] == []


def test_an_answer_ends_where_it_is_full_and_the_next_goes_on_without_a_gap(client: Client, place: Place, stored: None) -> None:
    at_us, rows, answers = START_US, 0, 0
    with psycopg.connect(place.database_url, row_factory=psycopg.rows.dict_row) as connection:
        while at_us < START_US + 10_000_000:
            found = past_rows.read(connection, SITE, at_us, START_US + 10_000_000, most_rows=37)
            sizes = [len(found.streams[name]) for name in ("bsm", "participant")]
            assert max(sizes) < 37 + VEHICLES
            assert all((found.streams[name]["time_us"] >= at_us).all() for name in ("bsm", "participant"))
            at_us, rows, answers = found.until_us, rows + sum(sizes), answers + 1
    assert (rows, answers > 10) == (2 * VEHICLES * INSTANTS, True)


def test_a_time_that_is_none_and_a_site_that_is_none_are_refused_by_name(place: Place, stored: None) -> None:
    for to_us in (START_US, START_US + 61_000_000):
        answer = ask(place, "past/picture", from_us=START_US, to_us=to_us)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "to_us")
    other = httpx.get(f"{place.url}/api/sites/nowhere/past/picture?from_us=1&to_us=2", headers={"Authorization": f"Bearer {KEY}"})
    assert other.status_code == HTTPStatus.NOT_FOUND


def test_a_sites_warnings_are_listed_with_what_became_of_them(place: Place, stored: None) -> None:
    (one,) = ask(place, "warnings").json()["warnings"]
    assert (one["warning_id"], one["level"], one["lead_s"]) == (str(WARNING), 2, 2.4)
    assert (one["raised_us"], one["ended_us"]) == (START_US + 2_000_000, START_US + 4_000_000)
    assert one["host"]["speed_mps"] == 9.0
    assert ask(place, "warnings", application="icw").json()["warnings"] == []
    assert ask(place, "warnings", order="oldest", limit=1).json()["next"] == START_US + 2_000_000
    assert ask(place, "warnings", order="oldest", after=START_US + 2_000_000).json() == {"warnings": [], "next": None}
    story = ask(place, f"warnings/{WARNING}").json()
    assert [step["state"] for step in story["steps"]] == ["raised", "updated", "cleared"]
    assert ask(place, f"warnings/{UUID(int=3)}").status_code == HTTPStatus.NOT_FOUND  # which is the other site's


def test_warnings_are_counted_by_hour_with_their_lead_times(place: Place, stored: None) -> None:
    (hour,) = ask(place, "warning-hours", from_us=START_US, to_us=START_US + 3_600_000_000).json()
    assert (hour["hour_us"], hour["application"], hour["count"], hour["imminent"]) == (START_US, "fcw", 1, 0)
    assert hour["lead_p50_s"] == 2.4
    answer = ask(place, "warning-hours", from_us=0, to_us=START_US)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "to_us")


def test_the_commands_say_the_same(place: Place, stored: None) -> None:
    at = datetime.datetime.fromtimestamp(START_US / 1e6, datetime.UTC).isoformat()
    assert chelu(place, "past", SITE, "--at", at).stdout.splitlines()[1].split()[0] in {"speaks", "seen"}
    listed = chelu(place, "warnings", "list", SITE, "--hours", "4").stdout
    assert str(WARNING) in listed
    steps = chelu(place, "warnings", "show", SITE, str(WARNING)).stdout.splitlines()
    assert [line.split()[2] for line in steps[1:]] == ["raised", "updated", "cleared"]
    assert "fcw" in chelu(place, "warnings", "hours", SITE, "--hours", "4").stdout
    refused = chelu(place, "past", SITE, "--at", "yesterday")
    assert (refused.returncode, "--at" in refused.stderr) == (refused.returncode or 1, True)
