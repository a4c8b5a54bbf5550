"""Exports from a real database through a real registry: the rows however interrupted, to whom they may go, and the record."""

from __future__ import annotations

import datetime
import io
import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pyarrow.parquet as pq
import pytest
from mcap.reader import make_reader

from chelu import api_exports
from chelu.api import Client, NewDevice, Organisation
from chelu.errors import ConfigurationError, RefusedError
from chelu.messages import BSM, OBSERVATION, PARTICIPANT, SPAT, STREAMS, Batch, Stream, concatenate
from chelu.store import copy_rows
from chelu.topics import Kind
from services.ingest.tables import COLUMNS, prepare_schema
from tests.fix_database import drop_streams
from tests.fix_small_disk import SIZE_BYTES, SmallDisk
from tests.integration.registry.conftest import KEY, SITE, Place
from tests.unit.registry.rows_of_streams import START_US, rows_of

ROWS = 40_000  # several pages of every format
OWN_ID = 0xFFEE_DDCC_BBAA_9988  # has its highest bit set, as ids may
SQUARE = {"west": 106.49, "east": 106.51, "south": 29.49, "north": 29.51}
ZONE = [[106.50, 29.50], [106.52, 29.50], [106.52, 29.52], [106.50, 29.52], [106.50, 29.50]]
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def devices(client: Client) -> dict[str, int]:
    """Two teams' vehicles, and a roadside unit that stands in the square."""
    for name, role in (("crew", "vehicle team"), ("rivals", "vehicle team"), ("city", "operator")):
        client.add_organisation(Organisation(organisation_id=name, role=role))
    client.change_site(SITE, {"operator": "city"})
    vehicles = [NewDevice(device_id=f"{team}-car", kind=Kind.VEHICLE, site_id=SITE, team=team) for team in ("crew", "rivals")]
    rsu = NewDevice(device_id="rsu-1", kind=Kind.RSU, site_id=SITE, latitude_deg=29.5, longitude_deg=106.5)
    far = NewDevice(device_id="rsu-2", kind=Kind.RSU, site_id=SITE, latitude_deg=29.6, longitude_deg=106.5)
    units = [
        NewDevice(device_id="crew-obu", kind=Kind.OBU, site_id=SITE, on_vehicle="crew-car", vehicle_id=f"{OWN_ID:016x}"),
        NewDevice(device_id="rivals-obu", kind=Kind.OBU, site_id=SITE, on_vehicle="rivals-car"),
    ]
    return {one.device_id: one.device_key for one in client.add_devices([*vehicles, rsu, far, *units])}


@pytest.fixture(scope="module")
def stored(place: Place, devices: dict[str, int]) -> Iterator[dict[str, Batch]]:
    """Rows of all three senders; the crew's vehicle is heard by the roadside unit, too."""
    keys = np.array([devices[name] for name in ("crew-obu", "rivals-obu", "rsu-1")], np.int32)
    found: dict[str, Batch] = {}
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        prepare_schema(connection)
        connection.execute("INSERT INTO stream.batch (created) VALUES (now())")
        for seed, stream in enumerate((BSM, PARTICIPANT, SPAT, OBSERVATION)):
            found[stream.name] = _rows(stream, seed, keys)
            copy_rows(connection, f"stream.{stream.name}", found[stream.name], COLUMNS[stream.name])
        for stream in (BSM, PARTICIPANT, SPAT, OBSERVATION):
            connection.execute(f"ANALYZE stream.{stream.name}".encode())
    yield found
    drop_streams(place.database_url)


def _rows(stream: Stream, seed: int, keys: np.ndarray[Any, Any]) -> Batch:
    batch = rows_of(stream, ROWS if stream is BSM else 2_000, seed)
    batch = batch.with_columns(device_key=keys[batch["device_key"] - 1], batch_id=np.ones(len(batch), np.int64))
    if "vehicle_id" in batch.columns:
        ids = batch["vehicle_id"] % 500
        batch = batch.with_columns(vehicle_id=np.where(np.arange(len(batch)) % 9 == 0, np.uint64(OWN_ID), ids))
    return batch


