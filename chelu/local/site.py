"""A whole site on this machine: database, broker and services under one supervisor, as a context manager.

`chelu up`, `chelu demo` and the end-to-end tests all start a site through this class.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import signal
import subprocess
import threading
from pathlib import Path
from types import TracebackType

from chelu.clock import Clock, SystemClock
from chelu.errors import CannotStartError, CheluError
from chelu.local import authority, files, plan, postgres, process, secrets, services, state
from chelu.local.files import Layout
from chelu.local.lock import SiteLock
from chelu.local.plan import Options, Plan
from chelu.local.ports import Claims
from chelu.local.services import Endpoints, Service
from chelu.local.supervisor import Status, Supervisor

PREPARE_TIMEOUT_S = 60
ATTEMPTS = 4  # another process may take one port after the other, and there are three

log = logging.getLogger(__name__)


class Site:
    """Use as ``with Site(data) as site``. `status`, `pid`, `kill` and `wait_running` may be called by any thread."""

    def __init__(self, data: Path, options: Options | None = None, *, clock: Clock | None = None) -> None:
        self.layout = Layout(data.absolute())
        self.options = options or Options()
        self._clock = clock or SystemClock()
        self._stack = contextlib.ExitStack()
        self._supervisor: Supervisor | None = None
        self._endpoints: Endpoints | None = None
        self._noting = threading.Lock()

    def __enter__(self) -> Site:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def endpoints(self) -> Endpoints:
        """How the site is reached; RuntimeError before it has started."""
        if self._endpoints is None:
            raise RuntimeError("the site has not started")
        return self._endpoints

    @property
    def supervisor(self) -> Supervisor:
        """The keeper of the parts; RuntimeError before the site has started."""
        if self._supervisor is None:
            raise RuntimeError("the site has not started")
        return self._supervisor

    def start(self) -> Endpoints:
        """Start all parts in order and wait until each is ready.

        CannotStartError (or another CheluError) says in a sentence what failed, and nothing is left running then.
        """
        files.make_directory(self.layout.data, mode=0o711 if os.geteuid() == 0 else 0o700)
        try:
            self._stack.enter_context(SiteLock(self.layout.lock))
            self._end_leftovers()
            self._start_on_free_ports()
        except BaseException:
            self.stop()
            raise
        return self.endpoints

    def stop(self) -> None:
        """End all parts, last started first, and give the directory free. May be called again."""
        self._endpoints = None
        self._stack.close()

    def status(self) -> tuple[Status, ...]:
        """All parts, in the order they were started."""
        return self.supervisor.status()

    def pid(self, name: str) -> int | None:
        """A part's process id, None while it has none."""
        return self.supervisor.pid(name)

    def kill(self, name: str, signal_number: signal.Signals = signal.SIGKILL) -> int:
        """Send a part a signal as a fault would; returns the process id it had. It comes back by itself."""
        return self.supervisor.kill(name, signal_number)

    def wait_running(self, name: str, *, other_than: int | None = None, timeout_s: float = 60.0) -> int:
        """Wait until a part runs, under another process id than `other_than`; returns its id."""
        return self.supervisor.wait_running(name, other_than=other_than, timeout_s=timeout_s)

    def renew_certificates(self) -> None:
        """On TLS, renew the certificates that are due; the running broker and API take them up."""
        if not self.options.tls:
            return
        try:
            if any(entry.note for entry in authority.renew(self.layout, datetime.datetime.now(datetime.UTC))):
                authority.tell_broker(self.layout)
        except CheluError as error:
            log.warning("the certificates cannot be renewed: %s", error)

    def _end_leftovers(self) -> None:
        left = state.end_leftovers(self.layout.state)
        if left:
            log.warning("ended what a killed site had left running: %s", ", ".join(left))

    def _start_on_free_ports(self) -> None:
        """Start all parts; again on other ports when somebody took one between its choice and its use.

        No other site does, since ours are claimed until all parts listen.
        """
        for attempt in range(ATTEMPTS):
            with Claims() as claims:
                plan_ = plan.make(self.layout, self.options, claims)
                try:
                    self._start_parts(plan_)
                except CheluError as error:
                    self.supervisor.close()
                    if attempt + 1 == ATTEMPTS or not plan.has_lost_a_port(plan_):
                        raise
                    log.warning("%s; another process took a port, so once more on others", error)
                else:
                    return

    def _start_parts(self, plan_: Plan) -> None:
        supervisor = self._supervisor = Supervisor(self._clock, on_change=self._note)
        self._stack.callback(supervisor.close)
        if plan_.cluster:
            settings = self.options.database_settings
            supervisor.start(postgres.program(plan_.cluster, log=self.layout.log("database"), settings=settings))
        plan.check_database(plan_)
        if self.options.prepare:
            self._prepare(self.options.prepare, plan_)
        if plan_.broker:
            supervisor.start(plan_.broker)
        for name in plan_.former:
            self._retire(name, plan_)
        for service in plan_.options.services:
            supervisor.start(services.program(service, plan_.around))
        files.write_text(self.layout.endpoints, plan_.around.endpoints.to_json())
        self._endpoints = plan_.around.endpoints
        self._note(supervisor.status())

    def _prepare(self, service: Service, plan_: Plan) -> None:
        """Run the one command that must end before the broker starts."""
        program = services.program(service, plan_.around)
        offset = process.size(program.log)
        files_ = ("--password-file", str(plan_.around.password_file), "--acl-file", str(plan_.around.acl_file))
        done = process.spawn(process.with_arguments(program, *files_))
        try:
            code = done.wait(PREPARE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise CannotStartError(f"{service.name} did not end within {PREPARE_TIMEOUT_S} s", f"see {program.log}") from None
        finally:
            done.kill()
        if code:
            words = process.last_line(program.log, since=offset) or f"exit code {code}"
            raise CannotStartError(f"{service.name} failed ({words})", f"see {program.log}")

    def _retire(self, name: str, plan_: Plan) -> None:
        """A worker of ingest that is not wanted any more ends for good; if it cannot now, at another start."""
        done = process.spawn(services.retirement(name, plan_.around))
        try:
            if done.wait(PREPARE_TIMEOUT_S) == 0:
                secrets.forget(self.layout, name)
                return
        except subprocess.TimeoutExpired:
            pass
        finally:
            done.kill()
        log.warning("%s could not give away what it holds; it is tried again at the next start", name)

    def _note(self, parts: tuple[Status, ...]) -> None:
        """Called by the supervisor's thread; a full disk must not end it."""
        try:
            with self._noting:
                state.write(self.layout.state, parts, is_ready=self._endpoints is not None)
        except CannotStartError as error:
            log.warning("%s", error)
