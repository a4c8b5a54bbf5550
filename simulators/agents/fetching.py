"""Packages for many simulated agents: fetched in ranges and checked with the agent's own code, some at a time.

Threads: a pool's; what comes of a package is asked for with `ended`, from the agents' thread.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chelu.errors import MalformedError
from edge.upgrade.download import Fetcher, StoppedError
from edge.upgrade.order import UpgradeError, check_signed, read
from edge.upgrade.store import Store

AT_ONCE = 16


class Packages:
    """Fetches into a directory for each agent; trusted: makers' public keys by name."""

    def __init__(self, directory: Path, trusted: Mapping[str, str], ca_file: Path | None = None) -> None:
        self._directory, self._trusted, self._ca_file = directory, trusted, ca_file
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, "packages")
        self._ended: queue.SimpleQueue[tuple[int, dict[str, Any], str]] = queue.SimpleQueue()
        self._busy: set[int] = set()
        self.bytes = 0

    def fetch(self, agent: int, device_id: str, order: dict[str, Any], payload: bytes) -> None:
        """Begin, unless this order is at it."""
        if order["seqNum"] not in self._busy:
            self._busy.add(order["seqNum"])
            self._pool.submit(self._fetch, agent, device_id, order, payload)

    def ended(self) -> list[tuple[int, dict[str, Any], str]]:
        """Agent, order, and why it failed (nothing: it is whole and its maker's), of those that have ended since."""
        found = []
        while not self._ended.empty():
            found.append(self._ended.get())
            self._busy.discard(found[-1][1]["seqNum"])
            self.bytes += 0 if found[-1][2] else found[-1][1]["bytes"]
        return found

    def close(self) -> None:
        """End; what is under way stays as it is."""
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _fetch(self, agent: int, device_id: str, order: dict[str, Any], payload: bytes) -> None:
        trouble = ""
        try:
            upgrade, store = read(payload), Store(self._directory / device_id, {})
            check_signed(upgrade, self._trusted)
            Fetcher(None, self._ca_file, self._stopping).fetch(upgrade, store.part(upgrade), lambda _: None)
            store.check_whole(upgrade)
            store.put(upgrade)
            store.begin(upgrade.name, upgrade.version)
            store.settle(upgrade.name, keeps_former=True)
        except StoppedError:
            return
        except (UpgradeError, MalformedError, OSError) as error:
            trouble = str(error)
        self._ended.put((agent, order, trouble))
