"""A broker that says what a test wants it to say: for what mosquitto never does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

YES = b"\x20\x03\0\0\0"


class Scripted:
    """Answers each connection's CONNECT and says the connection's piece; keeps what it hears afterwards, by connection."""

    def __init__(self, pieces: Sequence[bytes], answer: bytes = YES) -> None:
        self._pieces, self._answer = pieces, answer
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run)
        self.heard: list[bytes] = []
        self.ended: list[bool] = []

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def _run(self) -> None:
        for piece in self._pieces:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            number = len(self.heard)
            self.heard.append(b"")
            with client, contextlib.suppress(OSError):
                client.settimeout(10)
                client.recv(4096)
                client.sendall(self._answer + piece)
                while data := client.recv(4096):
                    self.heard[number] += data
            self.ended.append(True)


@contextmanager
def scripted(*pieces: bytes, answer: bytes = YES) -> Iterator[Scripted]:
    """A broker for as many connections as there are pieces; the sessions are to be stopped before it ends."""
    broker = Scripted(pieces, answer)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
