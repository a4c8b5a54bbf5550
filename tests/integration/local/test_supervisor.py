"""The supervisor with small programs of the shell."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from chelu.clock import SystemClock
from chelu.errors import CannotStartError, CheluError
from chelu.local.process import Program
from chelu.local.supervisor import State, Status, Supervisor
from tests.waiting import until


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    keeper = Supervisor(SystemClock())
    yield keeper
    keeper.close()


def shell(name: str, script: str, log: Path, *, stop_timeout_s: float = 5.0, start_timeout_s: float = 10.0) -> Program:
    """Ready when its log says so."""
    return Program(
        name=name,
        command=("/bin/sh", "-c", script),
        log=log,
        is_ready=lambda: log.exists() and "ready" in log.read_text(),
        stop_timeout_s=stop_timeout_s,
        start_timeout_s=start_timeout_s,
        pid_file=log.with_suffix(".pid"),
    )


def test_a_part_that_ends_before_it_is_ready_is_quoted(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match=r"a did not start \(exit code 3: no such map\)"):
        supervisor.start(shell("a", "echo no such map >&2; exit 3", tmp_path / "log"))


def test_a_command_that_does_not_exist_is_quoted(supervisor: Supervisor, tmp_path: Path) -> None:
    program = Program(name="a", command=("/no/such/program",), log=tmp_path / "log", is_ready=lambda: False)
    with pytest.raises(CannotStartError, match=r"/no/such/program cannot be started: .*No such file"):
        supervisor.start(program)


def test_a_part_that_never_gets_ready_is_ended(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match="not ready after 0 s"):
        supervisor.start(shell("a", "exec sleep 60", tmp_path / "log", start_timeout_s=0.3))
    assert supervisor.pid("a") is None


def test_a_part_that_ignores_its_signal_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(shell("a", "trap '' TERM; echo ready; while :; do sleep 1; done", tmp_path / "log", stop_timeout_s=0.3))
    pid = supervisor.pid("a")
    assert pid
    supervisor.stop("a")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_parts_are_ended_in_reverse_order(tmp_path: Path) -> None:
    keeper = Supervisor(SystemClock())
    order = tmp_path / "order"
    for name in ("first", "second"):
        script = f"trap 'echo {name} >> {order}; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
        keeper.start(shell(name, script, tmp_path / f"{name}.log"))
    keeper.close()
    keeper.close()
    assert order.read_text().split() == ["second", "first"]


def test_every_change_is_told(tmp_path: Path) -> None:
    told: list[tuple[Status, ...]] = []
    keeper = Supervisor(SystemClock(), on_change=told.append)
    keeper.start(shell("a", "echo ready; exec sleep 60", tmp_path / "log"))
    pid = keeper.kill("a", signal.SIGTERM)
    keeper.wait_running("a", timeout_s=10, other_than=pid)
    keeper.close()
    states = [parts[0].state for parts in told]
    assert {State.STARTING, State.RUNNING, State.WAITING} <= set(states)


def test_a_part_between_two_lives_cannot_be_killed_and_has_no_pid_file(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    supervisor.start(shell("a", "echo ready; exec sleep 60", log))
    assert int(log.with_suffix(".pid").read_text()) == supervisor.pid("a")
    supervisor.stop("a")
    assert not log.with_suffix(".pid").exists()
    with pytest.raises(CheluError, match="a is not running"):
        supervisor.kill("a")


def test_a_part_that_keeps_failing_waits_longer_and_longer(supervisor: Supervisor, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    supervisor.start(shell("a", f"test -e {flag} && exit 7; echo ready; exec sleep 60", tmp_path / "log"))
    flag.touch()
    supervisor.kill("a")
    until(lambda: supervisor.status()[0].restarts >= 3, 10, "three restarts")
    status = supervisor.status()[0]
    assert "exit code 7" in status.detail
    flag.unlink()
    supervisor.wait_running("a", timeout_s=10)


def test_output_of_a_part_is_in_its_log_and_a_long_log_is_set_aside(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(17 << 20)
    supervisor.start(shell("a", "echo ready; exec sleep 60", log))
    assert log.read_text() == "ready\n"
    assert log.with_name("log.1").stat().st_size == 17 << 20
