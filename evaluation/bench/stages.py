"""Where ingest's time goes: each stage by itself on one recorded batch of single BSMs, the stages in turns, round by round.

The batch is as large as one is at a hundred thousand messages a second. What a stage gets is what the stage before it gave.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import psycopg

from chelu.bus import Messages
from chelu.bus.batch import joined
from chelu.clock import SystemClock
from chelu.codec import cv2x
from chelu.codec.envelope import Envelope
from chelu.messages import Batch
from chelu.quality.checks import Hearing
from chelu.quality.timing import TimingLimits
from chelu.store import Database, binary
from chelu.store.copy import CHUNK_ROWS
from chelu.topics import Kind
from evaluation.bench import bus, store
from evaluation.bench.context import Context
from evaluation.bench.recording import served
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings
from services.ingest.dead_letters import Undertaker
from services.ingest.frames import open_frames
from services.ingest.pipeline import prepare
from services.ingest.prepared import Prepared
from services.ingest.quality import Memories, check_stream, limits_of
from services.ingest.register import Device
from services.ingest.routes import STANDARD, Router
from services.ingest.tables import COLUMNS
from services.ingest.work import Rules
from services.ingest.writer import Writer

ROWS, FEW, SIZES = 4_000, 1_000, (400, 4_000, 20_000)
TABLE = "bsm"
SKEW_S, LATE_S = 2.0, 60.0
REST_OF_PREPARE, REST_OF_WRITE = "header and accounts", "order, partitions, books and commit"
NAMES = ("read and frame", "route", "split", "decode", "check", REST_OF_PREPARE, "build COPY bytes", "COPY", REST_OF_WRITE)


@dataclass(frozen=True, slots=True)
class Line:
    """The batch between its stages."""

    messages: Messages
    router: Router
    prepared: Prepared
    memories: Memories
    rules: Rules


def run(context: Context) -> Findings:
    """A row a stage, in µs a message; of the usual batch, and of smaller and larger ones."""
    sizes, rounds = ((FEW,), 3) if context.is_quick else (SIZES, 15)
    by_size = {}
    for rows in sizes:
        context.tell(f"batches of {rows:,}")
        by_size[rows] = _measure(rows, rounds)
    usual = by_size[FEW if context.is_quick else ROWS]
    ways = [usual[name] for name in ("read and frame", "route", "prepare", "write")]
    total = tuple(float(sum(values)) for values in zip(*ways, strict=True))
    batches = [
        {"stage": name, "us": {str(rows): float(np.median(_parts(times)[name])) for rows, times in by_size.items()}}
        for name in NAMES
    ]
    stages = [_row(name, values) for name, values in _parts(usual).items()]
    return Findings(
        [Figure(what="ingest from socket to commit", values=total, unit="µs/row")], {"stages": stages, "batches": batches}
    )


def _measure(rows: int, rounds: int) -> dict[str, list[float]]:
    with served(bus.recorded(rows)) as port, store.database() as connection, _writer(connection) as writer:
        return _timed(_stages(_line(port, rows), port, connection, writer), rounds, rows)


def _row(name: str, values: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, Any]:
    return {"stage": name, "median_us": float(np.median(values)), "min_us": float(values.min()), "max_us": float(values.max())}


def _parts(times: dict[str, list[float]]) -> dict[str, Any]:
    """Of every stage the rounds' times; what `prepare` and `write` take over the stages within them are stages, too."""
    every = {name: np.array(values) for name, values in times.items()}
    inside = every["split"] + every["decode"] + every["check"]
    every[REST_OF_PREPARE] = np.maximum(every["prepare"] - inside, 0.0)
    every[REST_OF_WRITE] = np.maximum(every["write"] - every["build COPY bytes"] - every["COPY"], 0.0)
    return {name: every[name] for name in NAMES}


def _timed(work: dict[str, Callable[[], object]], rounds: int, rows: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, stage in work.items():
            began = time.perf_counter()
            stage()
            if number:  # the first round fills caches
                times[name].append((time.perf_counter() - began) / rows * 1e6)
    return times


def _line(port: int, rows: int) -> Line:
    messages = _read(port, rows)
    devices = {f"obu-{unit:05d}": Device(f"obu-{unit:05d}", unit, Kind.OBU, Envelope.BARE, STANDARD) for unit in range(bus.UNITS)}
    router = Router(devices)
    rules = Rules(limits_of(SKEW_S), TimingLimits(LATE_S, SKEW_S))
    arguments: dict[str, Any] = {"decode": cv2x.decode, "rules": rules}
    prepared, memories = prepare(messages, router.route(messages), router.routes, memories=Memories(), **arguments)
    if prepared.refusals or int(prepared.rows.sum()) != rows:
        raise ValueError(f"{len(prepared.refusals)} of the benchmark's messages were refused")
    return Line(messages, router, prepared, memories, rules)


def _read(port: int, rows: int) -> Messages:
    """From the socket: as in a session, but without its thread."""
    messages = joined(list(bus.portions(port, rows)))
    return replace(messages, arrival_us=np.full(rows, time.time_ns() // 1000, np.int64))


def _stages(line: Line, port: int, connection: psycopg.Connection[Any], writer: Writer) -> dict[str, Callable[[], object]]:
    messages, router, rules, memories = line.messages, line.router, line.rules, line.memories
    route, routes, every = router.route(messages), router.routes, np.arange(len(messages))
    opened = open_frames(messages, every, routes, route)
    batch = line.prepared.tables[TABLE]
    hearing = Hearing(opened.frames.reference_us, batch["arrival_us"], np.zeros(len(messages), np.bool_))
    pieces = [binary.HEADER, *_pieces(batch), binary.TRAILER]
    return {
        "read and frame": lambda: _read(port, len(messages)),
        "route": lambda: router.route(messages),
        "split": lambda: open_frames(messages, every, routes, route),
        "decode": lambda: cv2x.decode(opened.frames),
        "check": lambda: check_stream(TABLE, batch, hearing, memories.streams[TABLE], rules.streams[TABLE]),
        "prepare": lambda: prepare(messages, route, routes, decode=cv2x.decode, memories=memories, rules=rules),
        "build COPY bytes": lambda: _pieces(batch),
        "COPY": lambda: store.copy_prepared(connection, pieces, len(batch)),
        "write": lambda: writer.write(line.prepared),
    }


def _pieces(batch: Batch) -> list[bytes]:
    columns = COLUMNS[TABLE]
    names = {name for column in columns for name in (column.source, column.mask) if name}
    batch = batch.with_columns(batch_id=np.zeros(len(batch), np.int64))
    builder = binary.Builder(binary.layout_of(columns), CHUNK_ROWS)
    slices = (slice(start, start + CHUNK_ROWS) for start in range(0, len(batch), CHUNK_ROWS))
    return [builder.build(Batch({name: batch[name][piece] for name in names if name in batch})).tobytes() for piece in slices]


@contextmanager
def _writer(connection: psycopg.Connection[Any]) -> Iterator[Writer]:
    clock = SystemClock()
    info = connection.info
    url = f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"
    writer = Writer(Database(url), clock, Undertaker(clock, per_minute=100, payload_bytes=1024), spool_name="bench")
    writer.open()
    try:
        yield writer
    finally:
        writer.close()