@pytest.fixture(scope="module")
def ask(client: Client, stored: dict[str, Batch]) -> Ask:
    def asked(*streams: str, **wanted: object) -> dict[str, Any]:
        body = {"streams": streams, "purpose": "a test", "recipient": "crew", "format": "ndjson", **wanted}
        found: dict[str, Any] = client.people("POST", "exports", json=body)
        return found

    return asked


def content(client: Client, export: dict[str, Any], stream: str, offset: int = 0) -> bytes:
    return b"".join(client.pieces(f"/api/exports/{export['export_id']}/content/{stream}", offset=offset))


def lines(client: Client, export: dict[str, Any], stream: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content(client, export, stream).splitlines()]


def in_square(batch: Batch) -> np.ndarray[Any, Any]:
    """As PostgreSQL asks; NaN is nowhere."""
    latitude, longitude = batch["latitude_deg"], batch["longitude_deg"]
    is_north = (latitude >= SQUARE["south"]) & (latitude <= SQUARE["north"])
    found: np.ndarray[Any, Any] = is_north & (longitude >= SQUARE["west"]) & (longitude <= SQUARE["east"])
    return found


def test_the_mcap_read_back_by_its_reader_equals_the_database(client: Client, ask: Ask) -> None:
    export = ask("bsm", format="mcap", devices=["crew-obu"])
    reader = make_reader(io.BytesIO(content(client, export, "bsm")), validate_crcs=True)
    found = [json.loads(one.data) for _, _, one in reader.iter_messages(topics="/chelu/bsm", log_time_order=False)]
    stored = concatenate(list(client.stream("bsm", device="crew-obu")))
    assert len(found) == len(stored) > ROWS // 4
    for name, valid in ((name, stored.columns.get(f"{name}_valid")) for name in found[0] if name != "device_id"):
        values = stored[name].tolist()
        for row, (document, value) in enumerate(zip(_in_order(found), _in_order_of(stored, name, values), strict=True)):
            del row
            assert document[name] == value, (name, valid is None)


