"""From a vehicle's message to the other's warning: `python -m evaluation.bench.warning --vehicles 300 --seconds 10`.

Starts a database, a broker and inference, and speaks for all vehicles at 10 Hz from frames encoded beforehand over one plain
socket, so that the load costs next to nothing. A tenth of the vehicles drive in pairs whose ways cross every 8 s. The time counts
from handing the causing message to the socket until a subscriber has the warning, for warnings that are raised.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.local import postgres
from chelu.local.broker import find_mosquitto
from chelu.local.mosquitto import Configuration, program
from chelu.local.ports import LOOPBACK, free_port
from chelu.local.supervisor import Supervisor
from chelu.messages import BSM, Batch
from chelu.store import Database, migrate
from services.inference.reports import Floats

ROOT = Path(__file__).parents[2]
FRAME = LocalFrame(29.55, 106.57, 250.0)
SPEED_MPS, CYCLE_S, SPACE_M, PARTS, TICK_S = 14.0, 8.0, 130.0, 20, 0.1
PAIR_EVERY = 20


@dataclass(frozen=True, slots=True)
class Send:
    """What goes out at one instant: vehicle ids and the MQTT bytes of all their messages."""

    due_us: int
    tick: int
    vehicles: list[int]
    data: bytes


def main(arguments: list[str] | None = None) -> None:
    """Print percentiles in ms."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.bench.warning", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--vehicles", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args(arguments)
    took = measure(options.vehicles, options.seconds)
    if not len(took):
        sys.exit("no warning came back")
    middle, most, worst = np.percentile(took, [50, 95, 99])
    print(f"{options.vehicles} vehicles × 10 Hz, {len(took)} warnings: p50 {middle:.1f}, p95 {most:.1f}, p99 {worst:.1f} ms")


