"""Starts inference: `python -m services.inference`. SIGTERM or SIGINT ends it in order."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path

from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.errors import CheluError
from chelu.store import Database, failures
from services.inference.inbox import subscriptions
from services.inference.motion_model import OnnxMotionModel, shipped
from services.inference.service import Service
from services.inference.settings import load, required
from services.inference.storage import Storage, prepare
from services.inference.watch import Watch


def main() -> int:
    """Run until told to stop; 1 and one sentence when it cannot start."""
    # The session reads messages piece by piece; at the default of 5 ms it would wait for the evaluating thread at every piece.
    sys.setswitchinterval(0.0002)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        _run(os.environ, stopping)
    except CheluError as error:
        print(f"inference: {error}", file=sys.stderr)
        return 1
    return 0


def _run(environ: Mapping[str, str], stopping: threading.Event) -> None:
    settings, clock = load(environ), SystemClock()
    database = Database(required(environ, "CHELU_DATABASE_URL"), application="chelu inference", pool_size=2)
    url = required(environ, "CHELU_MQTT_URL")
    model = OnnxMotionModel(settings.model_file or shipped()) if settings.use_model else None
    database.wait(timeout_s=settings.wait_s, clock=clock)
    with database.connect(autocommit=True) as connection, failures(database.url, "preparing schema city"):
        prepare(connection)
    watch, storage = Watch(database, clock), Storage(database, clock, limit_rows=settings.storage_rows)
    session = Session(url, client_id=settings.client_id, clock=clock, subscriptions=subscriptions())
    register = watch.first()
    storage.start()
    session.start()
    try:
        session.wait_connected(settings.wait_s)
        service = Service(
            settings, session=session, storage=storage, watch=watch, register=register, model=model, clock=clock,
            new_id=lambda: str(uuid.uuid4()),
        )  # fmt: skip
        _say_ready(environ)
        service.run(stopping.is_set)
    finally:
        session.stop()
        storage.stop(timeout_s=5.0)
        watch.stop()
        database.close()


def _say_ready(environ: Mapping[str, str]) -> None:
    if path := environ.get("CHELU_READY_FILE"):
        Path(path).touch()


if __name__ == "__main__":
    sys.exit(main())
