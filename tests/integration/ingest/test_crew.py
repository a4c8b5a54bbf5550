"""`chelu ingest --workers N` as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from chelu.errors import ConfigurationError
from services.ingest import crew
from tests.integration.ingest.conftest import Site
from tests.waiting import until

COMMAND = [sys.executable, "-c", "from chelu.cli import main; main()", "ingest", "--workers", "2"]


def test_workers_are_kept_running_and_ended_together(cold_site: Site, tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "CHELU_DATABASE_URL": cold_site.url,
        "CHELU_MQTT_URL": cold_site.broker.url,
        "CHELU_INGEST_SPOOL_DIRECTORY": str(tmp_path / "spool"),
    }
    logs = tmp_path / "logs"
    logs.mkdir()
    told = tmp_path / "told"
    with told.open("wb") as file:
        parent = subprocess.Popen([*COMMAND, "--logs", str(logs)], env=environ, stderr=file)
    try:
        until(lambda: "ingest-2 runs" in told.read_text(), 30, "both workers")
        before = worker_2(parent.pid)
        assert before
        before.kill()
        until(lambda: worker_2(parent.pid) not in {None, before}, 20, "a successor")
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(30) == 0
        assert psutil.wait_procs(children, timeout=10)[1] == []
    finally:
        parent.kill()
        parent.wait()


def worker_2(parent: int) -> psutil.Process | None:
    found = [each for each in psutil.Process(parent).children(recursive=True) if environment(each) == "2"]
    return found[-1] if found else None


def environment(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("CHELU_INGEST_WORKER")
    except psutil.Error:
        return None


def test_a_worker_without_an_account_is_named(tmp_path: Path) -> None:
    environ = {"CHELU_MQTT_URL": "mqtt://ingest:x@broker"}
    made = crew.program(1, 2, environ, accounts={"ingest": "a/b"}, logs=tmp_path, ready=tmp_path)
    assert made.environment["CHELU_MQTT_URL"] == "mqtt://ingest:a%2Fb@broker"
    with pytest.raises(ConfigurationError, match="ingest-2"):
        crew.program(2, 2, environ, accounts={"ingest": "a"}, logs=tmp_path, ready=tmp_path)
    file = tmp_path / "accounts.json"
    file.write_text(json.dumps(["ingest"]))
    with pytest.raises(ConfigurationError, match="object of user names"):
        crew.run(2, accounts=file, logs=tmp_path)
