"""Lets alarms become what time makes of them, and tells webhooks.

Threads: the teller's own looks twice a second for what is due; deliveries run in a few threads of a pool, no two of one webhook
at once. An attempt is noted after its answer, so an event is told at least once: if this process dies between the two, once more,
with the same ``delivery_id``.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Self

import httpx
import psycopg

from chelu.clock import Clock
from chelu.errors import CheluError
from chelu.units import US_PER_S
from services.registry.alarms import deliveries, rows, signing
from services.registry.alarms.deliveries import Due
from services.registry.database import Register
from services.registry.rounds import Rounds

LOG = logging.getLogger(__name__)
ACTOR = "registry"
PERIOD_S = 0.5
FORGET_EVERY = 7200  # periods
ANSWER_S = 10.0
LANES = 4  # webhooks at a time
SHOWN_CHARACTERS = 200


class Teller:
    """Works while it is entered."""

    def __init__(self, register: Register, clock: Clock, *, period_s: float = PERIOD_S) -> None:
        self._register, self._clock = register, clock
        self._http = httpx.Client(
            timeout=ANSWER_S, trust_env=False, follow_redirects=False, headers={"User-Agent": f"chelu/{version('chelu')}"}
        )
        self._pool = ThreadPoolExecutor(LANES, thread_name_prefix="webhook")
        self._guard = threading.Lock()
        self._busy: set[str] = set()
        self._looks = 0
        self._rounds = Rounds.every(period_s, "alarms", self._look, "alarms are neither raised nor told")

    def __enter__(self) -> Self:
        self._rounds.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._rounds.stop()
        self._pool.shutdown(cancel_futures=True)
        self._http.close()

    def _look(self) -> None:
        now_us = self._clock.wall_us()
        with self._guard:
            busy = set(self._busy)
        with self._register.transaction(ACTOR) as connection:
            rows.settle(connection, now_us=now_us)
            if self._looks % FORGET_EVERY == 0:
                deliveries.forget(connection, now_us=now_us)
        with self._register.transaction(ACTOR) as connection:  # what was raised just now is among them
            found = deliveries.heads(connection, busy, now_us=now_us)
        for due in found:
            with self._guard:
                self._busy.add(due.name)
            self._pool.submit(self._deliver, due)
        self._looks += 1

    # -- a thread of the pool --------------------------------------------------------------------------------------------------

    def _deliver(self, due: Due) -> None:
        """Deliver, and then what waits behind it, until one fails or none is left."""
        name = due.name
        following: Due | None = due
        try:
            while following is not None and not self._rounds.stopping.is_set():
                following = self._attempt(following)
        except (CheluError, psycopg.Error) as error:
            LOG.warning("webhook %s: what became of an attempt is not noted: %s", name, error)
        finally:
            with self._guard:
                self._busy.discard(name)

    def _attempt(self, due: Due) -> Due | None:
        is_taken, answer = self._send(due)
        now_us = self._clock.wall_us()
        with self._register.transaction(ACTOR) as connection:
            if is_taken:
                deliveries.note_delivered(connection, due, answer, now_us=now_us)
                return deliveries.following(connection, due.name)
            deliveries.note_failed(connection, due, answer, now_us=now_us)
        if due.attempts == 0:  # a line when it begins to fail, not for every attempt
            LOG.warning("webhook %s did not take delivery %d: %s", due.name, due.delivery_id, answer)
        return None

    def _send(self, due: Due) -> tuple[bool, str]:
        """Whether it was taken, and the answer in a few words."""
        body = due.document()
        headers = {
            "Content-Type": "application/json",
            "Chelu-Delivery": str(due.delivery_id),
            signing.HEADER: signing.sign(due.secret, body, at_s=self._clock.wall_us() // US_PER_S),
        }
        try:
            with self._http.stream("POST", due.url, content=body, headers=headers) as response:
                return response.is_success, f"{response.status_code} {response.reason_phrase}".strip()[:SHOWN_CHARACTERS]
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return False, (str(error) or type(error).__name__)[:SHOWN_CHARACTERS]
