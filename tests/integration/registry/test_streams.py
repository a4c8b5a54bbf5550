"""Stored rows through the API and back into columns: what was copied in comes out, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest

from chelu.api import Client, NewDevice
from chelu.messages import HEADER, STREAMS, Batch, Stream, concatenate
from chelu.store import copy_rows
from chelu.topics import Kind
from services.ingest.tables import COLUMNS, prepare_schema
from tests.fix_database import drop_streams
from tests.integration.registry.conftest import KEY, SITE, AddDevice, Place
from tests.unit.registry.rows_of_streams import any_column

CITY = """CREATE SCHEMA city;
CREATE TABLE city.warning (time timestamptz, arrival timestamptz, decided timestamptz, published timestamptz, site_id text,
    warning_id uuid, application text, state text, level smallint, device_key integer, host_vehicle_id bigint,
    other_vehicle_id bigint, host_device_key integer, other_device_key integer, ttc_s double precision, detail jsonb);
CREATE TABLE city.segment_state (time timestamptz, site_id text, link_id text, flow_vph double precision);
CREATE TABLE city.state (time timestamptz, site_id text, scope text, place text, period_s integer, flow_vph double precision);
CREATE TABLE city.state_turn (time timestamptz, site_id text, kind text, from_segment text, to_segment text, vehicles integer);
INSERT INTO city.state VALUES ('epoch', 'hill', 'segment', 'street_1', 60, 600),
    ('epoch', 'hill', 'network', 'network', 60, 'NaN'),
    ('epoch', 'dale', 'segment', 'street_1', 60, 100), ('epoch', 'hill', 'segment', 'street_1', 900, 500);
INSERT INTO city.state_turn VALUES ('epoch', 'hill', 'turn', 'street_1', 'street_2', 7),
    ('epoch', 'hill', 'trip', 'street_1', 'street_9', 3)"""
OBSERVED = """INSERT INTO stream.observation
    (time, arrival, device_key, quantity, value, quality, channel, batch_id, flags) VALUES
    ('epoch'::timestamptz + interval '1 s', now(), 1, 1, 293.15, 1, 4, 7, 0),
    ('epoch'::timestamptz + interval '2 s', now(), 1, 21, NULL, NULL, NULL, 7, 0),
    ('epoch'::timestamptz + interval '3 s', now(), 2, 1, 280.0, 9, NULL, 7, 0)"""
START_US = 1_795_000_000_000_000
ROWS = 500
ROWS_BESIDE = """
INSERT INTO stream.batch OVERRIDING SYSTEM VALUE
    VALUES (7, 'epoch', 'epoch'::timestamptz + interval '1795000001.000001 s'), (8, now(), NULL);
INSERT INTO stream.account VALUES (7, 'bsm', 9, 10, 12, 10, 2), (8, 'bsm', 1, 1, 1, 1, 0), (8, 'spat', 1, 1, 1, 1, 0);
INSERT INTO stream.drop VALUES (7, 'bsm', NULL, 'duplicate', 1), (7, 'bsm', 1, 'truncated', 1), (8, '', NULL, 'unknown_topic', 3);
INSERT INTO stream.dead_letter (time, topic, device_id, reason, detail, payload, size_bytes)
    SELECT 'epoch'::timestamptz + n / 2 * interval '1 s', 't', '', 'truncated', 'd', '\\xff00', 2 FROM generate_series(1, 9) AS n;
