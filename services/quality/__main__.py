"""Starts the quality monitors: `python -m services.quality`. SIGTERM or SIGINT ends them, in the middle of a round, too."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Mapping

from chelu import daemon
from chelu.clock import SystemClock
from chelu.local import interrupts
from chelu.store import Database
from services.quality.service import Quality
from services.quality.settings import load


def main() -> int:
    """Run until told to stop; 1 and one sentence when it cannot start."""
    return daemon.main("quality", lambda stopping: _run(os.environ, stopping))


def _run(environ: Mapping[str, str], stopping: threading.Event) -> None:
    settings = load(environ)
    database = Database(daemon.required(environ, "CHELU_DATABASE_URL"), application="chelu quality")
    quality = Quality(settings, database, SystemClock())
    with contextlib.suppress(KeyboardInterrupt), interrupts.once():  # a round is one transaction: what it was at is done anew
        quality.open()
        daemon.say_ready(environ)
        quality.run(stopping.is_set)


if __name__ == "__main__":
    sys.exit(main())
