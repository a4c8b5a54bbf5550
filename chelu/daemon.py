"""What surrounds the work of every long-running process: its log, the word to end, the ready file, and its exit code."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from chelu.errors import CannotStartError, CheluError

READY_VARIABLE = "CHELU_READY_FILE"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

log = logging.getLogger(__name__)


def main(name: str, work: Callable[[threading.Event], None]) -> int:
    """Run `work` until the event it is given is set: by SIGTERM, SIGINT, or the death of one of its threads.

    Returns the exit code: 0 after an orderly end, 1 with one sentence on standard error otherwise.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=LOG_FORMAT)
    try:
        until_told(work)
    except CheluError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    return 0


def until_told(work: Callable[[threading.Event], None]) -> None:
    """As `main`, for a caller with a log and exit codes of its own; CannotStartError when a thread died."""
    leaving, dead = threading.Event(), list[str]()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.set())

    def note_death(arguments: threading.ExceptHookArgs) -> None:
        """A dead thread must not go unnoticed: end, so that whoever supervises this process starts it anew."""
        log.error("thread %s failed", getattr(arguments.thread, "name", "?"), exc_info=arguments.exc_value)
        dead.append(f"{arguments.exc_type.__name__}: {arguments.exc_value}")
        leaving.set()

    threading.excepthook = note_death
    work(leaving)
    if dead:
        raise CannotStartError(f"a thread failed ({dead[0]})", "this is a fault of the program: report it with the log")


def say_ready(environ: Mapping[str, str]) -> None:
    """Touch the file that whoever started this process waits for, if it named one."""
    if path := environ.get(READY_VARIABLE):
        Path(path).touch()


def required(environ: Mapping[str, str], name: str) -> str:
    """An address that has no default; CannotStartError says where it comes from."""
    if not environ.get(name):
        raise CannotStartError(f"{name} is not set", "set it, or start everything with: chelu up")
    return environ[name]
