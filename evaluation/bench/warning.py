"""From a vehicle's message to the other's warning: `python -m evaluation.bench.warning --vehicles 300 --seconds 10`.

A part of `chelu bench`. Starts a database, a broker and inference, and speaks for all vehicles at 10 Hz from frames encoded
beforehand over one plain socket, so that the load costs next to nothing. A tenth of the vehicles drive in pairs whose ways
cross every 8 s. The time counts from handing the causing message to the socket until a subscriber has the warning, for warnings
that are raised to another vehicle than the one whose message was the cause. What a warning passes on its way is told by stages
(`evaluation.bench.way`).
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chelu.bus import Session, packets
from chelu.clock import SystemClock
from chelu.local import postgres
from chelu.local.broker import find_mosquitto
from chelu.local.mosquitto import Configuration, program
from chelu.local.ports import LOOPBACK, free_port
from chelu.local.supervisor import Supervisor
from chelu.store import Database, migrate
from evaluation.bench.context import Context
from evaluation.bench.crossing import PARTS, TICK_S, Meetings, Send, plan, plan_s
from evaluation.bench.processes import usage
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings
from evaluation.bench.way import Heard, passed, stages
from services.inference.reports import Floats

ROOT = Path(__file__).parents[2]
MANY = 2000
BAR_MS = 20.0
BAR_SHARE = 0.95
BAR_LATE_MS = TICK_S / PARTS * 1000  # later than that, two groups of vehicles speak at once, and the load is another


def run(context: Context) -> Findings:
    """The bars, by stretches of one run."""
    vehicles, stretch_s, stretches = (200, 5.0, 1) if context.is_quick else (MANY, 10.0, 6)
    context.tell(f"{vehicles} vehicles × 10 Hz, for {stretch_s * stretches:.0f} s")
    took = measure(vehicles, stretch_s * stretches)
    return Findings(figures(took, vehicles, stretch_s, stretches), {"warning_way": took.way})


def figures(took: Took, vehicles: int, stretch_s: float, stretches: int) -> list[Figure]:
    """What is judged where there are `MANY`: who waits longest, and that neither warnings nor load stayed away."""
    cut = [took.took_ms[(took.sent_s >= at) & (took.sent_s < at + stretch_s)] for at in np.arange(stretches) * stretch_s]
    if not all(map(len, cut)):
        raise RuntimeError(f"in {stretch_s:.0f} s no warning came back")
    p50, p99 = (tuple(float(np.percentile(one, percent)) for one in cut) for percent in (50, 99))
    name, came = f"publish → warning, {vehicles} vehicles × 10 Hz", (took.told / max(took.expected, 1),)
    found = [
        Figure(what=f"{name}, p99", values=p99, unit="ms", key="warning_p99_ms", bar=BAR_MS, is_limit=True),
        Figure(what="share of those who had to be warned, that were", values=came, unit="1", key="warning_share", bar=BAR_SHARE),
        Figure(
            what="the load behind its schedule, p99",
            values=(took.late_ms,),
            unit="ms",
            key="warning_load_late_ms",
            bar=BAR_LATE_MS,
            is_limit=True,
        ),
    ]
    return [
        *(found if vehicles == MANY else [replace(one, key="", bar=None) for one in found]),
        Figure(what=f"{name}, p50", values=p50, unit="ms"),
        Figure(what="processor of inference meanwhile", values=(took.cores,), unit="cores"),
    ]


def main(arguments: list[str] | None = None) -> None:
    """Print percentiles in ms, and by stage mean, median, p99 and the mean of the slowest hundredth."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.bench.warning", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--vehicles", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args(arguments)
    took = measure(options.vehicles, options.seconds)
    if not len(took.took_ms):
        sys.exit("no warning came back")
    middle, most, worst = np.percentile(took.took_ms, [50, 95, 99])
    print(
        f"{options.vehicles} vehicles × 10 Hz, {took.told} of {took.expected} warned, {len(took.took_ms)} by the other: "
        f"p50 {middle:.1f}, p95 {most:.1f}, p99 {worst:.1f} ms; the load was behind by {took.late_ms:.1f} ms at p99; "
        f"inference took {took.cores:.2f} cores"
    )
    for row in took.way:
        values = "".join(f"{row[name]:8.2f}" for name in ("mean_ms", "p50_ms", "p99_ms", "slowest_ms"))
        print(f"{row['stage']:40}{values}")


@dataclass(frozen=True, slots=True)
class Took:
    """A warning raised each: (n,) seconds from the load's beginning when its cause was sent, and ms until the client had it.

    told, expected: how many of those who had to be warned were, and how many there are; late_ms: p99 of the load behind its
    schedule; way: as `stages` tells it; cores: of inference under the load.
    """

    sent_s: Floats
    took_ms: Floats
    told: int
    expected: int
    late_ms: float
    way: list[dict[str, Any]]
    cores: float


