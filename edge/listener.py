"""What every source that listens on a socket does alike: one bound socket, one thread, a stop that is heard soon."""

from __future__ import annotations

import socket
import threading
from abc import ABC, abstractmethod

from edge.sockets import KernelDrops, listen

POLL_S = 0.25  # how soon a stop is heard


class Listener(ABC):
    """Binds at once, reads from `start` to `stop` on a thread of its own; CannotStartError when the address is taken."""

    def __init__(self, endpoint: str, kind: socket.SocketKind, *, name: str) -> None:
        self._socket = listen(endpoint, kind)
        self._drops = KernelDrops(self._socket)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-{endpoint}", daemon=True)

    @property
    def port(self) -> int:
        """The port listened on, which is a free one when 0 was asked for."""
        port: int = self._socket.getsockname()[1]
        return port

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._close()

    def _close(self) -> None:
        self._socket.close()

    @abstractmethod
    def _run(self) -> None:
        """Read until `_stopping` is set; called on the listener's own thread."""
