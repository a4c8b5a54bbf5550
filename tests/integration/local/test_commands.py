"""`chelu up`, `status`, `logs` and `down` as a person uses them, with stand-ins for the services."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from chelu.local import state
from chelu.local.lock import holder
from tests.waiting import until

ROOT = Path(__file__).parents[3]
# The real command; only the list of services is another.
CHELU = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from chelu import cli
from chelu.local import run
from tests.integration.local.test_site import OPTIONS
foreground, detached = run.foreground, run.detached
run.foreground = lambda data, asked: foreground(data, asked, base=OPTIONS)
run.detached = lambda data, asked: detached(data, asked, program=[sys.executable, "-c", CHELU, ROOT])
cli.main()
"""
CHELU = f"ROOT = {str(ROOT)!r}\nCHELU = None\n" + CHELU
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CHELU_")} | {"COLUMNS": "160"}


def start(*words: str, out: IO[str] | int = subprocess.PIPE) -> subprocess.Popen[str]:
    code = CHELU.replace("CHELU = None\n", f"CHELU = {CHELU!r}\n", 1)
    command = [sys.executable, "-c", code, str(ROOT), *words]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=out, stderr=subprocess.PIPE, text=True)


def chelu(*words: str) -> tuple[int, str, str]:
    with start(*words) as process:
        out, error = process.communicate(timeout=120)
        return process.returncode, out, error


def parts_of(data: Path) -> list[psutil.Process]:
    return [psutil.Process(part.pid) for part in state.read(data / "state.json") if part.pid]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    if pid := holder(tmp_path / "data" / "lock"):
        os.kill(pid, signal.SIGTERM)
        until(lambda: holder(tmp_path / "data" / "lock") is None, 60, "the site to stop")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_site_cleanly(data: Path, tmp_path: Path, number: signal.Signals) -> None:
    said = tmp_path / "said"
    with said.open("w") as out, start("up", "--data", str(data), out=out) as process:
        until(lambda: "Ctrl-C stops it" in said.read_text(), 60, "the site to be up")
        parts = parts_of(data)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert len(parts) == 4
    assert [part for part in parts if part.is_running()] == []
    assert holder(data / "lock") is None


def test_ctrl_c_while_starting_leaves_nothing(data: Path) -> None:
    with start("up", "--data", str(data)) as process:
        until(lambda: (data / "lock").exists() and holder(data / "lock"), 30, "the start to begin")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert holder(data / "lock") is None
    commands = psutil.process_iter(["cmdline"])
    assert not any(str(data) in " ".join(process.info["cmdline"] or ()) for process in commands)


def test_detached_status_logs_down(data: Path) -> None:
    code, out, error = chelu("up", "--detach", "--data", str(data))
    assert code == 0, error
    assert "/docs" in out
    code, out, error = chelu("status", "--data", str(data))
    assert code == 0, error
    assert [line.split()[0] for line in out.splitlines()[:5]] == ["name", "database", "broker", "registry", "ingest"]
    assert out.splitlines()[-1].startswith("traffic: not known")  # a stand-in answers nothing
    assert out.count("running") == 4
    code, out, error = chelu("logs", "database", "--data", str(data))
    assert "ready to accept connections" in out
    code, out, error = chelu("up", "--data", str(data))
    assert code == 1
    assert error.strip().startswith("chelu: a site already runs on")
    parts = parts_of(data)
    code, out, error = chelu("down", "--data", str(data))
    assert code == 0, error
    assert [part for part in parts if part.is_running()] == []


def test_following_a_log_shows_what_is_appended(data: Path) -> None:
    log, seen = data / "logs" / "registry.log", data / "seen"
    log.parent.mkdir(parents=True)
    log.write_text("old\n")
    with seen.open("w") as out, start("logs", "registry", "-f", "--data", str(data), out=out) as process:
        try:
            until(lambda: seen.read_text() == "old\n", 20, "the old line")
            with log.open("a") as file:
                file.write("new\n")
            until(lambda: seen.read_text() == "old\nnew\n", 20, "the new line")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("status",), "no site runs on"),
        (("down",), "no site runs on"),
        (("logs", "nobody"), "name = 'nobody' is not allowed: the logs in"),
        (("up", "--broker", "rabbit"), "--broker = 'rabbit' is not allowed: it must be one of auto, installed, fetched, amqtt"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_1(data: Path, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in mistake(data, *words)


def test_a_port_in_use_is_one_sentence_and_exit_code_1(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert f"port {port}, asked for mqtt, is in use" in mistake(data, "up", "--mqtt-port", str(port))


def mistake(data: Path, *words: str) -> str:
    """The one sentence that a command fails with."""
    code, _, error = chelu(*words, "--data", str(data))
    assert code == 1
    assert "Traceback" not in error
    (sentence,) = [line for line in error.splitlines() if line.startswith("chelu: ")]
    return sentence
