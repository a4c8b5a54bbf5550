"""Runs one agent with its sources until it is told to end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from chelu.clock import SystemClock
from chelu.errors import CannotStartError, CheluError
from edge import settings
from edge.adapters import build
from edge.agent import Agent

log = logging.getLogger(__name__)


def run(config: Path, environ: Mapping[str, str]) -> None:
    """Run until SIGTERM or SIGINT. Raises CheluError when it cannot start, or when a thread of its own fails.

    A broker that is away or refuses us is no reason not to start: what is heard goes to disk, and the log says why.
    """
    read = settings.load(config, environ)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("edge").setLevel(read.log_level)
    clock, leaving = SystemClock(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.set())
    failures: list[str] = []

    def fail(arguments: threading.ExceptHookArgs) -> None:
        """A dead thread must not go unnoticed: end, so that whoever supervises the agent starts it anew."""
        log.error("thread %s failed", getattr(arguments.thread, "name", "?"), exc_info=arguments.exc_value)
        failures.append(f"{arguments.exc_type.__name__}: {arguments.exc_value}")
        leaving.set()

    threading.excepthook = fail
    agent = Agent(read, clock)
    sources = build(agent, clock)
    agent.start()
    for source in sources:
        source.start()
    if ready := environ.get("CHELU_READY_FILE"):
        Path(ready).touch()
    leaving.wait()
    for source in sources:
        source.stop()
    agent.stop()
    if failures:
        raise CannotStartError(f"the agent failed ({failures[0]})", "this is a fault of the program: report it with the log")


def main(arguments: list[str]) -> int:
    """``python -m edge --config FILE``; returns the exit code."""
    if len(arguments) != 2 or arguments[0] != "--config":
        print("usage: python -m edge --config FILE", file=sys.stderr)
        return 2
    try:
        run(Path(arguments[1]), os.environ)
    except CheluError as error:
        print(f"edge: {error}", file=sys.stderr)
        return 1
    return 0
