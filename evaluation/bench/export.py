"""Stored rows → files for a team: `chelu data export` against dictionaries through the csv module, and against COPY alone.

A registry and the command, each a process of its own, on a database of its own; every vehicle is a stranger's, so that every id
is replaced. The limit is a binary COPY of the table to nowhere. Memory is that of registry and command together at its highest.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import psycopg
from psycopg.rows import dict_row

from chelu.api import Client, NewDevice, Organisation, Site
from chelu.local.ports import LOOPBACK, free_port
from chelu.messages import BSM, Batch
from chelu.store import copy_rows, summarise
from chelu.topics import Kind
from evaluation.bench.context import Context
from evaluation.bench.processes import MIB, private_bytes
from evaluation.bench.report import Figure, Ratio, interleaved
from evaluation.bench.results import Findings
from evaluation.bench.store import START_US, database, mixed_bsm
from services.ingest.tables import COLUMNS, prepare_schema

ROWS, QUICK_ROWS, BLOCK = 300_000, 30_000, 100_000
PLAIN_PART = 10  # the plain way is given a tenth of the rows
DEVICES = 100
ROUNDS = 3
FORMATS = ("parquet", "csv", "ndjson", "mcap")
MANY_FORMATS = ("parquet",)  # when a number of rows is asked for
MOST_MIB = 190.0  # 200 MB, a megabyte being a million bytes
START_S, LOOK_S = 60.0, 0.05
KEY, TEAM, SITE = "bench-key", "crew", "bench"
COMMAND = (sys.executable, "-c", "from chelu.cli import main; main()", "data", "export")
LIMIT = "COPY (SELECT * FROM stream.bsm) TO STDOUT (FORMAT BINARY)"
PLAIN = "SELECT * FROM stream.bsm ORDER BY time, device_key LIMIT {rows}"


@dataclass(frozen=True, slots=True)
class Place:
    """A registry under way, and the directory for files."""

    connection: psycopg.Connection[Any]
    url: str
    pid: int
    directory: Path

    def environment(self) -> dict[str, str]:
        return {**os.environ, "CHELU_API_URL": self.url, "CHELU_API_KEY": KEY}


def run(context: Context) -> Findings:
    """Rates of every format, and the highest memory; with a number of rows asked for, of Parquet alone and once."""
    rows = context.rows or (QUICK_ROWS if context.is_quick else ROWS)
    forms, rounds = (MANY_FORMATS, 1) if context.rows else (FORMATS, ROUNDS)
    with _place() as place:
        context.tell(f"storing {rows:,} BSMs")
        _store(place, rows)
        figures, peaks = list[Figure](), list[float]()
        for form in forms:
            context.tell(f"exporting {rows:,} rows as {form}")
            with _watched(place) as peak:
                figures += _measured(place, form, rows, rounds, peak)
            peaks.append(peak.highest_mb)
    memory = Figure(
        what=f"memory of registry and command, highest, {rows:,} rows",
        values=tuple(peaks),
        unit="MiB",
        key="export_memory",
        bar=MOST_MIB,
        is_limit=True,
    )
    return Findings([*figures, memory])


def _measured(place: Place, form: str, rows: int, rounds: int, peak: Peak) -> list[Figure]:
    ours, limit, plain = interleaved(
        lambda: _export(place, form, rows, peak),
        lambda: _copied(place, rows),
        lambda: _plain(place, max(1, rows // PLAIN_PART)),
        rounds=rounds,
    )
    path = f"export as {form}, {rows:,} rows"
    return [
        Ratio(path, ours, "COPY to nowhere", limit, "rows", None, f"export_{form}_vs_copy").figure(),
        Ratio(path, ours, "dictionaries and csv", plain, "rows", None, f"export_{form}_vs_plain").figure(),
    ]


def _export(place: Place, form: str, rows: int, peak: Peak) -> int:
    """The command, to its end."""
    with tempfile.TemporaryDirectory(dir=place.directory) as name:
        options = ["--stream", BSM.name, "--format", form, "--recipient", TEAM, "--purpose", "bench"]
        command = [*COMMAND, f"{name}/out", *options]
        process = subprocess.Popen(command, env=place.environment(), stdout=subprocess.DEVNULL)  # noqa: S603 - ours
        peak.command = process.pid
        if process.wait() != 0:
            raise RuntimeError(f"chelu data export ended with {process.returncode}")
        peak.command = None
    return rows


def _copied(place: Place, rows: int) -> int:
    with place.connection.cursor() as cursor, cursor.copy(LIMIT) as copy:
        for _ in copy:
            pass
    return rows


def _plain(place: Place, rows: int) -> int:
    """As one would write it in ten lines: a dictionary a row, from a cursor of the server's, through csv."""
    with (
        place.connection.transaction(),
        place.connection.cursor("plain", row_factory=dict_row) as cursor,
        tempfile.TemporaryFile("w", dir=place.directory, newline="") as target,
    ):
        cursor.execute(PLAIN.format(rows=rows).encode())
        names = [column.name for column in cursor.description or ()]
        writer = csv.DictWriter(target, names)
        writer.writeheader()
        for row in cursor:
            writer.writerow(row)
    return rows


