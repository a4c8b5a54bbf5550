"""A process of Chelu ends when it is told to, and does not live on with a dead thread."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.waiting import until

PROGRAM = """
import os, sys, threading
from chelu import daemon

def work(leaving):
    if "{dies}" == "yes":
        threading.Thread(target=lambda: 1 / 0, name="worker").start()
    daemon.say_ready(os.environ)
    leaving.wait()

sys.exit(daemon.main("example", work))
"""


def start(tmp_path: Path, *, dies: bool) -> subprocess.Popen[str]:
    program = PROGRAM.format(dies="yes" if dies else "no")
    environ = {"CHELU_READY_FILE": str(tmp_path / "ready"), "PYTHONPATH": ":".join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", program], env=environ, stderr=subprocess.PIPE, text=True)


def test_told_to_end_it_ends_with_zero(tmp_path: Path) -> None:
    process = start(tmp_path, dies=False)
    until((tmp_path / "ready").exists, 20, "the process to be ready")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_a_dead_thread_ends_it_with_a_sentence(tmp_path: Path) -> None:
    process = start(tmp_path, dies=True)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "thread worker failed" in errors
    assert errors.splitlines()[-1].startswith("example: a thread failed (ZeroDivisionError")


def test_a_missing_address_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.ingest"]
    environ = {"PYTHONPATH": ":".join(sys.path), "CHELU_INGEST_SPOOL_DIRECTORY": str(tmp_path / "spool")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "CHELU_DATABASE_URL is not set" in done.stderr
