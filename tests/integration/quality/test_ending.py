"""The monitors' service ends when it is told to, whatever it waits for."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import psycopg

from chelu.local.ports import LOOPBACK
from tests.integration.quality.test_quality import Place, place
from tests.waiting import until

__all__ = ["place"]

WAITS = """SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'chelu quality' AND wait_event_type = 'Lock'"""
SOON_S = 5


@contextlib.contextmanager
def quality(url: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "services.quality"], env={**os.environ, "CHELU_DATABASE_URL": url})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_round_that_waits_for_a_table_is_given_up(place: Place) -> None:
    with psycopg.connect(place.url) as other:
        other.execute("LOCK TABLE stream.bsm")
        with quality(place.url) as process:
            until(lambda: process.poll() is not None or place.rows(WAITS), 30, "a round to wait for the table")
            process.send_signal(signal.SIGTERM)
            assert process.wait(SOON_S) == 0
    assert place.rows("SELECT * FROM quality.progress") == []


def test_a_start_that_waits_for_a_database_is_given_up() -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        quality(f"postgresql://{LOOPBACK}:{server.getsockname()[1]}/x") as process,
    ):
        server.settimeout(30)
        asking, _ = server.accept()
        with asking:
            process.send_signal(signal.SIGTERM)
            assert process.wait(SOON_S) == 0
