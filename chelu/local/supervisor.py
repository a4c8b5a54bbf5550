"""Keeps parts running: starts them, restarts what ends by itself with growing pauses, ends them in reverse order.

One thread owns every child process: all are started from it, because the kernel ties a child's life to the thread that made it.
"""

from __future__ import annotations

import enum
import logging
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

from chelu.clock import Clock
from chelu.errors import CannotStartError, CheluError
from chelu.local import process
from chelu.local.process import Program

POLL_S = 0.05
BACKOFF_FIRST_S = 0.2
BACKOFF_LONGEST_S = 10.0
STEADY_S = 10.0  # a part that ran this long starts again at the first pause

log = logging.getLogger(__name__)


class State(enum.StrEnum):
    """Where a part is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting to restart"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Status:
    """What `chelu status` shows of a part; `since_us` is wall time, `pid` None when it is not running."""

    name: str
    pid: int | None
    state: State
    since_us: int
    restarts: int
    address: str
    detail: str = ""


def backoff_s(failures: int) -> float:
    """The pause before restart number `failures` (from 1) in a row."""
    return float(min(BACKOFF_FIRST_S * 2 ** min(failures - 1, 30), BACKOFF_LONGEST_S))


class _Part:
    """One program and its process; touched only by the supervisor's thread, or under its lock."""

    def __init__(self, program: Program, now_us: int) -> None:
        self.program = program
        self.popen: subprocess.Popen[bytes] | None = None
        self.state = State.STARTING
        self.since_us = now_us
        self.restarts = 0
        self.failures = 0
        self.was_ready = False
        self.detail = ""
        self.started_s = 0.0
        self.due_s = 0.0
        self.log_offset = 0

    def status(self) -> Status:
        pid = self.popen.pid if self.popen else None
        return Status(self.program.name, pid, self.state, self.since_us, self.restarts, self.program.address, self.detail)


class Supervisor:
    """Safe for several threads; `on_change` is called from the supervisor's own with the state of all parts."""

    def __init__(self, clock: Clock, *, on_change: Callable[[tuple[Status, ...]], None] = lambda _: None) -> None:
        self._clock, self._on_change = clock, on_change
        self._parts: dict[str, _Part] = {}
        self._changed = threading.Condition()
        self._is_dirty = False
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, program: Program) -> None:
        """Start a part and wait until it is ready; CannotStartError with its own last words when it ends or hangs."""
        with self._changed:
            part = self._parts[program.name] = _Part(program, self._clock.wall_us())
            part.due_s = self._clock.monotonic_s()
            ended = self._changed.wait_for(lambda: part.was_ready or part.state is State.STOPPED, program.start_timeout_s)
        if not part.was_ready:
            detail = part.detail if ended else f"not ready after {program.start_timeout_s:.0f} s"
            self.stop(program.name)
            raise CannotStartError(f"{program.name} did not start ({detail})", f"see {program.log}")

    def status(self) -> tuple[Status, ...]:
        """All parts, in the order they were started."""
        with self._changed:
            return tuple(part.status() for part in self._parts.values())

    def pid(self, name: str) -> int | None:
        """The process id of a part, None while it has none; KeyError for a name never started."""
        with self._changed:
            return self._parts[name].status().pid

    def kill(self, name: str, signal_number: signal.Signals = signal.SIGKILL) -> int:
        """Send a part a signal, as a fault would; it is restarted if it ends. Returns the process id it had."""
        with self._changed:
            popen = self._parts[name].popen
            if popen is None:
                raise CheluError(f"{name} is not running")
            popen.send_signal(signal_number)
            return popen.pid

    def wait_running(self, name: str, *, timeout_s: float, other_than: int | None = None) -> int:
        """Wait until a part runs, under another process id than `other_than`; returns its id or raises CannotStartError."""
        with self._changed:
            part = self._parts[name]

            def runs() -> bool:
                return part.state is State.RUNNING and part.popen is not None and part.popen.pid != other_than

            if not self._changed.wait_for(runs, timeout_s) or part.popen is None:
                raise CannotStartError(f"{name} does not run after {timeout_s:.0f} s ({part.detail})", f"see {part.program.log}")
            return part.popen.pid

    def stop(self, name: str) -> None:
        """End a part for good: its stop signal, and SIGKILL when that takes too long."""
        with self._changed:
            part = self._parts[name]
            if part.state is State.STOPPED:
                return
            part.due_s = self._clock.monotonic_s() + part.program.stop_timeout_s
            self._enter(part, State.STOPPING)
            if part.popen:
                part.popen.send_signal(part.program.stop_signal)
            self._changed.wait_for(lambda: part.state is State.STOPPED)

    def close(self) -> None:
        """End all parts, last started first, and the supervisor itself. May be called again."""
        for status in reversed(self.status()):
            self.stop(status.name)
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                for part in list(self._parts.values()):
                    self._step(part)
                report = tuple(part.status() for part in self._parts.values()) if self._is_dirty else None
                self._is_dirty = False
            if report is not None:
                self._on_change(report)
            with self._changed:
                if self._is_closing:
                    return
                if not self._is_dirty:
                    self._changed.wait(POLL_S)

    def _step(self, part: _Part) -> None:
        if part.popen and part.popen.poll() is not None:
            self._note_end(part, part.popen.returncode)
        elif part.state is State.STOPPING:
            self._press(part)
        elif part.state in {State.STARTING, State.WAITING} and part.popen is None:
            self._launch(part)
        elif part.state is State.STARTING and part.program.is_ready():
            part.was_ready = True
            self._enter(part, State.RUNNING)

    def _launch(self, part: _Part) -> None:
        now_s = self._clock.monotonic_s()
        if now_s < part.due_s:
            return
        part.log_offset = process.size(part.program.log)
        try:
            part.popen = process.spawn(part.program)
        except CannotStartError as error:
            self._note_failure(part, str(error))
            return
        part.started_s = now_s
        self._enter(part, State.STARTING)

    def _press(self, part: _Part) -> None:
        if part.popen is None:
            self._enter(part, State.STOPPED)
        elif self._clock.monotonic_s() >= part.due_s:
            part.popen.kill()

    def _note_end(self, part: _Part, code: int) -> None:
        part.popen = None
        process.forget(part.program)
        words = process.last_line(part.program.log, since=part.log_offset) if code > 0 else ""  # it was not asked for any
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        if part.state is State.STOPPING:
            self._enter(part, State.STOPPED)
        else:
            self._note_failure(part, f"{how}: {words}" if words else how)

    def _note_failure(self, part: _Part, detail: str) -> None:
        now_s = self._clock.monotonic_s()
        part.detail = detail
        if not part.was_ready:
            self._enter(part, State.STOPPED)
            return
        part.failures = 1 if now_s - part.started_s >= STEADY_S else part.failures + 1
        part.restarts += 1
        part.due_s = now_s + backoff_s(part.failures)
        self._enter(part, State.WAITING)

    def _enter(self, part: _Part, state: State) -> None:
        level = logging.WARNING if state is State.WAITING else logging.INFO
        log.log(level, "%s: %s%s", part.program.name, state, f" ({part.detail})" if state is State.WAITING else "")
        part.state, part.since_us = state, self._clock.wall_us()
        self._is_dirty = True
        self._changed.notify_all()
