"""JT/T 808 messages that are too long for one frame and come in parts (7.12 of the 2013 text)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chelu.codec.jt808_frame import MARK, MOST_BODY, Message, read
from chelu.errors import MalformedError

MOST_PARTS = 128  # of a message: 130 kB; a larger one would be more than ingest takes at once
MOST_OF_ONE = 4  # messages of one phone that wait; terminals send one after another
ASK_S = 10.0  # after the part of a message that came last, those that are missing are asked for
PATIENCE_S = 60.0  # and after this it is given up
_Key = tuple[str, int, int]  # phone, message, serial number of the first part


def read_whole(payload: bytes) -> Message:
    """One message: a frame, or the frames of all its parts, one behind the other. MalformedError says what is wrong with it."""
    return join(parts_of(payload))


def parts_of(payload: bytes) -> tuple[Message, ...]:
    """As `read_whole`, but the parts as they are; a message that has none is its only part."""
    if payload.find(MARK + MARK, 1, -1) < 0:
        return (read(payload),)
    return tuple(read(MARK + inner + MARK) for inner in payload[1:-1].split(MARK + MARK))


def join(parts: Sequence[Message]) -> Message:
    """The whole message, whose serial number is its first part's; MalformedError unless these are all its parts, in order."""
    first = parts[0]
    if first.part is None and len(parts) == 1:
        return first
    for place, one in enumerate(parts):
        if one.part != (len(parts), place + 1) or _key(one) != _key(first):
            total, index = one.part or (0, 0)
            due = f"part {place + 1} of {len(parts)}"
            raise MalformedError("undecodable", f"part {index} of {total} of a message where {due} is due")
    return replace(first, body=b"".join(one.body for one in parts), part=None)


@dataclass(slots=True)
class _Waiting:
    total: int
    heard_s: float
    parts: dict[int, Message] = field(default_factory=dict)
    size: int = 0
    is_asked: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """Parts that did not come, by number, of a message of which `heard` came; serial: that of its first part."""

    heard: Message
    serial: int
    parts: tuple[int, ...]


class Assembler:
    """Gathers the parts of messages, in any order. For one thread.

    At most `most` messages wait, with at most `most_bytes` of bodies and `MOST_OF_ONE` from one phone: then the oldest gives way.
    Those that hear nothing for `PATIENCE_S` are given up by `tend`. `dropped` counts the parts that are gone, by reason.
    """

    def __init__(self, most: int = 1000, most_bytes: int = 16 << 20) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._waiting: dict[_Key, _Waiting] = {}
        self._of_phone: Counter[str] = Counter()
        self._size = 0
        self.dropped: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: Message, now_s: float) -> Sequence[Message]:
        """All parts of the message in order once the last of them is here, else nothing."""
        total, index = message.part or (0, 0)
        if not 1 <= index <= total or total > MOST_PARTS:
            self.dropped["too_many_parts" if total > MOST_PARTS else "no_such_part"] += 1
            return ()
        key = _key(message)
        one = self._waiting.get(key) or self._begin(key, total, now_s)
        if one.total != total:
            self.dropped["parts_contradict"] += 1
            return ()
        self._put(one, index, message)
        one.heard_s = now_s
        if len(one.parts) == total:
            self._forget(key)
            return [one.parts[place] for place in range(1, total + 1)]
        while len(self._waiting) > self._most or self._size > self._most_bytes:
            self._give_up(next(iter(self._waiting)), "parts_gave_way")
        return ()

    def missing(self, now_s: float) -> list[Missing]:
        """What should be asked for again by now; each message once."""
        due = [(key, one) for key, one in self._waiting.items() if not one.is_asked and now_s - one.heard_s > ASK_S]
        for _, one in due:
            one.is_asked = True
        return [
            Missing(next(iter(one.parts.values())), key[2], tuple(n for n in range(1, one.total + 1) if n not in one.parts))
            for key, one in due
        ]

    def tend(self, now_s: float) -> None:
        """Give up what has waited too long."""
        for key in [key for key, one in self._waiting.items() if now_s - one.heard_s > PATIENCE_S]:
            self._give_up(key, "parts_missing")

    def _begin(self, key: _Key, total: int, now_s: float) -> _Waiting:
        if self._of_phone[key[0]] >= MOST_OF_ONE:
            self._give_up(next(one for one in self._waiting if one[0] == key[0]), "parts_gave_way")
        self._of_phone[key[0]] += 1
        self._waiting[key] = _Waiting(total, now_s)
        return self._waiting[key]

    def _put(self, one: _Waiting, index: int, message: Message) -> None:
        earlier = one.parts.get(index)
        grown = len(message.body) - (len(earlier.body) if earlier else 0)
        one.parts[index] = message
        one.size += grown
        self._size += grown

    def _forget(self, key: _Key) -> _Waiting:
        one = self._waiting.pop(key)
        self._size -= one.size
        self._of_phone[key[0]] -= 1
        if not self._of_phone[key[0]]:
            del self._of_phone[key[0]]
        return one

    def _give_up(self, key: _Key, reason: str) -> None:
        self.dropped[reason] += len(self._forget(key).parts)


def split(message: Message, size: int = MOST_BODY) -> list[Message]:
    """A message with a body of any length as parts that fit, with serial numbers one after another; itself when it fits."""
    if len(message.body) <= size:
        return [message]
    pieces = [message.body[at : at + size] for at in range(0, len(message.body), size)]
    return [
        replace(message, serial=(message.serial + place) & 0xFFFF, body=piece, part=(len(pieces), place + 1))
        for place, piece in enumerate(pieces)
    ]


def _key(message: Message) -> _Key:
    """Parts of one message have serial numbers one after another."""
    index = message.part[1] if message.part else 1
    return message.phone, message.message, (message.serial - (index - 1)) & 0xFFFF
