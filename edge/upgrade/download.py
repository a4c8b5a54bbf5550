"""Fetching a package in pieces over HTTP, each asked for by its range, so that nothing that has come is asked for again."""

from __future__ import annotations

import http.client
import json
import logging
import os
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from chelu import tls
from edge.upgrade.order import Upgrade, UpgradeError

log = logging.getLogger(__name__)
PIECE_BYTES = 1 << 20
MOST_REASON_BYTES = 1 << 14
TIMEOUT_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
GONE = frozenset({401, 403, 404, 410})  # the registry does not want us to have it any more


class StoppedError(Exception):
    """The agent ends, or another order has come: what has been fetched stays."""


class Fetcher:
    """Fetches into a file until it is whole; for one thread. `stopping` ends it with StoppedError."""

    def __init__(self, base: str | None, ca_file: Path | None, stopping: threading.Event) -> None:
        self._base, self._ca_file, self._stopping = base, ca_file, stopping

    def fetch(self, upgrade: Upgrade, part: Path, told: Callable[[int], None]) -> None:
        """Make `part` whole, telling its bytes after each piece; UpgradeError when it is not to be had, OSError of the disk.

        While the registry is away it is tried again, later each time, for as long as the order stands.
        """
        pause_s = FIRST_PAUSE_S
        while (size := _size(part)) < upgrade.size:
            if self._stopping.is_set():
                raise StoppedError
            try:
                piece = self._piece(upgrade, size)
            except (OSError, http.client.HTTPException) as error:
                log.info("%s: %d of %d bytes, tried again in %g s: %s", upgrade.name, size, upgrade.size, pause_s, error)
                self._stopping.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            pause_s = FIRST_PAUSE_S
            _append(part, piece)
            told(size + len(piece))
        if _size(part) > upgrade.size:
            part.unlink()
            raise UpgradeError(f"more than {upgrade.size} bytes came")

    def _piece(self, upgrade: Upgrade, start: int) -> bytes:
        """The next bytes; OSError when they do not come, UpgradeError when they never will."""
        stop = min(start + PIECE_BYTES, upgrade.size)
        headers = {"Authorization": f"Bearer {upgrade.token}", "Range": f"bytes={start}-{stop - 1}"}
        request = urllib.request.Request(self._address(upgrade.url), headers=headers)  # noqa: S310 - its scheme is checked
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._context(request.full_url)) as answer:  # noqa: S310
                if answer.status != http.client.PARTIAL_CONTENT and start:
                    raise UpgradeError(f"{request.full_url} gives no ranges")
                piece: bytes = answer.read(stop - start)
        except urllib.error.HTTPError as error:
            with error:
                if error.code in GONE:
                    raise UpgradeError(f"the registry does not give it: {_reason(error)}") from None
            raise OSError(f"{error.code} {error.reason}") from None
        if not piece:
            raise OSError("no bytes came")
        return piece

    def _address(self, url: str) -> str:
        address = urljoin(self._base, url) if self._base else url
        if urlsplit(address).scheme not in {"http", "https"}:
            raise UpgradeError(f"url = {address!r} is not http:// or https://; name the registry's in [upgrade] registry")
        return address

    def _context(self, address: str) -> ssl.SSLContext | None:
        return tls.client_context(self._ca_file) if address.startswith("https:") else None


def _reason(error: urllib.error.HTTPError) -> str:
    """Why, as the registry's problem document says it (RFC 9457); else the status."""
    try:
        document = json.loads(error.read(MOST_REASON_BYTES))
    except (ValueError, OSError, http.client.HTTPException, RecursionError):
        document = None
    detail = document.get("detail") if isinstance(document, dict) else None
    return detail if isinstance(detail, str) and detail else f"{error.code} {error.reason}"


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _append(part: Path, piece: bytes) -> None:
    """All of the piece or none of it, on the disk."""
    before = _size(part)
    with part.open("ab") as file:
        try:
            file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), before)
            raise
