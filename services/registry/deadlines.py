"""What happens because its time has come: keys that expire, credentials whose change is over, strangers that are forgotten."""

from __future__ import annotations

from collections.abc import Callable

from services.registry import joining_rows, rotation_rows
from services.registry.database import Register
from services.registry.orders import rows as order_rows
from services.registry.rounds import InRounds, Rounds

PERIOD_S = 1.0
FORGET_EVERY = 3600  # periods


class Deadlines(InRounds):
    """Looks once a second while it is entered, and lets the broker's files follow; owns one thread."""

    def __init__(self, register: Register, announce: Callable[[], None], *, period_s: float = PERIOD_S) -> None:
        self._register, self._announce = register, announce
        self._live: tuple[str, ...] | None = None
        self._looks = 0
        self._rounds = Rounds.every(period_s, "deadlines", self._look, "deadlines are not kept")

    def _look(self) -> None:
        with self._register.transaction("registry") as connection:
            ended = rotation_rows.end_overdue(connection)
            live = tuple(row["name"] for row in connection.execute(joining_rows.LIVE.encode()))
            if self._looks % FORGET_EVERY == 0:
                joining_rows.forget(connection)
                order_rows.forget(connection)
        if ended or live != self._live:
            self._live = live
            self._announce()
        self._looks += 1