def measure(vehicles: int, seconds: float) -> Floats:
    """Milliseconds from message to warning, one per warning raised."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chelu-")))
        work.chmod(0o711)
        supervisor = stack.enter_context(_supervisor())
        database_url, port = _database(supervisor, work, vehicles), _broker(supervisor, work)
        stack.enter_context(_inference(database_url, port, work))
        client = Session(
            f"mqtt://{LOOPBACK}:{port}", client_id="judge", clock=SystemClock(), subscriptions=[("obu/+/warning/down", 1)]
        )
        client.start()
        stack.callback(client.stop)
        client.wait_connected(10)
        sends = plan(vehicles, seconds, start_us=time.time_ns() // 1000 + round((2 + vehicles * seconds * 6e-4) * 1e6))
        return _run(sends, client, port)


def plan(vehicles: int, seconds: float, *, start_us: int) -> list[Send]:
    """All messages, encoded: each tick's vehicles in `PARTS` groups, evenly over the tick."""
    random = np.random.default_rng(1)
    groups = np.array_split(random.permutation(vehicles), PARTS)
    phase = random.uniform(0, CYCLE_S, (vehicles + 1) // 2)
    sends = []
    for tick in range(round(seconds / TICK_S)):
        due = np.empty(vehicles, np.int64)
        for part, group in enumerate(groups):
            due[group] = start_us + round((tick + part / PARTS) * TICK_S * 1e6)
        frames = cv2x.encode_bsm(_bsm(tick, due, phase))
        for group in groups:
            packets = [_packet(f"obu/obu-{one + 1}/bsm/up", frames.frame(one)) for one in group.tolist()]
            sends.append(Send(int(due[group[0]]), tick, (group + 1).tolist(), b"".join(packets)))
    return sends


def _bsm(tick: int, due_us: np.ndarray[tuple[int], np.dtype[np.int64]], phase_s: Floats) -> Batch:
    n = len(due_us)
    number = np.arange(n)
    pair, is_second = number // 2, number % 2 == 1
    crosses = is_second & (pair % (PAIR_EVERY // 2) == 0)
    left = SPEED_MPS * (CYCLE_S / 2 - np.mod(tick * TICK_S + phase_s[pair], CYCLE_S))
    columns = int(np.ceil(np.sqrt(n)))
    east, north = (pair % columns) * SPACE_M, (pair // columns) * SPACE_M + np.where(is_second & ~crosses, 30.0, 0.0)
    xyz = np.stack([np.where(crosses, east - left, east), np.where(crosses, north, north - left), np.zeros(n)], axis=1)
    latitude, longitude, elevation = FRAME.to_geodetic(xyz)
    base = {name: np.full(n, np.nan) if kind.kind == "f" else np.zeros(n, kind) for name, kind in BSM.dtypes().items()}
    still = ("acceleration_longitudinal_mps2", "acceleration_lateral_mps2", "acceleration_vertical_mps2", "yaw_rate_dps")
    return Batch(base | dict.fromkeys(still, np.zeros(n))).with_columns(
        time_us=due_us,
        sec_mark_ms=(due_us // 1000 % 60000).astype(np.uint16),
        message_count=np.full(n, tick % 128, np.uint8),
        vehicle_id=(number + 1).astype(np.uint64),
        latitude_deg=latitude,
        longitude_deg=longitude,
        elevation_m=elevation,
        speed_mps=np.full(n, SPEED_MPS),
        heading_deg=np.where(crosses, 90.0, 0.0),
        length_m=np.full(n, 4.6),
        width_m=np.full(n, 1.8),
        vehicle_class=np.full(n, 10, np.uint8),
        vehicle_class_valid=np.ones(n, np.bool_),
        transmission_valid=np.ones(n, np.bool_),
    )


def _run(sends: list[Send], client: Session, port: int) -> Floats:
    sent_us: dict[tuple[int, int], int] = {}
    took_ms: list[float] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            for message in client.drain(1000, 0.1):
                warning = json.loads(message.payload)
                cause = (int(warning["cause"]["vehicle_id"], 16), warning["cause"]["message_count"])
                if warning["state"] == "raised" and cause in sent_us:
                    took_ms.append((message.arrival_us - sent_us[cause]) / 1e3)

    reader = threading.Thread(target=read)
    reader.start()
    with _connected(port) as link:
        for send in sends:
            time.sleep(max(0.0, (send.due_us - time.time_ns() // 1000) / 1e6))
            now_us = time.time_ns() // 1000
            sent_us |= {(vehicle, send.tick % 128): now_us for vehicle in send.vehicles}
            link.sendall(send.data)
        time.sleep(1.0)
    is_over.set()
    reader.join()
    return np.array(took_ms)


@contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    """A socket that has said MQTT 3.1.1 CONNECT and heard yes."""
    body = b"\x00\x04MQTT\x04\x02" + struct.pack(">HH", 600, 4) + b"load"
    with socket.create_connection((LOOPBACK, port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(b"\x10" + _length(len(body)) + body)
        if link.recv(4)[3]:
            sys.exit("the broker refused the load's connection")
        yield link


def _packet(topic: str, payload: bytes) -> bytes:
    """A PUBLISH of QoS 0."""
    body = struct.pack(">H", len(topic)) + topic.encode() + payload
    return b"\x30" + _length(len(body)) + body


def _length(count: int) -> bytes:
    """MQTT's variable byte integer."""
    low, high = count % 128, count // 128
    return bytes([low | 0x80]) + _length(high) if high else bytes([low])


@contextmanager
def _supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor(SystemClock())
    try:
        yield supervisor
    finally:
        supervisor.close()


def _database(supervisor: Supervisor, work: Path, vehicles: int) -> str:
    cluster = postgres.prepare(work / "postgres", port=free_port(), password=secrets.token_hex(8))
    supervisor.start(postgres.program(cluster, log=work / "postgres.log", settings={"fsync": "off"}))
    database = Database(cluster.url_of("postgres"))
    database.wait(timeout_s=30, clock=SystemClock())
    with database.connect(autocommit=True) as connection:
        migrate(connection, "register", ROOT / "services" / "registry" / "migrations")
        connection.execute(
            "INSERT INTO register.site (site_id, name, latitude_deg, longitude_deg) VALUES ('s', 's', 29.55, 106.57)"
        )
        connection.execute(
            "INSERT INTO register.device (device_id, kind, site_id) SELECT 'obu-' || n, 'obu', 's' FROM generate_series(1, %s) n",
            (vehicles,),
        )
    return database.url


def _broker(supervisor: Supervisor, work: Path) -> int:
    found = find_mosquitto()
    configuration = Configuration(port=free_port(), directory=None, password_file=None, acl_file=None)
    file, log = work / "mosquitto.conf", work / "broker.log"
    supervisor.start(program(found.executable, configuration, file=file, log=log, libraries=found.environment))
    return configuration.port


@contextmanager
def _inference(database_url: str, port: int, work: Path) -> Iterator[None]:
    ready = work / "ready"
    environment = {**os.environ, "CHELU_DATABASE_URL": database_url, "CHELU_MQTT_URL": f"mqtt://{LOOPBACK}:{port}"}
    environment["CHELU_READY_FILE"] = str(ready)
    with (work / "inference.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "services.inference"], env=environment, stderr=log)
        try:
            while not ready.exists() and process.poll() is None:
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


if __name__ == "__main__":
    main()
