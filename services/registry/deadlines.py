"""What happens because its time has come: keys that expire, credentials whose change is over, strangers that are forgotten."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Self

from chelu.errors import CheluError
from services.registry import joining_rows, rotation_rows
from services.registry.database import Register
from services.registry.orders import rows as order_rows

LOG = logging.getLogger(__name__)
PERIOD_S = 1.0
FORGET_EVERY = 3600  # periods


class Deadlines:
    """Looks once a second while it is entered, and lets the broker's files follow; owns one thread."""

    def __init__(self, register: Register, announce: Callable[[], None], *, period_s: float = PERIOD_S) -> None:
        self._register, self._announce, self._period_s = register, announce, period_s
        self._live: tuple[str, ...] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        is_well, count = True, 0
        while not self._stopping.wait(self._period_s):
            try:
                self._look(is_forgetting=count % FORGET_EVERY == 0)
            except CheluError as error:
                if is_well:
                    LOG.warning("deadlines are not kept: %s", error)
                is_well = False
            else:
                is_well, count = True, count + 1

    def _look(self, *, is_forgetting: bool) -> None:
        with self._register.transaction("registry") as connection:
            ended = rotation_rows.end_overdue(connection)
            live = tuple(row["name"] for row in connection.execute(joining_rows.LIVE.encode()))
            if is_forgetting:
                joining_rows.forget(connection)
                order_rows.forget(connection)
        if ended or live != self._live:
            self._live = live
            self._announce()
