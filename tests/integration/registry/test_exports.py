"""Exports from a real database through a real registry: the rows however interrupted, and the record."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import httpx
import numpy as np
import psycopg
import pyarrow.parquet as pq
import pytest
from mcap.reader import make_reader

from chelu.api import Client
from chelu.errors import RefusedError
from chelu.messages import Batch, concatenate
from chelu.store import copy_rows
from services.ingest.tables import COLUMNS
from tests.integration.registry.conftest import KEY, Place
from tests.integration.registry.fix_exports import ROWS, Ask, ask, content, devices, lines, stored
from tests.unit.registry.rows_of_streams import START_US

__all__ = ["ask", "devices", "stored"]

SQUARE = {"west": 106.49, "east": 106.51, "south": 29.49, "north": 29.51}


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
