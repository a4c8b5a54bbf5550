"""UDP datagrams of one UPER MessageFrame each: how roadside and on-board units hand out what they hear."""

from __future__ import annotations

import socket

from chelu.clock import Clock
from edge.adapters.source import Ears
from edge.listener import POLL_S, Listener
from edge.routing import Heard
from edge.settings import FrameSource

MAX_DATAGRAM = 65_535
BATCH = 256


class UdpFrames(Listener):
    """Reads datagrams on a thread of its own and hands on what came together in one go."""

    def __init__(self, settings: FrameSource, ears: Ears, clock: Clock) -> None:
        self._ears, self._clock = ears, clock
        super().__init__(settings.listen, socket.SOCK_DGRAM, name="frames")

    def _run(self) -> None:
        while not self._stopping.is_set():
            heard: list[Heard] = []
            self._socket.settimeout(POLL_S)
            try:
                heard.append(self._receive())
                self._socket.settimeout(0)
                while len(heard) < BATCH:
                    heard.append(self._receive())
            except (TimeoutError, BlockingIOError):
                pass
            except OSError as error:
                self._ears.tally.count("frames", "socket", detail=str(error))
            if heard:
                self._ears.hear(heard)
            if dropped := self._drops.new():
                self._ears.tally.count("frames", "socket full", dropped)

    def _receive(self) -> Heard:
        data = self._socket.recv(MAX_DATAGRAM)
        return Heard(data, self._clock.wall_us())
