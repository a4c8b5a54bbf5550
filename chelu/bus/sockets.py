"""What every connection asks of its TCP socket."""

from __future__ import annotations

import socket

_QUICK = getattr(socket, "TCP_QUICKACK", None)  # Linux


def acknowledge_at_once(sock: socket.socket) -> None:
    """Let the kernel say now that what was read has come, rather than within 40 ms; asked for anew after each read (tcp(7)).

    Our broker gathers small writes while earlier ones are under way (docs/decisions/010): this lets the next ones go.
    """
    if _QUICK is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
