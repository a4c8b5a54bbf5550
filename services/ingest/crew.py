"""Several workers as child processes: each under its own name, account and spool, and started again when it ends by itself."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from chelu import daemon
from chelu.clock import SystemClock
from chelu.errors import ConfigurationError
from chelu.local.process import Program
from chelu.local.services import module
from chelu.local.supervisor import Supervisor
from services.ingest.settings import PREFIX, load, worker_name

log = logging.getLogger(__name__)


def run(workers: int, *, accounts: Path | None, logs: Path) -> None:
    """Keep the workers running until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=daemon.LOG_FORMAT)
    known = _read(accounts) if accounts else {}
    with tempfile.TemporaryDirectory(prefix="chelu-ingest-") as directory:
        programs = [
            program(worker, workers, os.environ, accounts=known, logs=logs, ready=Path(directory))
            for worker in range(1, workers + 1)
        ]
        supervisor = Supervisor(SystemClock())
        try:
            for each in programs:
                supervisor.start(each)
                log.info("%s runs; it logs to %s", each.name, each.log)
            daemon.until_told(_wait)
        finally:
            supervisor.close()


def program(
    worker: int, workers: int, environ: Mapping[str, str], *, accounts: Mapping[str, str], logs: Path, ready: Path
) -> Program:
    """How one worker is run; ConfigurationError for settings that are wrong, before any has started."""
    mine = {PREFIX + "WORKERS": str(workers), PREFIX + "WORKER": str(worker)}
    name = load({**environ, **mine}).name
    url = daemon.required(environ, "CHELU_MQTT_URL")
    ready_file = ready / worker_name("ingest", worker)
    return Program(
        name=name,
        command=module("services.ingest"),
        log=logs / f"{name}.log",
        is_ready=ready_file.exists,
        environment={
            **mine,
            "CHELU_MQTT_URL": _with_account(url, name, accounts) if accounts else url,
            daemon.READY_VARIABLE: str(ready_file),
            "PYTHONUNBUFFERED": "1",
        },
        ready_file=ready_file,
    )


def _read(file: Path) -> dict[str, str]:
    try:
        accounts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError("--accounts", str(file), f"it cannot be read ({error})") from None
    if not isinstance(accounts, dict) or not all(isinstance(value, str) for value in accounts.values()):
        raise ConfigurationError("--accounts", str(file), "it must be an object of user names and passwords")
    return accounts


def _with_account(url: str, name: str, accounts: Mapping[str, str]) -> str:
    if name not in accounts:
        raise ConfigurationError("--accounts", ", ".join(sorted(accounts)), f"there is none for the worker {name}")
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(name)}:{quote(accounts[name], safe='')}@{place}").geturl()


def _wait(leaving: threading.Event) -> None:
    leaving.wait()
