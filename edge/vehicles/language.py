"""What the gateway asks of a protocol: frames out of bytes, and for each frame what is kept of it and what is answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge.vehicles.directory import Directory


@dataclass(slots=True, eq=False)
class Peer:
    """One connection: who has logged in over it. edition: of its first frame, which all others must have."""

    edition: int | None = None
    vins: dict[bytes, str] = field(default_factory=dict)  # VIN or phone number → device id
    platform: str | None = None
    serial: int = 0  # of the platform's next message, where messages are numbered
    wrong_codes: int = 0

    @property
    def is_stranger(self) -> bool:
        """Whether nobody has logged in yet."""
        return not self.vins and self.platform is None


Holder = Callable[[bytes], Peer | None]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What is done with a frame of `who`.

    keep: what goes up on the topic of `device`; the reply then waits until it is durable, and is `instead` when `keep` turns out
    to be no sound report. Nothing to keep: the reply goes at once. reason: what is counted, nothing when all is well; is_last:
    hang up behind the reply.
    """

    who: bytes
    reply: bytes = b""
    keep: bytes = b""
    device: str = ""
    instead: bytes = b""
    reason: str = ""
    detail: str = ""
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a frame that was to be kept; is_whole: nothing of it can be read."""

    index: int
    reason: str
    detail: str
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Tended:
    """What came of looking after things. lost: what was given up, by reason; said: frames for vehicles that are logged in."""

    lost: Counter[str] = field(default_factory=Counter)
    said: Sequence[tuple[bytes, bytes]] = ()


class Splitter(Protocol):
    """Frames out of the bytes of one connection. `damaged` and `passed_over` count; nothing more is read once it `is_lost`."""

    damaged: int
    passed_over: int

    @property
    def waiting(self) -> int:
        """Bytes of a frame that has not come whole."""

    @property
    def is_lost(self) -> bool: ...

    def feed(self, piece: bytes) -> Iterator[bytes]: ...


class Language(Protocol):
    """One protocol. Everything is called from the gateway's thread."""

    name: str  # the place of what is counted
    directory: Directory

    def splitter(self) -> Splitter:
        """For a new connection."""

    def take(self, peer: Peer, raw: bytes, now_us: int, now_s: float) -> Reaction:
        """Decide on a frame of the splitter's; changes `peer` when somebody logs in or out."""

    def check(self, kept: Sequence[bytes]) -> list[Fault]:
        """What of the frames that are to be kept cannot be read, side by side."""

    def tend(self, now_s: float) -> Tended:
        """Called once a second."""