def measure(vehicles: int, seconds: float) -> Took:
    """From message to warning, with a broker, a database and inference of their own."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chelu-")))
        work.chmod(0o711)
        supervisor = stack.enter_context(_supervisor())
        database, port = _database(supervisor, work, vehicles), _broker(supervisor, work)
        client = Session(
            f"mqtt://{LOOPBACK}:{port}", client_id="judge", clock=SystemClock(), subscriptions=[("obu/+/warning/down", 1)]
        )
        client.start()
        stack.callback(client.stop)
        client.wait_connected(10)
        with _inference(database.url, port, work) as pid:
            sends = plan(vehicles, seconds, start_us=time.time_ns() // 1000 + round((2 + plan_s(vehicles, seconds)) * 1e6))
            before_s = usage(pid).cpu_s
            heard, late_us, warned = _run(sends, client, port)
            cores = (usage(pid).cpu_s - before_s) / seconds
        way = passed(heard, _published(database))  # inference has ended: everything is stored
    begun_us, meetings = sends[0].due_us, Meetings(vehicles, seconds)
    return Took(
        np.array([one.sent_us - begun_us for one in heard]) / 1e6,
        np.array([one.received_us - one.sent_us for one in heard]) / 1e3,
        meetings.told((vehicle, (sent_us - begun_us) / 1e6) for vehicle, sent_us in warned),
        len(meetings.expected),
        float(np.percentile(late_us, 99)) / 1e3,
        stages(way) if len(way) else [],
        cores,
    )


def _run(sends: list[Send], client: Session, port: int) -> tuple[list[Heard], list[int], list[tuple[int, int]]]:
    """What came back because of another, how late each sending was (µs), and who was warned of what was sent when (µs)."""
    sent_us: dict[tuple[int, int], int] = {}
    heard, warned = list[Heard](), list[tuple[int, int]]()
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            received = client.drain(1000, 0.1)
            client.acknowledge(received)  # else the broker would keep back all but a receive window of them
            for message in received:
                warning = json.loads(message.payload)
                cause = warning["cause"]
                vehicle, count = int(cause["vehicle_id"], 16), cause["message_count"]
                if warning["state"] != "raised" or (vehicle, count) not in sent_us:
                    continue
                host = int(message.topic.split("/")[1].removeprefix("obu-"))
                warned.append((host, sent_us[vehicle, count]))
                if host != vehicle:
                    sent, read, begun = sent_us[vehicle, count], cause["arrival_us"], warning["time_us"]
                    heard.append(Heard(warning["warning_id"], sent, read, begun, message.arrival_us))

    reader, late_us = threading.Thread(target=read), list[int]()
    reader.start()
    with _connected(port) as link:
        for send in sends:
            time.sleep(max(0.0, (send.due_us - time.time_ns() // 1000) / 1e6))
            now_us = time.time_ns() // 1000
            late_us.append(now_us - send.due_us)
            sent_us |= {(vehicle, send.tick % 128): now_us for vehicle in send.vehicles}
            link.sendall(send.data)
        time.sleep(1.0)
    is_over.set()
    reader.join()
    return heard, late_us, warned


def _published(database: Database) -> dict[str, int]:
    """When each warning that was raised was handed to the broker (wall µs), by its id."""
    with database.connect(autocommit=True) as connection:
        rows = connection.execute(
            "SELECT warning_id::text, (extract(epoch FROM published) * 1000000)::bigint FROM city.warning"
            " WHERE state = 'raised' AND published IS NOT NULL"
        )
        return {str(warning_id): int(published_us) for warning_id, published_us in rows}


@contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    """A socket that has said CONNECT and heard yes."""
    with socket.create_connection((LOOPBACK, port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(packets.Connect(version=packets.MQTT_5, client_id="load", keepalive_s=600, clean=True).encode())
        if link.recv(4096)[3]:
            raise RuntimeError("the broker refused the load's connection")
        yield link


@contextmanager
def _supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor(SystemClock())
    try:
        yield supervisor
    finally:
        supervisor.close()


def _database(supervisor: Supervisor, work: Path, vehicles: int) -> Database:
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
    return database


def _broker(supervisor: Supervisor, work: Path) -> int:
    found = find_mosquitto()
    configuration = Configuration(port=free_port(), directory=None, password_file=None, acl_file=None)
    file, log = work / "mosquitto.conf", work / "broker.log"
    supervisor.start(program(found.executable, configuration, file=file, log=log, libraries=found.environment))
    return configuration.port


@contextmanager
def _inference(database_url: str, port: int, work: Path) -> Iterator[int]:
    ready = work / "ready"
    environment = {**os.environ, "CHELU_DATABASE_URL": database_url, "CHELU_MQTT_URL": f"mqtt://{LOOPBACK}:{port}"}
    environment["CHELU_READY_FILE"] = str(ready)
    with (work / "inference.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "services.inference"], env=environment, stderr=log)
        try:
            while not ready.exists() and process.poll() is None:
                time.sleep(0.05)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


if __name__ == "__main__":
    main()
