"""What a connection receives: bytes from its socket, in buffers that become the messages' data.

A buffer that came well filled is given away with its messages, and nothing is copied but the packet that is not whole yet; of one
that holds little, the little is copied, so that a few messages never keep a large buffer. All on the network thread.
"""

from __future__ import annotations

import ctypes
import os
import socket
import ssl
from collections.abc import Callable

import numpy as np

from chelu import native
from chelu.bus import wire
from chelu.bus.batch import Bytes
from chelu.bus.portion import PADDING, Portion
from chelu.bus.sockets import acknowledge_at_once
from chelu.bus.topic_table import TopicTable
from chelu.bus.wire_native import HUNG_UP, MAY_BE_MORE, Reading

LEAST_BYTES, MOST_BYTES = 1 << 18, 1 << 22  # of a buffer, which grows while a stream fills it: some 2 500 to 40 000 BSMs
LITTLE = 4  # less than one part in so many
FIRST_PACKET_BYTES = 64  # a guess, until there was one
MOST_TOPICS = 200_000  # beyond, numbering begins anew: a device that invents topics cannot fill the memory
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError)


class Intake:
    """Of one connection; most: bytes of the largest remaining length to be taken; wall_us() is asked when a batch has come.

    `is_standing`: whether the other side has not hung up; `failure`: what broke the socket. What came before is handed over.
    """

    def __init__(self, *, version: int, most: int, connection: int, wall_us: Callable[[], int]) -> None:
        self._version, self._most, self._connection, self._wall_us = version, most, connection, wall_us
        self._library = native.library()
        self._topics = TopicTable()
        self._size = LEAST_BYTES
        self._buffer = _new(LEAST_BYTES)
        self._held = self._needed = 0
        self._packet_bytes = FIRST_PACKET_BYTES
        self.is_standing = True
        self.failure: OSError | None = None

    def take(self, sock: socket.socket) -> tuple[int, Portion]:
        """Receive what is there without waiting, as far as there is room: how many bytes, and the packets that are whole now."""
        if len(self._topics) > MOST_TOPICS:
            self._topics = TopicTable()
        before = self._held
        if self._library is None or isinstance(sock, ssl.SSLSocket):
            self._fill(sock)
            portion = self._read()
        else:
            portion = self._fill_and_read(sock.fileno(), self._library)
        count = self._held - before
        if count:
            acknowledge_at_once(sock)
        if not portion.error:
            self._move_on(portion)
        return count, portion

    @property
    def _room(self) -> int:
        return len(self._buffer) - PADDING

    @property
    def _is_little(self) -> bool:
        return self._held * LITTLE < self._room

    def _fill(self, sock: socket.socket) -> None:
        with self._buffer.data as view:
            while self._held < self._room and self.is_standing and not self.failure:
                try:
                    count = sock.recv_into(view[self._held : self._room])
                except WOULD_BLOCK:
                    return
                except OSError as error:
                    self.failure = error
                    return
                self._held += count
                self.is_standing = count > 0

    def _read(self) -> Portion:
        held = self._held if self._held >= self._needed else 0  # a large packet is not looked at again before it is whole
        return wire.read(
            self._buffer[: held + PADDING].copy() if self._is_little else self._buffer,
            held,
            version=self._version,
            topics=self._topics,
            most=self._most,
            arrival_us=self._wall_us(),
            connection=self._connection,
        )

    def _fill_and_read(self, file: int, library: ctypes.CDLL) -> Portion:
        """Both in one call, so that a busy thread beside this one is asked for Python's lock once."""
        state, room = ctypes.c_int(MAY_BE_MORE), self._room
        reading = Reading(self._buffer, self._held, version=self._version, topics=self._topics, most=self._most)
        rows = 16 + 5 * room // (4 * self._packet_bytes)
        reading.run(lambda stream: int(library.chelu_receive(stream, file, room, ctypes.byref(state))), rows)
        self._held = reading.end
        self.is_standing = state.value != HUNG_UP
        if state.value < 0:
            self.failure = OSError(-state.value, os.strerror(-state.value))
        return reading.portion(self._wall_us(), self._connection, is_copy=self._is_little)

    def _move_on(self, portion: Portion) -> None:
        """Take a new buffer if this one is the messages' now, or of the wrong size; what is not whole comes along."""
        data, consumed = self._buffer, portion.consumed
        is_given_away = consumed > 0 and not self._is_little
        if self._held == self._room and consumed:
            self._size = min(2 * self._size, MOST_BYTES)
        elif self._is_little:
            self._size = max(self._size // 2, LEAST_BYTES)
        if len(portion.messages):
            self._packet_bytes = max(8, consumed // len(portion.messages))
        rest = data[consumed : self._held]
        self._needed = portion.needed or self._needed * (not consumed)
        size = max(self._size, self._needed)
        if is_given_away or size != self._room:
            self._buffer = _new(size)
        if consumed or self._buffer is not data:
            self._buffer[: len(rest)] = rest
        self._held = len(rest)


def _new(size: int) -> Bytes:
    return np.empty(size + PADDING, np.uint8)
