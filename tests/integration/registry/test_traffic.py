"""What was lost on the way, from heartbeats and rows as they stand in the database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import numpy as np
import psycopg
import pytest

from chelu.api import Client
from chelu.store import copy_rows
from services.ingest.tables import COLUMNS, prepare_schema
from tests.fix_database import drop_streams
from tests.integration.registry.conftest import AddDevice, Place
from tests.unit.ingest.crafted import bsm_batch

RATE_HZ, SECONDS = 10, 20
BEAT = "INSERT INTO stream.report VALUES (to_timestamp(%s), to_timestamp(%s), %s, 0, 0, 'heartbeat', '', %s)"


@pytest.fixture
def stream(place: Place, client: Client) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        prepare_schema(connection)
        yield connection
    drop_streams(place.database_url)


def test_what_a_reader_takes_up_at_once_after_a_stall_is_not_lost(
    client: Client, add_device: AddDevice, stream: psycopg.Connection[tuple[object, ...]]
) -> None:
    """A device speaks for 20 s with a heartbeat at 5, 6, 15 and 20 s; all of the first 10 s has one arrival, as has the rest."""
    key, began = add_device("stalled").device_key, int(time.time()) - SECONDS - 10
    sent = bsm_batch(RATE_HZ * SECONDS)
    said_us = began * 1_000_000 + np.arange(RATE_HZ * SECONDS, dtype=np.int64) * (1_000_000 // RATE_HZ)
    arrival_us = np.where(said_us < (began + 10) * 1_000_000, began + 10, began + SECONDS) * 1_000_000
    devices = np.full(RATE_HZ * SECONDS, key, np.int32)
    rows = sent.with_columns(
        time_us=said_us, arrival_us=arrival_us, device_key=devices, batch_id=np.ones_like(said_us), flags=np.zeros_like(devices)
    )
    series = prepare_schema(stream)
    series["bsm"].ensure(stream, said_us, now_us=began * 1_000_000)
    copy_rows(stream, "stream.bsm", rows, COLUMNS["bsm"])
    for second, arrival in ((6, 10), (5, 10), (15, SECONDS), (SECONDS, SECONDS)):
        body = json.dumps({"start_id": "a", "sent": {"bsm": second * RATE_HZ}})
        stream.execute(BEAT, (began + second - 0.05, began + arrival, key, body))
    bsm = client.traffic(seconds=600)["streams"]["bsm"]
    assert bsm["sent"] == RATE_HZ * (SECONDS - 5)
    assert bsm["in_transit"] == 0
