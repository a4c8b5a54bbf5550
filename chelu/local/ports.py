"""TCP ports on this machine: the usual one when it is free, another when it is not."""

from __future__ import annotations

import errno
import random
import socket
from types import TracebackType

from chelu.errors import CannotStartError

LOOPBACK = "127.0.0.1"
ANYWHERE = "0.0.0.0"  # noqa: S104 - bound only where somebody asks for it
QUIET = range(20_000, 32_000)  # below the ports that Linux gives to outgoing connections (32768 … 60999), which come and go
TRIES = 50
CLAIM = "\0chelu port {}"  # the zero makes it a name of the kernel's, and no file


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on `port` now; CannotStartError for a host that is no IPv4 address of this machine."""
    if not host:
        raise CannotStartError("no address to listen on was given", "0.0.0.0 stands for all of this machine's")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise CannotStartError(
                f"{host} is no IPv4 address of this machine ({error.strerror})", "name one, or 0.0.0.0 for all it has"
            ) from None
    return True


def free_port(host: str = LOOPBACK) -> int:
    """A port that nothing listens on, and that no outgoing connection takes before its server does, or while the site rests."""
    for port in random.sample(QUIET, TRIES):
        if is_free(port, host):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Claims:
    """Ports chosen for servers that do not listen yet, which nobody else chooses here meanwhile. Close it once they do.

    A claim is a name that the kernel keeps for one socket of a network namespace, as it does ports, and gives back however its
    holder ends. Where there are no such names (they are Linux's) nothing is claimed, and who loses a port has to choose again.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give up all claims. May be called again."""
        while self._held:
            self._held.popitem()[1].close()

    def choose(self, part: str, *, usual: int, forced: int | None = None, host: str = LOOPBACK) -> int:
        """`forced` if given (CannotStartError when it is taken), else `usual`, else any free port. 0 means any free port."""
        if forced:
            if not self._take(forced, host):
                raise CannotStartError(
                    f"port {forced}, asked for {part}, is in use or not allowed",
                    "name another one, or none to have a free one chosen",
                )
            return forced
        if usual and forced is None and self._take(usual, host):
            return usual
        for _ in range(TRIES):
            if self._take(port := free_port(host), host):
                return port
        raise CannotStartError(f"{TRIES} ports, tried for {part}, were each taken by others", "name one that is free")

    def _take(self, port: int, host: str) -> bool:
        """Claimed first and looked at then: whoever gave up a claim to it listens on it by now."""
        if not self._claim(port):
            return False
        if is_free(port, host):
            return True
        if claim := self._held.pop(port, None):
            claim.close()
        return False

    def _claim(self, port: int) -> bool:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(CLAIM.format(port))
        except OSError as error:
            claim.close()
            return error.errno != errno.EADDRINUSE
        self._held[port] = claim
        return True


def reachable(host: str) -> str:
    """The address under which this machine reaches its own server on `host`."""
    return LOOPBACK if host == ANYWHERE else host


def accepts(port: int, host: str = LOOPBACK) -> bool:
    """Whether something accepts connections on `port`."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False
