"""A TCP proxy before a PostgreSQL server that cuts a connection at the worst moments: around a COMMIT."""

from __future__ import annotations

import contextlib
import enum
import select
import socket
import threading

COMMIT = b"COMMIT\x00"


class Cut(enum.Enum):
    """What happens to the next COMMIT."""

    NEVER = enum.auto()
    BEFORE = enum.auto()  # it does not reach the server
    AFTER = enum.auto()  # the server's answer is swallowed
    HANG = enum.auto()  # it does not reach the server, which never learns that its client is gone


class Proxy:
    """`cut` says what happens to the next COMMIT and is NEVER again afterwards; `is_shut` keeps everybody out."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut, self.cuts, self.is_shut = Cut.NEVER, 0, False
        self._is_closing = False
        self._hanging: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._is_closing = True
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._hanging):
            one.close()

    def _accept(self) -> None:
        while not self._is_closing:
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            client, _ = self._listener.accept()
            if self.is_shut:
                client.close()
                continue
            self._threads.append(threading.Thread(target=self._serve, args=(client,)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.create_connection(self._target)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client, contextlib.suppress(OSError):
            while not (self._is_closing or self.is_shut):
                ready = select.select([client, server], [], [], 0.05)[0]
                if not all(self._pass(one, client, server) for one in ready):
                    break
        if server not in self._hanging:
            server.close()

    def _pass(self, ready: socket.socket, client: socket.socket, server: socket.socket) -> bool:
        data = ready.recv(1 << 16)
        if ready is server:
            client.sendall(data)
            return bool(data)
        if COMMIT in data and self.cut is not Cut.NEVER:
            how, self.cut = self.cut, Cut.NEVER
            if how is Cut.AFTER:
                server.sendall(data)
                assert b"COMMIT" in server.recv(1 << 16)
            if how is Cut.HANG:
                self._hanging.append(server)
            self.cuts += 1
            return False
        server.sendall(data)
        return bool(data)
