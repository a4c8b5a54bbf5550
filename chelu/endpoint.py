"""HOST:PORT, as people write it on a command line, in a setting or in a file; IPv6 hosts stand in brackets."""

from __future__ import annotations

import socket

MOST_PORT = 65_535


def host_and_port(text: str, *, least_port: int = 1) -> tuple[str, int]:
    """The host, without its brackets, and the port; ValueError says what is allowed. least_port: 0 where any free one will do."""
    host, separator, port = text.rpartition(":")
    if (
        not separator
        or not host.strip("[]")
        or not (port.isascii() and port.isdigit())
        or not least_port <= int(port) <= MOST_PORT
    ):
        raise ValueError(f"HOST:PORT with a port of {least_port} to {MOST_PORT}")
    return host.strip("[]"), int(port)


def family_of(host: str) -> socket.AddressFamily:
    """IPv6 for its numbers, else IPv4."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET
