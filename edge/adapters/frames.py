"""UDP datagrams of one UPER MessageFrame each: how roadside and on-board units hand out what they hear."""

from __future__ import annotations

import socket
import threading

from chelu.clock import Clock
from edge.adapters.sockets import KernelDrops, listen
from edge.adapters.source import Ears
from edge.routing import Heard
from edge.settings import FrameSource

POLL_S = 0.25
MAX_DATAGRAM = 65_535
BATCH = 256


class UdpFrames:
    """Reads datagrams on a thread of its own and hands on what came together in one go."""

    def __init__(self, settings: FrameSource, ears: Ears, clock: Clock) -> None:
        self._ears, self._clock = ears, clock
        self._socket = listen(settings.listen, socket.SOCK_DGRAM)
        self._drops = KernelDrops(self._socket)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"frames-{settings.listen}", daemon=True)

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
        self._socket.close()

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
