"""What the commands do: start a site in the foreground or beside the terminal, show it, stop it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from chelu.cli import extra
from chelu.clock import SystemClock
from chelu.errors import CannotStartError, CheluError, ConfigurationError
from chelu.local import files, interrupts, plan, process, state, traffic, view
from chelu.local.broker import Choice
from chelu.local.files import Layout
from chelu.local.lock import holder
from chelu.local.plan import Options
from chelu.local.services import Endpoints
from chelu.local.site import Site

START_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 90.0
POLL_S = 0.1
RENEWAL_S = 21_600.0  # how often a running site on TLS looks whether its certificates are due
CHELU = (sys.executable, "-P", "-c", "from chelu.cli import main; main()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of `chelu up`."""

    host: str
    mqtt_port: int | None
    api_port: int | None
    database_port: int | None
    broker: str
    tls: bool = False
    workers: int | None = None

    def options(self, base: Options) -> Options:
        """`base` with what was asked, and with what the environment names."""
        if self.broker not in set(Choice):
            raise ConfigurationError("--broker", self.broker, f"it must be one of {', '.join(Choice)}")
        others = plan.from_environment(os.environ)
        has_tls = self.tls or plan.has_tls(os.environ)
        return replace(base, **{**asdict(self), "broker": Choice(self.broker), "tls": has_tls, **others})

    def words(self) -> list[str]:
        """As on a command line."""
        given = {name: value for name, value in asdict(self).items() if value is not None and name != "tls"}
        words = [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        return [*words, "--tls"] if self.tls else words


def foreground(data: Path, asked: Asked, *, base: Options | None = None) -> None:
    """Start a site, say where it is, and keep it until SIGINT, SIGTERM or SIGHUP. `base`: other options than the usual."""
    console = Console()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    ended = threading.Event()
    site = Site(data, asked.options(base or Options()))
    with contextlib.suppress(_Interrupted), interrupts.once(_Interrupted):
        try:
            endpoints = site.start()
            interrupts.on_end(lambda *_: ended.set())
            console.print(view.addresses(endpoints))
            console.print("Ctrl-C stops it.")
            while not ended.wait(RENEWAL_S):
                site.renew_certificates()
        finally:
            interrupts.ignore()
            site.stop()


def detached(data: Path, asked: Asked, *, program: Sequence[str] = CHELU) -> None:
    """Start `chelu up` in a session of its own and return when its site is up; CheluError with its last words otherwise."""
    layout = Layout(files.make_directory(data))
    log = layout.log("site")
    log.parent.mkdir(exist_ok=True)
    offset = process.size(log)
    command = [*program, "up", "--data", str(data), *asked.words()]
    with log.open("ab") as file:
        child = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
    console, clock = Console(), SystemClock()
    deadline_s = clock.monotonic_s() + START_TIMEOUT_S
    with console.status("starting the site"):
        while not state.is_ready(layout.state, child.pid):
            if child.poll() is not None:
                raise CheluError(process.last_line(log, since=offset).removeprefix("chelu: ") or f"it ended; see {log}")
            if clock.monotonic_s() > deadline_s:
                child.terminate()
                raise CannotStartError(f"the site is not up after {START_TIMEOUT_S:.0f} s", f"see {log}")
            clock.sleep(POLL_S)
    console.print(view.addresses(Endpoints(**files.read_json(layout.endpoints))))


def show_status(data: Path, *, seconds: int) -> None:
    """Print the parts and the traffic of the last seconds; of a site elsewhere, which CHELU_API_URL names, the traffic alone.

    CheluError when no site runs.
    """
    console, layout = Console(), Layout(data)
    environ = dict(os.environ)
    if "CHELU_API_URL" not in environ:
        _running(layout)
        console.print(view.table(state.read(layout.state), SystemClock().wall_us()))
        environ["CHELU_HOME"] = str(data)
    try:
        _show_traffic(console, environ, seconds)
    except CheluError as error:
        if "CHELU_API_URL" in environ:
            raise
        console.print(f"\ntraffic: not known ({error})")


def _show_traffic(console: Console, environ: Mapping[str, str], seconds: int) -> None:
    with extra("api"):
        from chelu.api import Client
    with Client.find(environ) as client:
        found = client.traffic(seconds=seconds)
    console.print()
    console.print(traffic.table(found))
    for sentence in traffic.sentences(found):
        console.print(sentence)


def show_logs(data: Path, name: str | None, *, lines: int, follow: bool) -> None:
    """Print logs; ConfigurationError for a part that has none."""
    folder = Layout(data).log("x").parent
    paths = sorted(folder.glob("*.log"))
    names = [path.stem for path in paths]
    if name is not None and name not in names:
        raise ConfigurationError("name", name, f"the logs in {folder} are {', '.join(names) or 'none'}")
    chosen = [path for path in paths if name in {None, path.stem}]
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        for line in view.read(chosen, lines=lines, clock=SystemClock() if follow else None):
            print(line, flush=follow)


def take_down(data: Path) -> None:
    """Stop the supervisor and wait until it is gone."""
    layout, console, clock = Layout(data), Console(), SystemClock()
    pid = _running(layout)
    os.kill(pid, signal.SIGTERM)
    deadline_s = clock.monotonic_s() + STOP_TIMEOUT_S
    with console.status("stopping the site"):
        while holder(layout.lock) == pid:
            if clock.monotonic_s() > deadline_s:
                raise CheluError(f"process {pid} has not ended after {STOP_TIMEOUT_S:.0f} s; see {layout.log('site').parent}")
            clock.sleep(POLL_S)
    console.print(f"stopped; the data stay in {data}")


def _running(layout: Layout) -> int:
    pid = holder(layout.lock)
    if pid is None:
        raise CheluError(f"no site runs on {layout.data}; start one with: chelu up --data {layout.data}")
    return pid


class _Interrupted(BaseException):
    """A signal while the site is starting: unwinds it like KeyboardInterrupt, without being one."""
