"""Inference as a process behind a real broker and a real database: from a vehicle's message to the other's warning and a row."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from chelu.bus import Received, Session
from chelu.clock import SystemClock
from chelu.codec import columns, cv2x
from chelu.geo import LocalFrame
from chelu.messages import BSM, Batch
from chelu.roads import sumo
from chelu.roads.network import Kind, User
from chelu.store import Database, migrate
from tests.fix_broker import RunningBroker
from tests.waiting import until

ROOT = Path(__file__).parents[3]
FRAME = LocalFrame(29.55, 106.57, 250.0)
SITE = "north"
PERIOD_S = 0.1


@dataclass(slots=True)
class Running:
    """The process and its surroundings."""

    process: subprocess.Popen[bytes]
    broker: RunningBroker
    database_url: str
    log: Path


@pytest.fixture
def registered(database_url: str) -> str:
    """A database with a site, two vehicles' units and a roadside unit."""
    with Database(database_url).connect(autocommit=True) as connection:
        migrate(connection, "register", ROOT / "services" / "registry" / "migrations")
        connection.execute(
            "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg, elevation_m)"
            " VALUES (%s, 'North', 29.55, 106.57, 250)",
            (SITE,),
        )
        for name, kind in (("obu-1", "obu"), ("obu-2", "obu"), ("rsu-1", "rsu")):
            connection.execute("INSERT INTO register.device (device_id, kind, site_id) VALUES (%s, %s, %s)", (name, kind, SITE))
    return database_url


