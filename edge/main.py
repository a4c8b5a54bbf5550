"""Runs one agent with its sources until it is told to end."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from chelu import daemon
from chelu.clock import SystemClock
from chelu.errors import CheluError
from edge import joining, settings
from edge.adapters import build
from edge.agent import Agent


def run(config: Path, environ: Mapping[str, str]) -> None:
    """Run until SIGTERM or SIGINT. Raises CheluError when it cannot start, or when a thread of its own fails.

    A broker that is away or refuses us is no reason not to start: what is heard goes to disk, and the log says why.
    """
    read = settings.load(config, environ)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=daemon.LOG_FORMAT)
    logging.getLogger("edge").setLevel(read.log_level)
    clock = SystemClock()

    def work(leaving: threading.Event) -> None:
        registered = read
        if joining.is_waiting(read):
            daemon.say_ready(environ)
            if not joining.join(read, clock, leaving):
                return
            registered = settings.load(config, environ)
        agent = Agent(registered, clock)
        sources = build(agent, clock)
        agent.start()
        for source in sources:
            source.start()
        daemon.say_ready(environ)
        leaving.wait()
        for source in sources:
            source.stop()
        agent.stop()

    daemon.until_told(work)


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
