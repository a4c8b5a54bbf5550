"""Sockets that sources listen on."""

from __future__ import annotations

import socket

from chelu.errors import CannotStartError

RECEIVE_BUFFER = 4 << 20  # a burst of some thousand datagrams while the agent is busy; the kernel may give less


def listen(endpoint: str, kind: socket.SocketKind) -> socket.socket:
    """A socket bound to HOST:PORT, TCP ones listening; raises CannotStartError in one sentence."""
    host, _, port = endpoint.rpartition(":")
    host = host.strip("[]")
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((host, int(port)))
        if kind == socket.SOCK_STREAM:
            sock.listen()
    except OSError as error:
        sock.close()
        remedy = "choose another port for this source, or stop who has it"
        raise CannotStartError(f"{endpoint} cannot be listened on ({error.strerror})", remedy) from None
    return sock
