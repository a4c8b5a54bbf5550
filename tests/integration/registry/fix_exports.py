"""What tests of exports share: three devices' rows in a real database, and who asks for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from chelu.api import Client, NewDevice, Organisation
from chelu.messages import BSM, OBSERVATION, PARTICIPANT, SPAT, Batch, Stream
from chelu.store import copy_rows
from chelu.topics import Kind
from services.ingest.tables import COLUMNS, prepare_schema
from tests.fix_database import drop_streams
from tests.integration.registry.conftest import SITE, Place
from tests.unit.registry.rows_of_streams import rows_of

ROWS = 40_000  # several pages of every format
OWN_ID = 0xFFEE_DDCC_BBAA_9988  # has its highest bit set, as ids may
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
