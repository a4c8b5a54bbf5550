"""One peer of the gateway: its socket, what came of a frame so far, and whether it is worth listening to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge.vehicles.language import Peer, Splitter

FRAME_S = 10.0  # in which a frame that has begun must end
MOST_RUBBISH = 1 << 17  # bytes between two frames; more than the longest frame, whose length may have been damaged


@dataclass(slots=True, eq=False)
class Connection:
    """unsent: replies that the kernel did not take yet; is_closing: hang up when they are gone."""

    sock: socket.socket
    address: str
    splitter: Splitter
    heard_s: float
    begun_s: float  # when the frame that is coming in began
    stranger_s: float  # since when nobody is logged in
    peer: Peer = field(default_factory=Peer)
    damaged: int = 0
    passed_over: int = 0
    rubbish: int = 0  # passed over since the last frame
    strange: int = 0  # bytes while nobody was logged in
    unsent: bytearray = field(default_factory=bytearray)
    is_closing: bool = False

    def take(self, data: bytes, now_s: float) -> Iterator[bytes]:
        """The frames that are whole with these bytes."""
        self.heard_s = now_s
        is_begun = self.splitter.waiting > 0
        for raw in self.splitter.feed(data):
            is_begun, self.rubbish = False, self.passed_over - self.splitter.passed_over  # what `damage` will add of before it
            yield raw
        if not is_begun:
            self.begun_s = now_s

    def damage(self) -> tuple[int, int]:
        """Frames with wrong checks and bytes passed over since the last call."""
        damaged, passed_over = self.splitter.damaged - self.damaged, self.splitter.passed_over - self.passed_over
        self.damaged, self.passed_over = self.splitter.damaged, self.splitter.passed_over
        self.rubbish += passed_over
        return damaged, passed_over

    @property
    def is_shouting(self) -> bool:
        """Whether so much came that is no frame that nothing is to be expected any more."""
        return self.splitter.is_lost or self.rubbish > MOST_RUBBISH

    def is_stuck(self, now_s: float) -> bool:
        """Whether a frame does not end: its length may be damaged, and then it would swallow those that follow."""
        return self.splitter.waiting > 0 and now_s - self.begun_s > FRAME_S
