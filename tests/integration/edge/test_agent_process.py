"""An agent as a process on a real broker: what survives its death, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chelu.local.ports import free_port
from tests.fix_broker import MakeBroker, RunningBroker
from tests.integration.edge.agents import MakePlatform, bsm, unpacked
from tests.waiting import until

CONFIGURATION = """
kind = "rsu"
id = "{device}"
broker = "{url}"
heartbeat_s = 3600
run_status_s = 3600
[[sources]]
type = "frames"
listen = "127.0.0.1:{port}"
"""
Process = Callable[[str, int], "subprocess.Popen[str]"]


@pytest.fixture
def process(tmp_path: Path, device: str) -> Iterator[Callable[[str, int], subprocess.Popen[str]]]:
    """Starts ``python -m edge`` and waits until it is ready."""
    started: list[subprocess.Popen[str]] = []

    def make(url: str, port: int) -> subprocess.Popen[str]:
        config, ready = tmp_path / "edge.toml", tmp_path / f"ready-{len(started)}"
        config.write_text(CONFIGURATION.format(device=device, url=url, port=port))
        command = [sys.executable, "-m", "edge", "--config", str(config)]
        environment = {**os.environ, "CHELU_READY_FILE": str(ready)}
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
        until(ready.exists, 15, "the agent to be ready")
        return started[-1]

    yield make
    for item in started:
        item.kill()
        item.wait()
        if item.stderr:
            item.stderr.close()


def test_a_killed_agent_s_last_will_is_said_and_retained(broker: RunningBroker, platform: MakePlatform, process: Process) -> None:
    hearer = platform()
    agent = process(broker.url, free_port())
    until(lambda: [item["state"] for item in hearer.documents("state")] == ["online"], 10, "the online state")
    agent.kill()
    until(lambda: len(hearer.of("state")) == 2, 10, "the last will")
    assert hearer.documents("state")[-1]["reason"] == "connection lost"
    late = platform()
    assert json.loads(late.wait("state", 1)[0].payload)["state"] == "offline"


def test_a_killed_agent_s_backlog_is_delivered_in_order_by_its_successor(
    make_broker: MakeBroker, platform: MakePlatform, process: Process, tmp_path: Path
) -> None:
    closed, port = free_port(), free_port()
    first = process(f"mqtt://127.0.0.1:{closed}", port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(200):
            sender.sendto(b"\x40" + bsm(number)[1:], ("127.0.0.1", port))  # RSI: QoS 1
            sender.sendto(bsm(number), ("127.0.0.1", port))
    until(
        lambda: sum(path.stat().st_size for path in (tmp_path / "spool" / "events").glob("*.log")) > 200 * 60,
        10,
        "the RSIs on disk",
    )
    until(
        lambda: sum(path.read_bytes().count(bsm(199)) for path in (tmp_path / "spool" / "backlog").glob("*.log")),
        10,
        "the BSMs on disk",
    )
    first.send_signal(signal.SIGKILL)
    first.wait()
    broker = make_broker()
    hearer = platform(broker.url)
    process(broker.url, free_port())
    rsis = hearer.wait("rsi/up", 200, 20)
    assert [message.payload[18:] for message in rsis] == [b"\x40" + bsm(number)[1:] for number in range(200)]
    assert len({message.sequence for message in rsis}) == 200
    until(lambda: sum(len(unpacked(message.payload)[2]) for message in hearer.of("bsm/up")) == 200, 20, "200 BSMs")
    frames = [frame for message in hearer.of("bsm/up") for frame in unpacked(message.payload)[2]]
    assert frames == [bsm(number) for number in range(200)]


def test_sigterm_ends_the_agent_cleanly(broker: RunningBroker, platform: MakePlatform, process: Process) -> None:
    hearer = platform()
    agent = process(broker.url, free_port())
    hearer.wait("state", 1)
    agent.terminate()
    assert agent.wait(10) == 0
    until(lambda: hearer.documents("state")[-1].get("reason") == "stopped", 5, "the good-bye")


def run_agent(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge", "--config", str(config)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def test_a_bad_file_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('kind = "rsu"\nid = "a b"\n')
    done = run_agent(config)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "id = 'a b' is not allowed" in done.stderr


def test_a_port_in_use_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        config = tmp_path / "edge.toml"
        config.write_text(CONFIGURATION.format(device="a", url="mqtt://127.0.0.1:1", port=holder.getsockname()[1]))
        done = run_agent(config)
    assert done.returncode == 1
    assert "cannot be listened on (Address already in use)" in done.stderr
