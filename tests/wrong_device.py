"""The example device under test with a fault: `python -m tests.wrong_device FAULT …`, the rest as the example's options."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

from simulators.scenario.dut.example import Document, Warner, parser, run

FRAMES_UNTIL_FAULT = 30  # half a second of three vehicles
LATE_S = 1.6
NOBODY = {"vehicle_id": "00000000deadbeef"}


class Late(Warner):
    """Knows in time, and says so when it is too late."""

    def _judge(self, own: Document, other: Document) -> Iterator[tuple[str, Document]]:
        for one in super()._judge(own, other):
            time.sleep(LATE_S)
            yield one


class Missing(Warner):
    """Never warns."""

    def _judge(self, own: Document, other: Document) -> Iterator[tuple[str, Document]]:
        yield from ()


class Nervous(Warner):
    """Warns of who stands in the next lane, too."""

    @staticmethod
    def ttc_s(own: Document, other: Document) -> float:
        return min(Warner.ttc_s(own, other), Warner.ttc_s({**own, "width_m": 9.0}, other))


class Stranger(Warner):
    """Warns of somebody who is not there, besides."""

    def _judge(self, own: Document, other: Document) -> Iterator[tuple[str, Document]]:
        for stream, document in super()._judge(own, other):
            yield stream, document
            yield stream, {**document, "other": NOBODY}


class Rubbish(Warner):
    """Says what is no warning, besides."""

    def _judge(self, own: Document, other: Document) -> Iterator[tuple[str, Document]]:
        for stream, document in super()._judge(own, other):
            yield stream, document
            yield stream, {"application": 7, "state": ["raised"], "other": "ahead"}


class Refuses(Warner):
    """Says that it is not ready."""

    def obey(self, command: Document) -> tuple[str, Document]:
        stream, answer = super().obey(command)
        return stream, {**answer, "errorCode": 2, "errorDesc": "no position"}


class Dies(Warner):
    """Dies in mid-run, without a word."""

    heard = 0

    def hear(self, frame: bytes) -> Iterator[tuple[str, Document]]:
        self.heard += 1
        if self.heard == FRAMES_UNTIL_FAULT:
            os._exit(1)
        yield from super().hear(frame)


class Interrupts(Dies):
    """Presses Ctrl-C where it was started, in mid-run."""

    def hear(self, frame: bytes) -> Iterator[tuple[str, Document]]:
        self.heard += 1
        if self.heard == FRAMES_UNTIL_FAULT:
            os.kill(os.getppid(), signal.SIGINT)
        yield from Warner.hear(self, frame)


class Hangs(Dies):
    """Stays connected, and does nothing any more."""

    def hear(self, frame: bytes) -> Iterator[tuple[str, Document]]:
        self.heard += 1
        if self.heard == FRAMES_UNTIL_FAULT:
            time.sleep(3600)
        yield from Warner.hear(self, frame)


FAULTS = {
    "none": Warner,
    "late": Late,
    "missing": Missing,
    "false": Nervous,
    "stranger": Stranger,
    "rubbish": Rubbish,
    "refuses": Refuses,
    "dies": Dies,
    "hangs": Hangs,
    "interrupts": Interrupts,
}

if __name__ == "__main__":
    options = parser().parse_args(sys.argv[2:])
    run(FAULTS[sys.argv[1]](options.ttc), options)
