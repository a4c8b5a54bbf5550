"""Object lists of a camera, radar or lidar, as JSON lines over UDP or TCP, on their way to being RSMs or documents."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable

from chelu.clock import Clock
from chelu.errors import CheluError, MalformedError
from chelu.topics import Kind
from edge.adapters.lines import Lines
from edge.adapters.source import Ears
from edge.listener import POLL_S, Listener
from edge.objects import DocumentWriter, Perceived, RsmWriter, read_line
from edge.routing import Heard
from edge.settings import ObjectSource

MAX_LINE = 1 << 20
MAX_CLIENTS = 16
RECEIVE_BYTES = 65_536


class ObjectLists(Listener):
    """One thread serves the UDP socket, or the TCP listener and its clients."""

    def __init__(self, settings: ObjectSource, ears: Ears, clock: Clock) -> None:
        self._ears, self._clock = ears, clock
        self._is_tcp = settings.transport == "tcp"
        self._write = _writer(settings, ears)
        self._clients: dict[socket.socket, Lines] = {}
        super().__init__(settings.listen, socket.SOCK_STREAM if self._is_tcp else socket.SOCK_DGRAM, name="objects")

    def _close(self) -> None:
        for sock in (*self._clients, self._socket):
            sock.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while not self._stopping.is_set():
                for key, _ in selector.select(POLL_S):
                    self._serve(selector, key.fileobj)
                if not self._is_tcp and (dropped := self._drops.new()):
                    self._count("socket full", "datagrams came faster than they were read", dropped)

    def _serve(self, selector: selectors.BaseSelector, sock: object) -> None:
        try:
            if sock is not self._socket:
                self._read(selector, sock)
            elif self._is_tcp:
                self._accept(selector)
            else:
                for line in self._socket.recv(RECEIVE_BYTES).splitlines():
                    self._take(line)
        except OSError as error:
            self._count("socket", str(error))
            self._leave(selector, sock)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        client, address = self._socket.accept()
        if len(self._clients) >= MAX_CLIENTS:
            client.close()
            self._count("too many clients", str(address))
            return
        self._clients[client] = Lines(MAX_LINE)
        selector.register(client, selectors.EVENT_READ)

    def _read(self, selector: selectors.BaseSelector, sock: object) -> None:
        if not isinstance(sock, socket.socket):
            return
        data, lines = sock.recv(RECEIVE_BYTES), self._clients[sock]
        for line in lines.feed(data):
            self._take(line)
        if lines.overlong:
            self._count("overlong", f"a line has at most {MAX_LINE} bytes", lines.overlong)
            lines.overlong = 0
        if not data:
            self._leave(selector, sock)

    def _leave(self, selector: selectors.BaseSelector, sock: object) -> None:
        if isinstance(sock, socket.socket) and sock in self._clients:
            del self._clients[sock]
            selector.unregister(sock)
            sock.close()

    def _take(self, line: bytes) -> None:
        heard_us = self._clock.wall_us()
        try:
            perceived = read_line(line, heard_us)
            for reason, detail in perceived.refused:
                self._count(reason, detail)
            if perceived.objects:
                self._ears.hear(self._write(perceived, heard_us))
        except MalformedError as error:
            self._count(error.reason, error.detail)
        except CheluError as error:
            self._count("out_of_range", str(error))

    def _count(self, reason: str, detail: str, number: int = 1) -> None:
        self._ears.tally.count("objects", reason, number, detail=detail)


def _writer(settings: ObjectSource, ears: Ears) -> Callable[[Perceived, int], list[Heard]]:
    """How object lists go up: as a roadside computer's documents, or as a roadside unit's RSMs."""
    own = ears.settings
    if own.kind is Kind.RSCU:
        documents = DocumentWriter(own.id, settings.sensor)
        return lambda seen, heard_us: [
            Heard(document, heard_us, "participant") for document in documents.write(seen.objects, seen.time_us)
        ]
    if own.position is None:  # refused by the settings already
        raise ValueError("object lists need the device's position")
    messages = RsmWriter(ears.device_id, settings.sensor, own.position)

    def write(seen: Perceived, heard_us: int) -> list[Heard]:
        frames = messages.write(seen.objects, seen.time_us)
        return [Heard(frames.frame(index), heard_us) for index in range(len(frames))]

    return write
