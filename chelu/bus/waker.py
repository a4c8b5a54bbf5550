"""Ends another thread's wait for a socket."""

from __future__ import annotations

import select
import socket


class Waker:
    """`fileno` is waited for by one thread, which then calls `clear`; any thread may `wake`."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.settimeout(0)
        self._is_awake = False

    def fileno(self) -> int:
        return self._far.fileno()

    def wake(self) -> None:
        """Make the file readable, if it is not already."""
        if not self._is_awake:
            self._is_awake = True
            try:
                self._near.send(b"w")
            except OSError:  # closed meanwhile, or already full of wake-ups
                return

    def clear(self) -> None:
        """The wait is over; what is queued from now on wakes again."""
        self._far.recv(4096)
        self._is_awake = False

    def wait(self, timeout_s: float) -> bool:
        """Wait for `wake` alone; whether it came. It is cleared then."""
        is_woken = bool(select.select([self._far], [], [], timeout_s)[0])
        if is_woken:
            self.clear()
        return is_woken

    def close(self) -> None:
        self._near.close()
        self._far.close()
