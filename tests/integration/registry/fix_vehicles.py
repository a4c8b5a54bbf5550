"""Vehicles that say how they are driven, and what the registry and its database have of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from chelu.api import Client, NewDevice, Organisation
from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.local.ports import LOOPBACK
from chelu.messages import HEADER, Batch, Stream
from chelu.store import copy_rows
from chelu.topics import Kind
from services.ingest.tables import COLUMNS, prepare_schema
from tests.integration.registry.conftest import SITE, Place
from tests.integration.registry.fix_at_broker import Send

S = 1_000_000


class Vehicle:
    """A vehicle that says how it is driven."""

    def __init__(self, place: Place, name: str, secret: str, kind: Kind) -> None:
        url = f"mqtt://{name}:{secret}@{LOOPBACK}:{place.broker_port}"
        self.topic = f"{kind}/{name}/mode/up"
        self.session = Session(url, client_id=name, clock=SystemClock())
        self.session.start()
        self.session.wait_connected(10)

    def say(self, mode: str | None = None, *, at_us: int | None = None, payload: bytes | None = None, **word: Any) -> int:
        time_us = at_us or time.time_ns() // 1000
        document = json.dumps({"time_us": time_us, "mode": mode, **word}).encode() if payload is None else payload
        assert self.session.publish(self.topic, document, qos=1).wait(5)
        return time_us


@pytest.fixture(scope="module")
def car(place: Place, client: Client, send: Send) -> Iterator[Vehicle]:
    """A car of a team with an OBU, which speaks for it; and a delivery robot that speaks for itself."""
    client.add_organisation(Organisation(organisation_id="crew", role="vehicle team"))
    vehicle = NewDevice(device_id="car", kind=Kind.VEHICLE, site_id=SITE, team="crew", vehicle_kind="car", credential=False)
    obu = NewDevice(device_id="car-obu", kind=Kind.OBU, site_id=SITE, on_vehicle="car")
    client.add_devices([vehicle])
    vehicle = Vehicle(place, "car-obu", client.add_devices([obu])[0].secret or "", Kind.OBU)  # type: ignore[assignment]
    yield vehicle  # type: ignore[misc]
    vehicle.session.stop()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def robot(place: Place, client: Client, car: Vehicle) -> Iterator[Vehicle]:
    made = NewDevice(device_id="robot", kind=Kind.VEHICLE, site_id=SITE, team="crew", vehicle_kind="delivery robot")
    robot = Vehicle(place, "robot", client.add_devices([made])[0].secret or "", Kind.VEHICLE)
    yield robot
    robot.session.stop()


@pytest.fixture(scope="module")
def streams(place: Place, client: Client) -> None:
    """The tables that ingest makes."""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        prepare_schema(connection)


def alarms(place: Place, subject: str) -> set[str]:
    with psycopg.connect(place.database_url) as connection:
        rows = connection.execute("SELECT kind FROM register.alarm WHERE state = 'raised' AND subject = %s", (subject,))
        return {str(kind) for (kind,) in rows.fetchall()}


def state(send: Send, vehicle: str) -> dict[str, Any]:
    found: dict[str, Any] = next((row for row in send("GET", "vehicles") if row["vehicle"] == vehicle), {})
    return found


def events(send: Send, vehicle: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = send("GET", "events", params={"vehicle": vehicle, "limit": 10_000})["events"]
    return found


def device_key(place: Place, device_id: str) -> int:
    with psycopg.connect(place.database_url) as connection:
        row = connection.execute("SELECT device_key FROM register.device WHERE device_id = %s", (device_id,)).fetchone()
    assert row is not None
    return int(row[0])


def stored(place: Place, stream: Stream, times_us: list[int], key: int, **columns: Any) -> None:
    """Rows of a stream as ingest would have stored them: floats not given are NaN."""
    count = len(times_us)
    types = {**Stream("header", "", HEADER).dtypes(), **stream.dtypes()}
    made = {name: np.full(count, np.nan if dtype.kind == "f" else 0, dtype) for name, dtype in types.items()}
    made |= {"time_us": np.array(times_us), "arrival_us": np.array(times_us), "device_key": np.full(count, key, np.int32)}
    made |= {"details": np.full(count, None, object), "frame": np.full(count, b"", object)}
    made |= {name: np.broadcast_to(np.asarray(value, types[name]), count) for name, value in columns.items()}
    with psycopg.connect(place.database_url) as connection:
        copy_rows(connection, f"stream.{stream.name}", Batch(made), COLUMNS[stream.name])


def reported(place: Place, device_id: str, at_us: int, mode: str, cause: str | None = None) -> None:
    """A word as ingest would have stored it."""
    body = json.dumps({"time_us": at_us, "mode": mode, "cause": cause})
    with psycopg.connect(place.database_url) as connection:
        connection.execute(
            """INSERT INTO stream.report (time, arrival, device_key, batch_id, flags, stream, topic, body)
                VALUES (to_timestamp(%s), to_timestamp(%s), %s, 1, 0, 'mode', '', %s)""",
            (at_us / 1e6, at_us / 1e6, device_key(place, device_id), body),
        )