@dataclass(slots=True)
class Peak:
    """The highest memory of the registry and the command together, looked at by a thread of its own."""

    registry: int
    command: int | None = None
    highest_mb: float = 0.0

    def look(self) -> None:
        total = 0
        for pid in (self.registry, self.command):
            if pid is not None and psutil.pid_exists(pid):
                try:
                    total += private_bytes(psutil.Process(pid))
                except psutil.Error:  # it has just ended
                    continue
        self.highest_mb = max(self.highest_mb, total / MIB)


@contextmanager
def _watched(place: Place) -> Iterator[Peak]:
    peak, ended = Peak(place.pid), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_S):
            peak.look()

    thread = threading.Thread(target=watch, name="memory", daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


@contextmanager
def _place() -> Iterator[Place]:
    with database() as connection, tempfile.TemporaryDirectory(prefix="chelu-bench-export-") as name:
        directory, port, url = Path(name), free_port(), _address(connection)
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CHELU_")},
            "CHELU_DATABASE_URL": url,
            "CHELU_REGISTRY_HOST": LOOPBACK,
            "CHELU_REGISTRY_PORT": str(port),
            "CHELU_REGISTRY_API_KEY": KEY,
            "CHELU_READY_FILE": str(directory / "ready"),
        }
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "services.registry"], env=environment, stdout=log, stderr=log)
        try:
            _await((directory / "ready").exists, process, directory / "log")
            yield Place(connection, f"http://{LOOPBACK}:{port}", process.pid, directory)
        finally:
            process.terminate()
            process.wait()


def _await(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    until_s = time.monotonic() + START_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > until_s:
            raise RuntimeError(f"the registry did not start: {log.read_text()}")
        time.sleep(LOOK_S)


def _store(place: Place, rows: int) -> None:
    """Rows of as many vehicles, a hundred thousand a second, and the registered devices they come from."""
    with Client(place.url, KEY) as client:
        client.add_site(Site(site_id=SITE, latitude_deg=29.5332, longitude_deg=106.503))
        client.add_organisation(Organisation(organisation_id=TEAM, role="vehicle team"))
        devices = client.add_devices([NewDevice(device_id=f"obu-{n}", kind=Kind.OBU, site_id=SITE) for n in range(DEVICES)])
    keys = np.array([one.device_key for one in devices], np.int32)
    series = prepare_schema(place.connection)[BSM.name]
    place.connection.execute("INSERT INTO stream.batch (created) VALUES (now())")
    block = mixed_bsm(min(BLOCK, rows))
    for start in range(0, rows, BLOCK):
        _store_block(place.connection, series, _moved(block, start, keys, min(BLOCK, rows - start)))
    summarise(place.connection, series)
    place.connection.execute("ANALYZE stream.bsm")


def _store_block(connection: psycopg.Connection[Any], series: Any, batch: Batch) -> None:
    series.ensure(connection, batch["time_us"], now_us=START_US)
    copy_rows(connection, f"stream.{BSM.name}", batch, COLUMNS[BSM.name])


def _moved(block: Batch, start: int, keys: np.ndarray[Any, Any], rows: int) -> Batch:
    """The block's first rows, so much later; 10 µs lie between two rows."""
    place = np.arange(rows)
    later: Mapping[str, Any] = {name: block[name][:rows] + start * 10 for name in ("time_us", "arrival_us")}
    device = keys[place % len(keys)]
    return block.take(place).with_columns(**later, device_key=device, batch_id=np.ones(rows, np.int64))


def _address(connection: psycopg.Connection[Any]) -> str:
    info = connection.info
    return f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"
