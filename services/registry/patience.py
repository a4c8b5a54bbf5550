"""uvicorn's HTTP protocol with bounds on how long and how large a request's head may be: who says nothing keeps no connection.

A stranger who opens connections and sends a letter a minute on each would else have all the files that this process may open, and
nobody else got in; and one who never ends a head, its memory. A body is bounded where it is known who sends it (`body_limit`).
"""

from __future__ import annotations

import asyncio
import fcntl
import resource
from collections.abc import Callable, Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0  # from the first byte, or the connection's beginning, to the last byte of the headers
MOST_HEAD_BYTES = 65_536
HAS_LEFT = "chelu.has_left"  # the scope's extension: whether all that was written has left this machine
SIOCOUTQNSD = 0x894B  # Linux: bytes that the system has and has not sent yet, for want of somebody who takes them
LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class PatientHttp(HttpToolsProtocol):
    """One connection; in the event loop's thread."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._deadline: asyncio.TimerHandle | None = None
        self._has_head = False
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._has_head:
            self._forget_deadline()
            return
        self._await_head()
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self._give_up(LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._has_head, self._head_bytes = False, 0

    def on_headers_complete(self) -> None:
        self._has_head = True
        self.scope["extensions"] = {HAS_LEFT: {"ask": self._has_left}}
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def _has_left(self) -> bool:
        if self.transport.is_closing() or self.transport.get_write_buffer_size():
            return False
        try:
            kept = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), SIOCOUTQNSD, bytes(4))
        except OSError:  # another system: what it has, it has taken
            return True
        return not any(kept)

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_S, self._give_up, LATE)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self, answer: bytes) -> None:
        self._forget_deadline()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def has_left(scope: Mapping[str, Any]) -> Callable[[], bool]:
    """What says, in the event loop's thread, whether all that was written for a request has left this machine."""
    ask: Callable[[], bool] = scope.get("extensions", {}).get(HAS_LEFT, {}).get("ask", lambda: True)
    return ask


def allow_connections() -> None:
    """Let this process open as many files as the system allows it: a connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