def _in_order(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(documents, key=lambda one: (one["time_us"], one["arrival_us"], one["vehicle_id"]))


def _in_order_of(stored: Batch, name: str, values: list[Any]) -> list[Any]:
    order = np.lexsort((stored["vehicle_id"], stored["arrival_us"], stored["time_us"])).tolist()
    valid = stored.columns.get(f"{name}_valid")
    return [None if valid is not None and not valid[row] else _plain(values[row], name) for row in order]


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else value if math.isfinite(value) else str(value).replace("inf", "Infinity")
    return f"{value:016x}" if name == "vehicle_id" else value


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "mcap"])
def test_what_was_interrupted_at_any_byte_goes_on_as_the_same_bytes(client: Client, ask: Ask, form: str) -> None:
    whole = content(client, ask("bsm", format=form), "bsm")
    export = ask("bsm", format=form)
    path, taken = f"/api/exports/{export['export_id']}/content/bsm", bytearray()
    for stop in (1, 5_000, len(whole) // 3, len(whole) // 2 + 17, len(whole) - 3, len(whole)):
        for piece in (pieces := client.pieces(path, offset=len(taken))):
            taken += piece
            if len(taken) >= stop:
                pieces.close()  # type: ignore[attr-defined]
                break
        del taken[stop:]
    assert bytes(taken) == whole
    assert content(client, export, "bsm", len(whole)) == b""
    if form == "parquet":
        assert pq.read_table(io.BytesIO(whole)).num_rows == ROWS
    with pytest.raises(RefusedError, match=r"offset = \d+ is not allowed: 0 …"):
        content(client, export, "bsm", len(whole) + 1)


def test_rows_are_chosen_by_device_area_and_time(
    client: Client, ask: Ask, stored: dict[str, Batch], devices: dict[str, int]
) -> None:
    bsm = stored["bsm"]
    from_us, to_us = START_US + 10**9, START_US + 2 * 10**9
    found = lines(client, ask("bsm", devices=["rsu-1"], area={"box": SQUARE}, from_us=from_us, to_us=to_us), "bsm")
    is_meant = in_square(bsm) & (bsm["time_us"] >= from_us) & (bsm["time_us"] < to_us) & (bsm["device_key"] == devices["rsu-1"])
    assert len(found) == is_meant.sum() > 50
    assert [row["time_us"] for row in found] == bsm["time_us"][is_meant].tolist()
    ring = [[SQUARE[x], SQUARE[y]] for x, y in (("west", "south"), ("east", "south"), ("east", "north"), ("west", "south"))]
    triangle = lines(client, ask("bsm", area={"polygon": {"type": "Polygon", "coordinates": [ring]}}), "bsm")
    assert 0.45 < len(triangle) / in_square(bsm).sum() < 0.55
    circle = lines(client, ask("bsm", area={"around": {"latitude_deg": 29.5, "longitude_deg": 106.5, "radius_m": 1000}}), "bsm")
    north = (bsm["latitude_deg"] - 29.5) * 110_850
    east = (bsm["longitude_deg"] - 106.5) * 96_970
    assert abs(len(circle) - (np.hypot(north, east) < 1000).sum()) <= 2


def test_rows_without_a_place_are_those_of_devices_that_stand_in_the_area(
    client: Client, ask: Ask, stored: dict[str, Batch], devices: dict[str, int]
) -> None:
    found = lines(client, ask("spat", area={"box": SQUARE}), "spat")
    assert len(found) == (stored["spat"]["device_key"] == devices["rsu-1"]).sum() > 100
    assert {row["device_id"] for row in found} == {"rsu-1"}


def test_others_vehicles_have_other_names_the_same_in_all_that_one_recipient_gets(
    client: Client, ask: Ask, stored: dict[str, Batch]
) -> None:
    crews, again = (lines(client, ask("bsm", "participant"), name) for name in ("bsm", "bsm"))
    rivals = lines(client, ask("bsm", recipient="rivals"), "bsm")
    assert crews == again
    real = {f"{one:016x}" for one in stored["bsm"]["vehicle_id"].tolist()}
    assert {row["device_id"] for row in crews} > {"crew-obu", "rsu-1"}
    assert "rivals-obu" not in json.dumps(crews)
    assert {row["device_id"] for row in rivals} > {"rivals-obu", "rsu-1"}
    from_own = [row["vehicle_id"] for row in crews if row["device_id"] == "crew-obu"]
    from_others = [row["vehicle_id"] for row in crews if row["device_id"] != "crew-obu"]
    assert set(from_own) <= real
    assert {one for one in from_others if one in real} == {f"{OWN_ID:016x}"}  # their own, whoever heard it
    mine = {row["vehicle_id"] for row in crews}
    theirs = {row["vehicle_id"] for row in rivals if row["device_id"] != "rivals-obu"}
    assert mine & theirs == set()
    assert len(set(from_others)) == len({row["vehicle_id"] for row in rivals if row["device_id"] != "rivals-obu"})


def test_in_a_private_zone_nothing_of_others_is_shown(
    client: Client, ask: Ask, stored: dict[str, Batch], devices: dict[str, int]
) -> None:
    polygon = {"type": "Polygon", "coordinates": [ZONE]}
    before = ask("bsm")
    client.people("PUT", "sites", SITE, "private-zones", "depot", json={"reason": "a depot", "polygon": polygon})
    try:
        export = ask("bsm")
        found = lines(client, export, "bsm")
    finally:
        client.people("DELETE", "sites", SITE, "private-zones", "depot")
    bsm = stored["bsm"]
    is_own = (bsm["device_key"] == devices["crew-obu"]) | (bsm["vehicle_id"] == OWN_ID)
    latitude, longitude = bsm["latitude_deg"], bsm["longitude_deg"]
    is_inside = (latitude > 29.50) & (latitude < 29.52) & (longitude > 106.50) & (longitude < 106.52)
    assert len(found) == ROWS - (is_inside & ~is_own).sum()
    assert (is_inside & ~is_own).sum() > 100
    (file,) = client.people("GET", "exports", str(export["export_id"]))["files"]
    assert (file["rows"], file["trimmed"]) == (len(found), ROWS - len(found))
    assert len(lines(client, before, "bsm")) == ROWS  # it was asked for before


def test_what_is_stored_later_is_in_no_export_that_was_asked_for_before(
    client: Client, ask: Ask, place: Place, stored: dict[str, Batch]
) -> None:
    export = ask("spat")
    first = content(client, export, "spat")
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO stream.batch (created) VALUES (now())")
        later = stored["spat"].with_columns(batch_id=np.full(len(stored["spat"]), 2))
        copy_rows(connection, "stream.spat", later, COLUMNS["spat"])
        try:
            assert content(client, export, "spat") == first
            assert len(lines(client, ask("spat"), "spat")) == 2 * len(stored["spat"])
        finally:
            connection.execute("DELETE FROM stream.spat WHERE batch_id = 2")


def test_rows_that_were_dropped_since_are_said(client: Client, ask: Ask, place: Place) -> None:
    export = ask("observation", format="csv")
    content(client, export, "observation")
    with psycopg.connect(place.database_url) as connection:
        connection.execute("DELETE FROM stream.observation WHERE ctid IN (SELECT ctid FROM stream.observation LIMIT 10)")
    with pytest.raises(RefusedError, match=r"part \d+ had \d+ rows and has \d+ now: stored rows were dropped"):
        content(client, export, "observation", 1)


def test_every_export_is_on_record(client: Client, ask: Ask, stored: dict[str, Batch]) -> None:
    export = ask("spat", purpose="phases for the planner")
    size = len(content(client, export, "spat"))
    (newest,) = client.people("GET", "exports", params={"limit": 1})["exports"]
    assert {name: newest[name] for name in ("export_id", "recipient", "purpose", "format")} == {
        "export_id": export["export_id"],
        "recipient": "crew",
        "purpose": "phases for the planner",
        "format": "ndjson",
    }
    (file,) = newest["files"]
    wanted = {"stream": "spat", "rows": len(stored["spat"]), "bytes": size, "is_complete": True, "fetches": 1}
    assert file.items() >= wanted.items()
    audit = list(client.audit(subject=str(export["export_id"])))
    assert [(entry["what"], entry["action"]) for entry in audit] == [
        ("export", "insert"),
        ("export_file", "insert"),
        ("export_file", "update"),
        ("export_file", "update"),
    ]
    assert audit[-1]["after"]["rows"] == len(stored["spat"])
    assert {entry["actor"] for entry in audit} == {client.me()["name"]}


BAD = [
    ({"streams": ["bms"]}, "streams", "'bms' is no stream; there are bsm"),
    ({"streams": ["bsm", "bsm"]}, "streams", "each stream once"),
    ({"format": "xlsx"}, "format", "'csv', 'ndjson', 'parquet' or 'mcap'"),
    ({"from_us": 5, "to_us": 5}, "to_us", "after from_us = 5"),
    ({"area": {"box": {**SQUARE, "south": 29.6}}}, "area.box", "south = 29.6 below north = 29.51"),
    ({"area": {"box": {**SQUARE, "west": 107.0}}}, "area.box", "west = 107.0 below east = 106.51"),
    ({"area": {"box": {**SQUARE, "north": 91}}}, "area.box.north", "less than or equal to 90"),
    ({"area": {}}, "area", "exactly one of box, around, polygon, not none"),
    (
        {"area": {"around": {"latitude_deg": 29.5, "longitude_deg": 106.5, "radius_m": 0}}},
        "area.around.radius_m",
        "greater than 0",
    ),
    (
        {"area": {"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]}}},
        "area.polygon.coordinates",
        "does not cross itself",
    ),
    ({"recipient": None}, "recipient", "you are of no team"),
    ({"purpose": ""}, "purpose", "at least 1 character"),
]


@pytest.mark.parametrize(
    ("wrong", "field", "allowed"), BAD, ids=[f"{field}-{number}" for number, (_, field, _) in enumerate(BAD)]
)
def test_what_cannot_be_exported_is_refused_by_name(
    place: Place, stored: dict[str, Batch], wrong: dict[str, Any], field: str, allowed: str
) -> None:
    body = {"streams": ["bsm"], "purpose": "a test", "recipient": "crew", **wrong}
    answer = httpx.post(f"{place.url}/api/exports", json=body, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 422
    assert any(fault["field"] == field and allowed in fault["allowed"] for fault in answer.json()["errors"]), answer.text


def _key_of(client: Client, name: str, **person: Any) -> str:
    client.people("POST", "users", json={"user_name": name, "password": "a long password", **person})
    return str(client.people("POST", "keys", json={"name": "k", "owner": name})["key"])


def test_a_team_gets_its_own_vehicles_data_and_nobody_elses(place: Place, client: Client, stored: dict[str, Batch]) -> None:
    with Client(place.url, _key_of(client, "crewman", team="crew")) as crewman:
        body = {"streams": ["bsm"], "purpose": "our own", "format": "ndjson"}
        export = crewman.people("POST", "exports", json=body)
        assert export["recipient"] == "crew"
        assert {row["device_id"] for row in lines(crewman, export, "bsm")} == {"crew-obu"}
        for wrong in ({"devices": ["rivals-obu"]}, {"devices": ["rsu-1"]}):
            with pytest.raises(RefusedError, match=f"needed is tester on site '{SITE}'"):
                crewman.people("POST", "exports", json={**body, **wrong})
        with pytest.raises(RefusedError, match="recipient = 'rivals' is not allowed: 'crew', your own team"):
            crewman.people("POST", "exports", json={**body, "recipient": "rivals"})
        everybodys = client.people("POST", "exports", json={**body, "recipient": "crew"})
        with pytest.raises(RefusedError, match="there is no export of yours"):
            content(crewman, everybodys, "bsm")


def test_whoever_loses_the_right_cannot_go_on(place: Place, client: Client, stored: dict[str, Batch]) -> None:
    roles = [{"site": SITE, "role": "tester"}]
    with Client(place.url, _key_of(client, "tess", roles=roles)) as tess:
        export = tess.people("POST", "exports", json={"streams": ["spat"], "purpose": "p", "recipient": "city", "site": SITE})
        assert content(tess, export, "spat")
        client.change_user("tess", {"roles": [{"site": SITE, "role": "viewer"}]})
        with pytest.raises(RefusedError, match="needed is tester"):
            content(tess, export, "spat")


def test_a_directory_holds_one_export_and_goes_on_with_it(client: Client, ask: Ask, tmp_path: Path) -> None:
    wanted = {"streams": ["bsm", "spat"], "purpose": "p", "recipient": "crew", "format": "csv"}
    export = api_exports.begin(client, tmp_path, wanted)
    whole = {name: content(client, export, name) for name in wanted["streams"]}
    (tmp_path / "bsm.csv.part").write_bytes(whole["bsm"][:12_345])
    sizes: list[int] = []
    again = api_exports.begin(client, tmp_path, wanted)
    files = api_exports.fetch(client, again, tmp_path, lambda name, size: sizes.append(size))
    assert again["export_id"] == export["export_id"]
    assert {file.name: file.read_bytes() for file in files} == {f"{name}.csv": it for name, it in whole.items()}
    assert sum(sizes) == len(whole["bsm"]) - 12_345 + len(whole["spat"])
    assert api_exports.fetch(client, again, tmp_path, lambda name, size: pytest.fail(name)) == files
    with pytest.raises(ConfigurationError, match="it has the files of export"):
        api_exports.begin(client, tmp_path, {**wanted, "format": "parquet"})


def test_what_a_full_disk_stopped_goes_on_where_there_is_room(
    client: Client, ask: Ask, small_disk: SmallDisk, tmp_path: Path
) -> None:
    wanted = {"streams": ["bsm"], "purpose": "p", "recipient": "crew", "format": "csv"}
    export = api_exports.begin(client, small_disk.path / "out", wanted)
    with pytest.raises(ConfigurationError, match=r"one with room \(No space left on device\); the same command goes on"):
        api_exports.fetch(client, export, small_disk.path / "out", lambda name, size: None)
    assert 0 < (small_disk.path / "out" / "bsm.csv.part").stat().st_size <= SIZE_BYTES
    shutil.copytree(small_disk.path / "out", tmp_path / "out")
    again = api_exports.begin(client, tmp_path / "out", wanted)
    (file,) = api_exports.fetch(client, again, tmp_path / "out", lambda name, size: None)
    assert (again["export_id"], file.read_bytes()) == (export["export_id"], content(client, export, "bsm"))


def test_a_partial_file_that_is_longer_than_the_whole_is_no_whole_file(client: Client, ask: Ask, tmp_path: Path) -> None:
    wanted = {"streams": ["spat"], "purpose": "p", "recipient": "crew", "format": "csv"}
    export = api_exports.begin(client, tmp_path, wanted)
    (tmp_path / "spat.csv.part").write_bytes(b"x" * 10_000_000)
    with pytest.raises(RefusedError, match=r"offset = 10000000 is not allowed: 0 … \d+, the file's bytes"):
        api_exports.fetch(client, export, tmp_path, lambda name, size: pytest.fail(name))
    assert not (tmp_path / "spat.csv").exists()


def test_another_key_for_pseudonyms_ends_what_was_asked_for_under_the_first(client: Client, ask: Ask, place: Place) -> None:
    export = ask("spat")
    with psycopg.connect(place.database_url) as connection:
        connection.execute("DELETE FROM register.pseudonym_key")
    with pytest.raises(RefusedError, match="the key for pseudonyms is another one"):
        content(client, export, "spat")
    assert content(client, ask("spat"), "spat")


def test_the_catalogue_says_of_every_stream_what_it_holds_whose_it_is_and_how_much_there_is(
    client: Client, stored: dict[str, Batch]
) -> None:
    found = {entry["stream"]: entry for entry in client.people("GET", "streams")}
    assert set(found) == set(STREAMS)
    units = {field["name"]: field["unit"] for field in found["bsm"]["fields"]}
    assert (units["speed_mps"], units["time_us"], "arrival_us" in units) == ("m/s", "µs", True)
    (site,) = (one for one in found["bsm"]["sites"] if one["site"] == SITE)
    first = datetime.datetime.fromtimestamp(int(stored["bsm"]["time_us"][0]) / 1e6, datetime.UTC)
    assert (site["owner"], site["devices"], site["quality"]) == ("city", 3, None)
    assert abs(datetime.datetime.fromisoformat(site["first"]) - first) < datetime.timedelta(milliseconds=1)
    assert site["first"] < site["last"]
    (nothing,) = (one for one in found["traffic"]["sites"] if one["site"] == SITE)
    assert (nothing["devices"], nothing["first"], nothing["hours"]) == (0, None, 0)


def test_the_last_days_hours_with_rows_are_counted(
    client: Client, stored: dict[str, Batch], devices: dict[str, int], place: Place
) -> None:
    sql = """INSERT INTO stream.observation (time, arrival, device_key, batch_id, flags, quantity)
        SELECT now() - hours * interval '1 hour' - interval '10 minutes', now(), %s, 1, 0, 1 FROM unnest(ARRAY[0, 2, 2, 23, 24])
            AS hours"""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(sql, (devices["rsu-2"],))
    (entry,) = (entry for entry in client.people("GET", "streams") if entry["stream"] == "observation")
    (site,) = (one for one in entry["sites"] if one["site"] == SITE)
    assert (site["hours"], site["devices"]) == (3, 4)


def test_retention_is_set_shown_and_given_back(client: Client, stored: dict[str, Batch]) -> None:
    (bsm,) = (one for one in client.people("GET", "retention") if one["stream"] == "bsm")
    assert (bsm["is_set"], bsm["is_known"]) == (False, False)  # no ingest has looked yet
    changed = client.people("PUT", "retention", "bsm", json={"keep_hours": 72})
    assert (changed["is_set"], changed["keep_hours"]) == (True, 72)
    for_ever = client.people("PUT", "retention", "bsm", json={"keep_hours": None})
    assert (for_ever["is_set"], for_ever["keep_hours"]) == (True, None)
    client.people("DELETE", "retention", "bsm")
    assert not any(one["is_set"] for one in client.people("GET", "retention"))
    changes = [(entry["action"], entry["after"] and entry["after"]["keep_hours"]) for entry in client.audit(what="retention")]
    assert changes == [("insert", 72), ("update", None), ("delete", None)]
    for hours in (0, 87_601, "long"):
        with pytest.raises(RefusedError, match="keep_hours = "):
            client.people("PUT", "retention", "bsm", json={"keep_hours": hours})
    with pytest.raises(RefusedError, match="there is no stream 'bms'"):
        client.people("PUT", "retention", "bms", json={"keep_hours": 1})
