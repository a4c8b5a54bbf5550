"""Starts ingest: `python -m services.ingest`. SIGTERM or SIGINT ends it in order."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Mapping

from chelu import daemon
from chelu.bus import BulkSession
from chelu.clock import Clock, clock_of
from chelu.codec import cv2x
from chelu.errors import CannotStartError
from chelu.messages import frames_of
from chelu.quality.timing import TimingLimits
from chelu.spool import Spool
from chelu.store import Database
from services.ingest.dead_letters import Undertaker
from services.ingest.metrics import Metrics
from services.ingest.quality import limits_of
from services.ingest.receipts import Receipts
from services.ingest.routes import FILTERS, SHARED
from services.ingest.service import Ingest
from services.ingest.settings import IngestSettings, load
from services.ingest.shared_receipts import SharedReceipts
from services.ingest.store_room import SEGMENT_BYTES, StoreRoom
from services.ingest.storing import Storing
from services.ingest.tables import Shape
from services.ingest.upkeep import Upkeep
from services.ingest.work import Rules
from services.ingest.writer import Writer

QUIET_S = 2.0  # after which a retired worker has got all that was left for it
REPORT_LATE_S = 60.0  # events and documents: older than this is no news


def main() -> int:
    """Run until told to stop; 1 and one sentence when it cannot start."""
    return daemon.main("ingest", lambda stopping: _run(os.environ, stopping))


def _run(environ: Mapping[str, str], stopping: threading.Event) -> None:
    settings = load(environ)
    database_url, mqtt_url = daemon.required(environ, "CHELU_DATABASE_URL"), daemon.required(environ, "CHELU_MQTT_URL")
    spool = Spool(settings.own_spool, segment_bytes=SEGMENT_BYTES, max_bytes=settings.spool_bytes, when_full="refuse")
    with contextlib.closing(spool):
        clock = clock_of(environ)
        cv2x.decode(frames_of([], 0))  # reads the message set now, not while the first messages wait
        session = _session(settings, mqtt_url, clock)
        ingest = assemble(settings, session, Database(database_url, application="chelu ingest"), spool, clock)
        upkeep = Upkeep(Database(database_url, application="chelu upkeep"), settings, clock)
        ingest.open()
        session.start()
        upkeep.start()
        try:
            session.wait_connected(settings.wait_s)
            if settings.workers > 1 and not session.speaks_5:
                raise CannotStartError(
                    f"the broker at {session.address} speaks no MQTT 5, which workers share by", "use one worker"
                )
            daemon.say_ready(environ)
            ingest.run(lambda: stopping.is_set() or (settings.retire and ingest.has_been_idle(QUIET_S)))
        finally:
            upkeep.stop()
            session.stop()
        if settings.retire and not stopping.is_set():
            _forget(settings, mqtt_url, clock)


def _session(settings: IngestSettings, url: str, clock: Clock) -> BulkSession:
    wanted, unwanted = (FILTERS, SHARED) if settings.workers == 1 else (SHARED, FILTERS)
    if settings.retire:
        wanted, unwanted = (), (*FILTERS, *SHARED)
    return BulkSession(
        url,
        client_id=settings.name,
        clock=clock,
        subscriptions=wanted,
        unwanted=unwanted,
        clean=False,
        session_expiry_s=settings.session_expiry_s,
        receive_maximum=settings.receive_maximum,
        inbox_limit=settings.inbox_messages,
    )


def _forget(settings: IngestSettings, url: str, clock: Clock) -> None:
    """Let the broker forget the session of a worker that is not wanted any more."""
    last = BulkSession(url, client_id=settings.name, clock=clock)
    last.start()
    try:
        last.wait_connected(settings.wait_s)
    finally:
        last.stop()


def assemble(settings: IngestSettings, session: BulkSession, database: Database, spool: Spool, clock: Clock) -> Ingest:
    """Put one worker together."""
    metrics = Metrics()
    if settings.metrics_port:
        _serve(metrics, settings.metrics_port + settings.worker - 1)
    undertaker = Undertaker(clock, per_minute=settings.dead_letters_per_minute, payload_bytes=settings.dead_letter_bytes)
    shape = Shape(settings.partition_hours, settings.device_index)
    writer = Writer(database, clock, undertaker, spool_name=settings.name, shape=shape)
    receipts = Receipts(clock) if settings.workers == 1 else SharedReceipts(clock, writer)
    rules = Rules(
        limits_of(settings.skew_s, workers=settings.workers), TimingLimits(REPORT_LATE_S, settings.skew_s), settings.payload_bytes
    )
    storing = Storing(writer=writer, decode=cv2x.decode, rules=rules, receipts=receipts, metrics=metrics, clock=clock)
    room = StoreRoom(
        spool, max_bytes=settings.spool_bytes, payload_bytes=settings.payload_bytes, worker=clock.wall_us() // 1000 % (1 << 32)
    )
    return Ingest(
        settings, session=session, writer=writer, storing=storing, room=room, receipts=receipts, metrics=metrics, clock=clock
    )


def _serve(metrics: Metrics, port: int) -> None:
    try:
        metrics.serve(port)
    except OSError as error:
        raise CannotStartError(
            f"port {port} for metrics cannot be used ({error.strerror})", "set CHELU_INGEST_METRICS_PORT to a free one"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
