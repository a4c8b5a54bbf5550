"""One batch through each path of the hot road, timed; what is asserted is what comes out. The bars are `chelu bench`'s."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chelu.bus import BulkSession, Messages
from chelu.bus.batch import joined
from chelu.clock import SystemClock
from chelu.codec import cv2x
from chelu.codec.cv2x_spec import spec
from chelu.codec.envelope import Envelope
from chelu.messages import BSM
from chelu.quality.timing import TimingLimits
from chelu.store import columns_sql, copy_rows, create_series
from chelu.topics import Kind
from evaluation.bench import bus, codec, inference, store
from evaluation.bench.naive_pipeline import values
from evaluation.bench.recording import served
from services.inference.motion_model import OnnxMotionModel, shipped
from services.ingest.frames import Opened, open_frames
from services.ingest.pipeline import prepare
from services.ingest.quality import Memories, limits_of
from services.ingest.register import Device
from services.ingest.routes import STANDARD, Router
from services.ingest.work import Rules

ROWS = 2000
NOW_US = codec.START_US


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A recorded stream of single BSMs."""
    with served(bus.recorded(ROWS)) as port:
        yield port


@pytest.fixture(scope="module")
def messages(port: int) -> Messages:
    """The same, read."""
    read = joined(list(bus.portions(port, ROWS)))
    return replace(read, arrival_us=np.full(ROWS, NOW_US, np.int64))


@pytest.fixture(scope="module")
def router() -> Router:
    names = [f"obu-{unit:05d}" for unit in range(bus.UNITS)]
    return Router({name: Device(name, key, Kind.OBU, Envelope.BARE, STANDARD) for key, name in enumerate(names)})


def test_reading_a_recorded_stream_through_a_session(benchmark: Any, port: int) -> None:
    def receive() -> int:
        session = BulkSession(f"mqtt://127.0.0.1:{port}", client_id="bench", clock=SystemClock(), subscriptions=["#"])
        session.start()
        found = 0
        while found < ROWS:
            found += len(session.drain(ROWS, 5.0))
        session.stop(flush_s=0)
        return found

    assert benchmark.pedantic(receive, rounds=3) == ROWS


def test_finding_the_messages_in_a_buffer(benchmark: Any, port: int) -> None:
    found = benchmark.pedantic(lambda: joined(list(bus.portions(port, ROWS))), rounds=5)
    assert len(found) == ROWS
    assert len(set(found.topics)) == len(np.unique(found.topic)) <= bus.UNITS


def test_routing_and_opening_envelopes(benchmark: Any, messages: Messages, router: Router) -> None:
    def work() -> Opened:
        route = router.route(messages)
        return open_frames(messages, np.arange(ROWS), router.routes, route)

    opened = benchmark(work)
    assert (len(opened.frames), opened.refusals) == (ROWS, [])


def test_preparing_a_batch_for_the_database(benchmark: Any, messages: Messages, router: Router) -> None:
    rules = Rules(limits_of(2.0), TimingLimits(60.0, 2.0))
    route = router.route(messages)
    prepared, _ = benchmark(lambda: prepare(messages, route, router.routes, decode=cv2x.decode, memories=Memories(), rules=rules))
    assert (int(prepared.rows.sum()), prepared.refusals) == (ROWS, [])
    assert set(prepared.tables) == {"bsm"}


def test_decoding_rsms_of_16_participants(benchmark: Any) -> None:
    frames, participants = codec.rsm(np.random.default_rng(1), 64)
    decoded = benchmark(cv2x.decode, frames)
    assert len(decoded.participant) == 16 * 64 == len(participants)
    assert len(decoded.rejects) == 0


def test_writing_a_batch(benchmark: Any) -> None:
    batch = store.mixed_bsm(ROWS)
    with store.database() as connection:
        series = create_series(connection, store.TABLE, columns_sql(BSM))
        series.ensure(connection, batch["time_us"], now_us=store.START_US)
        benchmark.pedantic(lambda: copy_rows(connection, store.TABLE, batch, store.COLUMNS), rounds=5)
        count, latest = connection.execute("SELECT count(*), max(time) FROM stream.bsm").fetchone() or (0, None)
    assert count == 5 * ROWS
    assert latest is not None
    assert round(latest.timestamp() * 1e6) == int(batch["time_us"].max())


@pytest.mark.parametrize("sirens", [0, 3])
def test_evaluating_all_applications(benchmark: Any, sirens: int) -> None:
    assert inference.traffic(300, 0, sirens=sirens).is_responding.sum() == sirens
    once = inference.evaluation(300, OnnxMotionModel(shipped()), sirens=sirens)
    assert benchmark.pedantic(once, rounds=5) == 300


def test_stages_are_told_apart() -> None:
    found = inference.stages(100, OnnxMotionModel(shipped()), rounds=2)
    names = [one.what.removeprefix("of that: ") for one in found]
    assert names == ["picture", "fusion", "places", "futures", "pairs", "scene", "applications", "warning life"]
    assert all(len(one.values) == 2 and min(one.values) > 0 for one in found)


def test_the_naive_pipeline_reads_what_ours_reads(benchmark: Any) -> None:
    frames = codec.example(64)
    plain = [frames.frame(row) for row in range(64)]
    decode = spec().slow.decode
    rows = benchmark.pedantic(lambda: [values(decode(frame)) for frame in plain], rounds=3)
    ours = cv2x.decode(frames).bsm
    assert [row[0] for row in rows] == ours["message_count"].tolist()
    assert [int.from_bytes(row[1], "big") for row in rows] == ours["vehicle_id"].tolist()
    assert [row[3] for row in rows] == np.rint(ours["latitude_deg"] * 1e7).astype(int).tolist()