@pytest.fixture
def inference(registered: str, broker: RunningBroker, tmp_path: Path) -> Iterator[Running]:
    """`python -m services.inference`, ready; it must end with code 0 on SIGTERM."""
    ready, log = tmp_path / "ready", tmp_path / "inference.log"
    environment = {
        **os.environ,
        "CHELU_DATABASE_URL": registered,
        "CHELU_MQTT_URL": broker.url,
        "CHELU_READY_FILE": str(ready),
        "CHELU_INFERENCE_CLIENT_ID": f"inference-{tmp_path.name}"[:60],
    }
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "services.inference"], cwd=ROOT, env=environment, stderr=output)
    try:
        until(lambda: ready.exists() or process.poll() is not None, 20, "inference to be ready")
        assert process.poll() is None, log.read_text()
        yield Running(process, broker, registered, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def client(broker: RunningBroker) -> Iterator[Session]:
    """Vehicles, roadside units and a console in one session."""
    filters = [
        *((f"{kind}/+/warning/down", 1) for kind in ("obu", "rsu", "rscu")),
        (f"site/{SITE}/picture", 0),
        (f"city/{SITE}/state", 0),
        (f"city/{SITE}/findings", 0),
    ]
    session = Session(broker.url, client_id="test-vehicles", clock=SystemClock(), subscriptions=filters)
    session.start()
    session.wait_connected(10)
    yield session
    session.stop()


def _frames(
    places: np.ndarray, headings: list[float], speed: float, tick: int, *, ago_s: float = 0.0, up: float = 0.0
) -> list[bytes]:
    """One BSM per vehicle, of now."""
    n = len(places)
    base = {name: np.zeros(n, dtype) for name, dtype in BSM.dtypes().items()}
    for name, column in base.items():
        if column.dtype.kind == "f":
            base[name] = np.full(n, np.nan)
    now_us = time.time_ns() // 1000 - round(ago_s * 1e6)
    latitude, longitude, elevation = FRAME.to_geodetic(places)
    batch = Batch(base).with_columns(
        time_us=np.full(n, now_us, np.int64),
        sec_mark_ms=np.full(n, now_us // 1000 % 60000, np.uint16),
        message_count=np.full(n, tick % 128, np.uint8),
        vehicle_id=np.array([0xA1, 0xB2][:n], np.uint64),
        latitude_deg=latitude,
        longitude_deg=longitude,
        elevation_m=elevation + up * np.arange(n),
        speed_mps=np.full(n, speed),
        heading_deg=np.array(headings),
        acceleration_longitudinal_mps2=np.zeros(n),
        acceleration_lateral_mps2=np.zeros(n),
        acceleration_vertical_mps2=np.zeros(n),
        yaw_rate_dps=np.zeros(n),
        width_m=np.full(n, 1.8),
        length_m=np.full(n, 4.6),
        vehicle_class=np.full(n, 10, np.uint8),
        vehicle_class_valid=np.ones(n, bool),
        transmission=np.full(n, 2, np.uint8),
        transmission_valid=np.ones(n, bool),
    )
    frames = cv2x.encode_bsm(batch)
    return [frames.frame(index) for index in range(n)]


def _drive(
    client: Session, publish: Callable[[list[bytes]], None], *, seconds: float = 4.0, ago_s: float = 0.0, up: float = 0.0
) -> list[Received]:
    """Two vehicles that will meet at the origin in 4 s, at 10 Hz; what came back meanwhile."""
    began, received = time.monotonic(), []
    for tick in range(round(seconds / PERIOD_S)):
        left = 14.0 * (4.0 - (time.monotonic() - began))
        places = np.array([[0.0, -left, 0.0], [-left, 0.0, 0.0]])
        publish(_frames(places, [0.0, 90.0], 14.0, tick, ago_s=ago_s, up=up))
        due = began + (tick + 1) * PERIOD_S
        while (wait := due - time.monotonic()) > 0:
            received += client.drain(100, wait)
    return received


def _warnings(received: list[Received]) -> list[tuple[str, dict[str, Any]]]:
    return [(one.topic, json.loads(one.payload)) for one in received if one.topic.endswith("/warning/down")]


def _by_own_units(client: Session) -> Callable[[list[bytes]], None]:
    def publish(frames: list[bytes]) -> None:
        for name, frame in zip(("obu-1", "obu-2"), frames, strict=True):
            client.publish(f"obu/{name}/bsm/up", frame)

    return publish


def test_two_vehicles_in_conflict_are_both_warned_in_time_and_stored(inference: Running, client: Session) -> None:
    found = _warnings(_drive(client, _by_own_units(client)))
    raised = [(topic, one) for topic, one in found if one["state"] == "raised"]
    assert {topic for topic, _ in raised} == {"obu/obu-1/warning/down", "obu/obu-2/warning/down"}
    for _, one in raised:
        assert one["application"] == "icw"
        assert one["ttc_s"] > 1.4
        assert one["time_us"] - one["cause"]["arrival_us"] < 500_000
        assert one["cause"]["device_id"] in {"obu-1", "obu-2"}
    until(lambda: _rows(inference)[0][1] == 2, 10, "the warnings to be cleared and stored")
    states = dict(_rows(inference, "state"))
    assert states["raised"] == states["cleared"] == 2
    with psycopg.connect(inference.database_url) as connection:
        rows = connection.execute(
            "SELECT extract(epoch FROM published - arrival), time <= arrival, device_key IS NOT NULL FROM city.warning"
            " WHERE state = 'raised'"
        ).fetchall()
    assert all(0 < float(took) < 0.5 and ordered and addressed for took, ordered, addressed in rows)


def _rows(inference: Running, by: str = "state") -> list[tuple[str, int]]:
    query = f"SELECT {by}, count(*) FROM city.warning GROUP BY 1 ORDER BY {by} = 'cleared' DESC"
    with psycopg.connect(inference.database_url) as connection:
        return connection.execute(query).fetchall() or [("", 0)]


def test_vehicles_that_only_a_roadside_unit_hears_are_warned_through_it(inference: Running, client: Session) -> None:
    def publish(frames: list[bytes]) -> None:
        for frame in frames:
            client.publish("rsu/rsu-1/bsm/up", frame)

    found = [(topic, one) for topic, one in _warnings(_drive(client, publish)) if one["state"] == "raised"]
    assert {topic for topic, _ in found} == {"rsu/rsu-1/warning/down"}
    assert {one["host"]["vehicle_id"] for _, one in found} == {f"{0xA1:016x}", f"{0xB2:016x}"}


def test_strangers_rubbish_and_stacked_decks_warn_nobody_and_stop_nothing(inference: Running, client: Session) -> None:
    def publish(frames: list[bytes]) -> None:
        client.publish("obu/stranger-1/bsm/up", frames[0])
        client.publish("obu/obu-2/bsm/up", frames[1])
        for payload in (b"", b"\x00", b"\xff" * 200, frames[0][:-5], frames[0] + b"\x00" * 50, os.urandom(60)):
            client.publish("obu/obu-1/bsm/up", payload)
            client.publish("rsu/rsu-1/spat/up", payload)

    assert _warnings(_drive(client, publish)) == []
    assert _warnings(_drive(client, _by_own_units(client), up=7.0)) == []
    assert inference.process.poll() is None
    assert _warnings(_drive(client, _by_own_units(client)))


def test_the_picture_shows_the_vehicles(inference: Running, client: Session) -> None:
    received = _drive(client, _by_own_units(client), seconds=1.5)
    pictures = [columns.unpack(one.payload) for one in received if one.topic == f"site/{SITE}/picture"]
    assert len(pictures) >= 3  # ten a second, less on a busy machine
    batch, header = pictures[-1]
    assert header["site"] == SITE
    assert sorted(batch["key"].tolist()) == [0xA1, 0xB2]
    assert (batch["age_ms"] < 1000).all()


def test_a_device_registered_while_inference_runs_is_heard(inference: Running, client: Session) -> None:
    with psycopg.connect(inference.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO register.device (device_id, kind, site_id) VALUES ('obu-3', 'obu', %s)", (SITE,))

    def is_seen() -> bool:
        client.publish("obu/obu-3/bsm/up", _frames(np.array([[5.0, 5.0, 0.0]]), [0.0], 3.0, 0)[0])
        received = client.drain(100, 0.1)
        pictures = [columns.unpack(one.payload)[0] for one in received if one.topic.endswith("picture")]
        return any(len(picture) for picture in pictures)

    until(is_seen, 10, "the new device to be in the picture")


SET = """INSERT INTO register.site_parameters (site_id, version, own) VALUES (%s, %s, %s)
    ON CONFLICT (site_id) DO UPDATE SET version = excluded.version, own = excluded.own"""
GOES_BY = """SELECT parameters_version, parameters_refused, parameters FROM city.judging
    WHERE parameters_version = %s OR parameters_refused LIKE %s ORDER BY time DESC LIMIT 1"""


def test_parameters_changed_while_inference_runs_count_from_its_next_evaluation_on(inference: Running, client: Session) -> None:
    def put(version: int, own: dict[str, dict[str, float]]) -> tuple[int, str, dict[str, Any]]:
        """What inference tells of it, once it does."""
        with psycopg.connect(inference.database_url, autocommit=True) as connection:
            connection.execute(SET, (SITE, version, json.dumps(own)))
            told = until(lambda: connection.execute(GOES_BY, (version, f"version {version} %")).fetchone(), 10, "its word on it")
        assert told
        return told

    assert put(1, {"icw": {"is_on": 0.0}}) == (1, "", {"icw": {"is_on": 0.0}})
    assert _warnings(_drive(client, _by_own_units(client))) == []
    assert put(2, {}) == (2, "", {})
    assert {one["application"] for _, one in _warnings(_drive(client, _by_own_units(client)))} == {"icw"}
    version, refused, own = put(3, {"icw": {"horizon_s": 40.0}})
    assert (version, own) == (2, {})
    assert refused == "version 3 of site north's parameters: horizon_s = 40.0 is not allowed: a number from 0.0 to 4.0"
    assert _warnings(_drive(client, _by_own_units(client)))
    assert inference.process.poll() is None


def test_the_database_away_delays_no_warning_and_loses_no_row(inference: Running, client: Session, database_server) -> None:
    name = inference.database_url.rpartition("/")[2]
    with psycopg.connect(database_server.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        found = _warnings(_drive(client, _by_own_units(client)))
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert {topic for topic, one in found if one["state"] == "raised"} == {"obu/obu-1/warning/down", "obu/obu-2/warning/down"}
    until(lambda: dict(_rows(inference)).get("raised") == 2, 20, "the rows to be stored")


def test_a_vehicle_on_a_road_gives_segment_rows_and_a_new_network_is_taken_over(inference: Running, client: Session) -> None:
    content = (ROOT / "simulators" / "data" / "district.net.xml.gz").read_bytes()
    with psycopg.connect(inference.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO register.road_network (site_id, version, format, content) VALUES (%s, 1, 'sumo', %s)", (SITE, content)
        )
    network = sumo.read(content)
    is_road = (network.lane_kind() == Kind.ROAD) & (network.lanes.users & User.CAR > 0) & (network.lanes.length_m > 150)
    start, end = network.lanes.shape[int(np.flatnonzero(is_road)[0])][:2]
    heading = float(np.degrees(np.arctan2(*(end - start)[:2])) % 360)
    began = time.monotonic()
    states: list[tuple[Batch, dict[str, Any]]] = []

    def rows() -> list[tuple[float, float]]:
        way = 2.0 * (time.monotonic() - began) % 20.0
        place = start + (end - start) / np.linalg.norm(end - start) * way
        client.publish("obu/obu-1/bsm/up", _frames(place[None], [heading], 2.0, 0)[0])
        states.extend(columns.unpack(one.payload) for one in client.drain(100, PERIOD_S) if one.topic == f"city/{SITE}/state")
        with psycopg.connect(inference.database_url) as connection:
            return connection.execute("SELECT mean_speed_mps, vehicles FROM city.segment_state WHERE vehicles > 0.8").fetchall()

    (speed, vehicles), *_ = until(rows, 20, "a row of the segment")
    assert speed == pytest.approx(2.0, abs=0.1)
    assert vehicles == pytest.approx(1.0, abs=0.2)
    until(lambda: rows() and states, 20, "a message of traffic state")
    state, header = states[-1]
    assert (header["site"], header["period_s"]) == (SITE, 5)
    assert "segment" in state["scope"]


def test_what_is_missing_is_said_in_one_sentence() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHELU_")}
    ended = subprocess.run(
        [sys.executable, "-m", "services.inference"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "CHELU_DATABASE_URL is not set" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
