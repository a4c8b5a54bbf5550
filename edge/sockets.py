"""Sockets that sources listen on, and that what is for the device's own software is sent from."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from chelu.endpoint import family_of, host_and_port
from chelu.errors import CannotStartError

RECEIVE_BUFFER = 4 << 20  # a burst of some thousand datagrams while the agent is busy; the kernel may give less

CHECK_S = 1.0


class KernelDrops:
    """What the kernel threw away because the agent did not read in time, from /proc/net/udp; 0 where there is none."""

    def __init__(self, sock: socket.socket) -> None:
        self._inode = str(os.fstat(sock.fileno()).st_ino)
        self._table = Path("/proc/net/udp6" if sock.family == socket.AF_INET6 else "/proc/net/udp")
        self._seen, self._checked_s = 0, 0.0

    def new(self) -> int:
        """Datagrams dropped since the last call that looked, which is once a second at most."""
        if time.monotonic() - self._checked_s < CHECK_S:
            return 0
        self._checked_s = time.monotonic()
        try:
            rows = (line.split() for line in self._table.read_text(encoding="ascii").splitlines())
            total = next((int(row[12]) for row in rows if len(row) > 12 and row[9] == self._inode), self._seen)
        except OSError:
            return 0
        fresh, self._seen = total - self._seen, total
        return max(0, fresh)


def speak(endpoint: str) -> socket.socket:
    """A UDP socket that sends to HOST:PORT and never waits."""
    host, port = host_and_port(endpoint, least_port=0)
    sock = socket.socket(family_of(host), socket.SOCK_DGRAM)
    sock.settimeout(0)
    sock.connect((host, port))
    return sock


def listen(endpoint: str, kind: socket.SocketKind) -> socket.socket:
    """A socket bound to HOST:PORT, TCP ones listening; raises CannotStartError in one sentence."""
    host, port = host_and_port(endpoint, least_port=0)
    sock = socket.socket(family_of(host), kind)
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((host, port))
        if kind == socket.SOCK_STREAM:
            sock.listen()
    except OSError as error:
        sock.close()
        remedy = "choose another port for this source, or stop who has it"
        raise CannotStartError(f"{endpoint} cannot be listened on ({error.strerror})", remedy) from None
    return sock
