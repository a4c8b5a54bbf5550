"""Reads back, through the registry's API, what became of a replay: rows, accounts, and the time each sample took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.api import Client
from chelu.clock import Clock
from chelu.messages import STREAMS, Batch, concatenate
from chelu.topics import TOPICS, Payload
from evaluation.demo.summary import StreamCount
from simulators.replay import ReplayReport, SentFrame

SETTLE_S = 20.0
POLL_S = 0.2
EARLIER_US = 1_000_000  # ingest's clock is this machine's, but a batch may begin a little before its first message
# Accounts are kept by the topic's stream, rows by their table: RSMs hold participants.
ACCOUNTED_AS = {topic.table: topic.stream for topic in TOPICS if topic.table in STREAMS and topic.payload is not Payload.JSON}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stored:
    """Rows of the replay by stream, with ``device_id``, ``time_us`` and ``committed_us``."""

    rows: Mapping[str, Batch]

    def __getitem__(self, stream: str) -> Batch:
        return self.rows[stream]


def counts(client: Client, streams: Sequence[str], from_us: int) -> dict[str, StreamCount]:
    """Ingest's accounts of some streams since an instant."""
    accounts = client.accounts(from_us=from_us)
    found = {stream: accounts.get(ACCOUNTED_AS[stream]) for stream in streams}
    return {stream: StreamCount(one.received, one.stored, one.dropped) for stream, one in found.items() if one}


def when_settled(client: Client, report: ReplayReport, clock: Clock) -> dict[str, StreamCount]:
    """The accounts once every published row is accounted for, or once nothing more has come for a while."""
    wanted = sum(report.published.values())
    best, since = -1, clock.monotonic_s()
    while True:
        found = counts(client, tuple(report.published), report.begun_us - EARLIER_US)
        accounted = sum(count.stored + sum(count.dropped.values()) for count in found.values())
        if accounted > best:
            best, since = accounted, clock.monotonic_s()
        if accounted >= wanted or clock.monotonic_s() - since > SETTLE_S:
            return found
        clock.sleep(POLL_S)


def stored(client: Client, report: ReplayReport) -> Stored:
    """All rows of the replay."""
    return Stored({stream: _all(client, stream, report) for stream in report.published})


def publish_to_stored_ms(sent: Sequence[SentFrame], rows: Stored) -> Floats:
    """Milliseconds (n,) from publishing a logged frame until its rows were durable, for those that are."""
    found = []
    for stream in {frame.stream for frame in sent}:
        batch = rows[stream]
        if len(batch):
            found += list(_latencies([frame for frame in sent if frame.stream == stream], batch))
    return np.array(found, np.float64)


def _latencies(sent: Sequence[SentFrame], batch: Batch) -> Iterator[float]:
    committed = batch["committed_us"].astype(np.float64)
    logged = np.isin(batch["time_us"], np.array([frame.event_time_us for frame in sent], np.int64)) & (committed > 0)
    keys = zip(batch["device_id"][logged].tolist(), batch["time_us"][logged].tolist(), strict=True)
    durable = dict(zip(keys, committed[logged].tolist(), strict=True))
    for frame in sent:
        if (at := durable.get((frame.device_id, frame.event_time_us))) is not None:
            yield (at - frame.wall_us) / 1000


def _all(client: Client, stream: str, report: ReplayReport) -> Batch:
    pages = list(client.stream(stream, from_us=report.event_from_us, to_us=report.event_to_us))
    return concatenate(pages) if pages else Batch({})