INSERT INTO stream.report VALUES ('epoch', 'epoch', 1, 7, 0, 'info', 'rsu/x/info/up', '{"rsuId": "x"}');
"""


def random_batch(stream: Stream, devices: list[int], seed: int) -> Batch:
    """Rows whose times and devices coincide often, with every value that a column can hold."""
    random = np.random.default_rng(seed)
    fields = {field.name: field for field in (*stream.fields, *HEADER)}
    columns = {name: any_column(field.dtype, ROWS, random) for name, field in fields.items()}
    for name in (name for name, field in fields.items() if field.unit == "µs"):  # a timestamp has less room than its integer
        columns[name] = START_US + random.integers(-(10**12), 10**12, ROWS)
    masks = {f"{name}_valid": random.random(ROWS) < 0.5 for name, field in fields.items() if field.has_mask}
    instants = [name for name, field in fields.items() if field.unit == "µs"]
    columns |= {name: START_US + random.integers(-(10**15), 10**15, ROWS) for name in instants}
    columns["time_us"] = np.sort(START_US + random.integers(0, 50, ROWS) * 100_000 + 1)
    columns["arrival_us"] = columns["time_us"] + 17
    columns["device_key"] = random.choice(devices, ROWS).astype(np.int32)
    columns["batch_id"] = np.full(ROWS, 7) + (np.arange(ROWS) % 3)
    return Batch({**columns, **masks})


@pytest.fixture(scope="module")
def stored(place: Place, client: Client, add_device: AddDevice) -> Iterator[dict[str, Batch]]:
    """Tables as ingest and inference make them, with rows."""
    keys = [add_device(f"stream-{number}").device_key for number in range(3)]
    batches = {name: random_batch(stream, keys, seed) for seed, (name, stream) in enumerate(STREAMS.items())}
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        for name, series in prepare_schema(connection).items():
            series.ensure(connection, batches[name]["time_us"], now_us=START_US)
            beside = {"details": np.full(ROWS, None), "frame": np.full(ROWS, b"", np.object_)}  # of telemetry
            copy_rows(connection, f"stream.{name}", batches[name].with_columns(**beside), COLUMNS[name])
        connection.execute(ROWS_BESIDE)
    yield batches
    drop_streams(place.database_url)


def get(place: Place, path: str, query: dict[str, str]) -> httpx.Response:
    return httpx.get(f"{place.url}/api/{path}", params=query, headers={"Authorization": f"Bearer {KEY}"})


def in_order(batch: Batch) -> Batch:
    """A batch in an order of its own rows, so that ties may come either way round."""
    return batch.take(np.lexsort((batch["batch_id"], batch["flags"], batch["device_key"], batch["time_us"])))


@pytest.mark.parametrize("name", list(STREAMS))
@pytest.mark.parametrize("page_rows", [3, 37, 50_000])
def test_what_was_stored_is_read_back_whole(client: Client, stored: dict[str, Batch], name: str, page_rows: int) -> None:
    pages = list(client.stream(name, page_rows=page_rows))
    found, expected = in_order(concatenate(pages)), in_order(stored[name])
    assert len(found) == ROWS
    for column in expected:
        valid = expected.columns.get(f"{column}_valid", np.ones(ROWS, np.bool_))
        np.testing.assert_array_equal(found[column][valid], expected[column][valid], err_msg=column)
        assert found[column].dtype == expected[column].dtype, column


def test_rows_name_their_device_and_when_they_were_durable(client: Client, stored: dict[str, Batch]) -> None:
    (found,) = client.stream("bsm")
    keys = {key: client.device(f"stream-{number}").device_key for number, key in enumerate(["stream-0", "stream-1", "stream-2"])}
    assert [keys[name] for name in found["device_id"]] == found["device_key"].tolist()
    assert set(found["committed_us"][found["batch_id"] == 7].tolist()) == {1_795_000_001_000_001}
    assert found["committed_us_valid"].tolist() == (found["batch_id"] == 7).tolist()


def test_a_period_and_a_device_are_picked(client: Client, stored: dict[str, Batch]) -> None:
    time_us = stored["bsm"]["time_us"]
    from_us, to_us = int(time_us[100]), int(time_us[300])
    found = concatenate(list(client.stream("bsm", from_us=from_us, to_us=to_us, device="stream-1", page_rows=10)))
    key = client.device("stream-1").device_key
    assert len(found) == int(((time_us >= from_us) & (time_us < to_us) & (stored["bsm"]["device_key"] == key)).sum())
    assert list(client.stream("bsm", from_us=0, to_us=1)) == []


@pytest.mark.parametrize(
    ("stream", "field", "column"), [("bsm", "vehicle", "vehicle_id"), ("participant", "participant", "participant_id")]
)
def test_one_road_user_is_picked(place: Place, stored: dict[str, Batch], stream: str, field: str, column: str) -> None:
    whose = stored[stream][column][7]
    query = {field: f"{int(whose):016x}" if stream == "bsm" else str(whose), "device": "stream-1", "limit": "1000"}
    key = np.unique(stored[stream]["device_key"])[1]
    wanted = stored[stream]["time_us"][(stored[stream][column] == whose) & (stored[stream]["device_key"] == key)]
    rows = [json.loads(line) for line in get(place, f"streams/{stream}", query).text.splitlines()]
    assert [row["time_us"] for row in rows] == wanted.tolist()
    del query["device"]
    everywhere = get(place, f"streams/{stream}", query).text.splitlines()
    assert len(everywhere) == np.count_nonzero(stored[stream][column] == whose) > 0


def test_a_road_user_of_another_stream_is_refused(place: Place, stored: dict[str, Batch]) -> None:
    answer = get(place, "streams/spat", {"participant": "3"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "participant", "value": "3", "allowed": "only rows of participant can be asked for by it"}
    ]


def test_json_lines_have_null_for_what_is_not_there(place: Place, client: Client, stored: dict[str, Batch]) -> None:
    answer = get(place, "streams/participant", {"limit": "100000"})
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert len(rows) == ROWS
    assert "chelu-next" not in answer.headers
    (found,) = client.stream("participant")
    for index in (0, 1, 7, ROWS - 1):
        vehicle_id = f"{found['vehicle_id'][index]:016x}" if found["vehicle_id_valid"][index] else None
        speed = float(found["speed_mps"][index])
        assert rows[index]["vehicle_id"] == vehicle_id
        assert rows[index]["speed_mps"] == (None if np.isnan(speed) else "Infinity" if np.isinf(speed) else speed)
        assert rows[index]["device_id"] == found["device_id"][index]
        assert rows[index]["time_us"] == found["time_us"][index]


def test_pages_of_json_lines_follow_each_other(place: Place, stored: dict[str, Batch]) -> None:
    counts, query = [], {"limit": "120"}
    while "chelu-next" in (answer := get(place, "streams/spat", query)).headers:
        counts.append(len(answer.text.splitlines()))
        query["after"] = answer.headers["chelu-next"]
    assert len(counts) > 1
    assert sum(counts) + len(answer.text.splitlines()) == ROWS


def test_accounts_are_summed_by_stream_and_reason(client: Client, stored: dict[str, Batch]) -> None:
    accounts = client.accounts()
    assert (accounts["bsm"].received, accounts["bsm"].stored) == (13, 11)
    assert accounts["bsm"].missing == 2
    assert accounts["bsm"].dropped == {"duplicate": 1, "truncated": 1}
    assert accounts[""].dropped == {"unknown_topic": 3}
    early = client.accounts(to_us=1)
    assert early.keys() == {"bsm"}
    assert (early["bsm"].messages, early["bsm"].frames, early["bsm"].received) == (9, 10, 12)


def test_observations_are_read_with_names_and_units_by_quantity_and_device(
    place: Place, client: Client, stored: dict[str, Batch]
) -> None:
    rows = list(client.observations())
    assert len(rows) == ROWS
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(OBSERVED)
    (first, *_) = client.observations(to_us=10_000_000)
    assert (first["time_us"], first["device_id"], first["channel"]) == (1_000_000, "stream-0", 4)
    assert (first["quantity"], first["value"], first["unit"], first["quality"]) == ("air_temperature", 293.15, "K", "doubtful")
    assert [row["quantity"] for row in client.observations(device="stream-0", to_us=10_000_000)] == ["air_temperature", "pm2_5"]
    assert [row["quality"] for row in client.observations(quantity="air_temperature", to_us=10_000_000)] == ["doubtful", 9]
    assert [row["value"] for row in client.observations(quantity="pm2_5", to_us=10_000_000)] == [None]
    page = get(place, "observations", {"limit": "2", "to_us": "10000000"}).json()
    rest = get(place, "observations", {"limit": "2", "to_us": "10000000", "after": page["next"]}).json()
    assert (len(page["rows"]), len(rest["rows"]), rest["next"]) == (2, 1, None)
    problem = get(place, "observations", {"quantity": "hope"})
    assert problem.status_code == 422
    allowed = "one that chelu quantities lists, such as air_temperature"
    assert problem.json()["errors"] == [{"field": "quantity", "value": "'hope'", "allowed": allowed}]
    assert get(place, "observations", {"device": "nobody"}).status_code == 404


def test_other_tables_are_read_in_pages(place: Place, client: Client, stored: dict[str, Batch]) -> None:
    letters = list(client.dead_letters())
    assert len(letters) == 9
    expected = {"time_us": 0, "topic": "t", "device_id": "", "reason": "truncated", "detail": "d", "payload": "ff00"}
    assert expected.items() <= letters[0].items()
    page = get(place, "dead-letters", {"limit": "2"}).json()
    assert [row["time_us"] for row in page["rows"]] == [0, 1_000_000, 1_000_000]
    rest = get(place, "dead-letters", {"limit": "50", "after": page["next"]}).json()
    assert (len(rest["rows"]), rest["next"]) == (6, None)
    reason = letters[0]["reason"]
    assert len(list(client.dead_letters(reason=reason))) == sum(letter["reason"] == reason for letter in letters)
    assert list(client.dead_letters(device="nobody")) == []
    client.add_devices([NewDevice(device_id="open", kind=Kind.RSU, site_id=SITE, serial="R99", profile="openv2x")])
    with psycopg.connect(place.database_url) as connection:
        connection.execute("UPDATE stream.dead_letter SET device_id = 'R99' WHERE time = 'epoch'")
    for name in ("open", "R99"):
        assert [letter["device_id"] for letter in client.dead_letters(device=name)] == ["R99"]
    client.delete_device("open")
    problem = get(place, "dead-letters", {"reason": "bad luck"}).json()
    assert problem["errors"][0]["field"] == "reason"
    assert "'unregistered'" in problem["errors"][0]["allowed"]
    (report,) = client.reports()
    assert (report["body"], report["device_id"]) == ({"rsuId": "x"}, "stream-0")
    assert list(client.messages()) == []
    assert [batch["committed_us"] for batch in client.batches()] == [1_795_000_001_000_001, None]


@pytest.fixture
def city(place: Place) -> Iterator[psycopg.Connection[Any]]:
    """The tables that inference makes."""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(CITY)
        yield connection
        connection.execute("DROP SCHEMA city CASCADE")


def test_warnings_name_devices_and_vehicles(client: Client, add_device: AddDevice, city: psycopg.Connection[Any]) -> None:
    key = add_device("warned").device_key
    city.execute(
        """INSERT INTO city.warning (time, arrival, decided, site_id, warning_id, application, state, level, host_vehicle_id,
            host_device_key, other_device_key, ttc_s, detail) VALUES ('epoch', 'epoch', 'epoch', 's',
            '00000000-0000-0000-0000-000000000001', 'fcw', 'raised', 1, -2, %s, 999999, 'NaN', '{"a": [1]}')""",
        (key,),
    )
    (warning,) = client.warnings()
    assert (warning["time_us"], warning["published_us"], warning["ttc_s"], warning["detail"]) == (0, None, None, {"a": [1]})
    assert warning["warning_id"] == "00000000-0000-0000-0000-000000000001"
    assert (warning["host_vehicle_id"], warning["other_vehicle_id"]) == ("fffffffffffffffe", None)
    assert (warning["host_device_id"], warning["device_id"], warning["other_device_id"]) == ("warned", None, None)
    assert list(client.segments()) == []


def test_traffic_state_is_read_by_site_scope_place_and_period(client: Client, city: psycopg.Connection[Any]) -> None:
    assert city.closed is False
    (row,) = client.city_state(site="hill", scope="segment", place="street_1", period=60)
    assert (row["flow_vph"], row["time_us"]) == (600.0, 0)
    assert [row["flow_vph"] for row in client.city_state(site="hill", scope="network")] == [None]
    assert [row["vehicles"] for row in client.city_turns(site="hill", kind="turn")] == [7]
    assert [row["to_segment"] for row in client.city_turns(segment="street_1", kind="trip")] == ["street_9"]
