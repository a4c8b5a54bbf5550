"""Runs one agent with its sources until it is told to end."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from chelu import daemon
from chelu.clock import Clock, clock_of
from chelu.errors import CheluError
from edge import joining, settings
from edge.adapters import build
from edge.agent import Agent

log = logging.getLogger(__name__)
POLL_S = 0.2


def run(config: Path, environ: Mapping[str, str]) -> None:
    """Run until SIGTERM or SIGINT. Raises CheluError when it cannot start, or when a thread of its own fails.

    A broker that is away or refuses us is no reason not to start: what is heard goes to disk, and the log says why.
    """
    read = settings.load(config, environ)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=daemon.LOG_FORMAT)
    logging.getLogger("edge").setLevel(read.log_level)
    clock = clock_of(environ)

    def work(leaving: threading.Event) -> None:
        registered = read
        if joining.is_waiting(read):
            daemon.say_ready(environ)
            if not joining.join(read, clock, leaving):
                return
            registered = settings.load(config, environ)
        while _serve(registered, clock, environ, leaving):
            log.info("starts anew, as the platform asked")
            registered = settings.load(config, environ)

    daemon.until_told(work)


def _serve(registered: settings.EdgeSettings, clock: Clock, environ: Mapping[str, str], leaving: threading.Event) -> bool:
    """Run one agent until the process is told to end, or the agent to start anew: then True."""
    is_asked = threading.Event()
    agent = Agent(registered, clock, restart=is_asked.set)
    sources = build(agent, clock)
    agent.start()
    for source in sources:
        source.start()
    daemon.say_ready(environ)
    while not leaving.is_set() and not is_asked.wait(POLL_S):
        pass
    for source in sources:
        source.stop()
    agent.stop()
    return is_asked.is_set() and not leaving.is_set()


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
