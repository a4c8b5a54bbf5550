"""Leaves out MAP frames that say what was said before: a roadside unit repeats its MAP, and reading one takes milliseconds."""

from __future__ import annotations

import numpy as np

from chelu.codec import cv2x
from chelu.codec.cv2x_spec import KINDS
from chelu.messages import Frames
from services.inference.reports import Ints

_MAP = KINDS.index("map")
_KNOWN_US = 600_000_000  # then it is read again: an older MAP may have come back
_MOST = 4096  # MAPs that are remembered
_HEAD = 5  # bytes that hold what changes from one repetition to the next
_COUNT = 0b1111111 << 27  # of the first 40 bits: MsgCount, 7 bits after choice, extension and the bit of the time
_HAS_TIME, _TIME = 1 << 34, ((1 << 20) - 1) << 7  # the minute of the year, 20 bits behind it


class KnownMaps:
    """What each device told lately. Owned by one thread."""

    def __init__(self) -> None:
        self._read_us: dict[tuple[int, bytes], int] = {}

    def without_known(self, frames: Frames, device: Ints) -> Frames:
        """The frames but for MAPs that are known of their device; device: keys of the sources (of `frames.source`)."""
        maps = np.flatnonzero(cv2x.kinds(frames) == _MAP)
        if not len(maps):
            return frames
        keep = np.ones(len(frames), np.bool_)
        for row in maps.tolist():
            before = self._read_us.get((int(device[frames.source[row]]), essence(frames.frame(row))))
            keep[row] = before is None or abs(int(frames.reference_us[row]) - before) >= _KNOWN_US
        return frames if keep.all() else frames.take(keep)

    def note(self, frames: Frames, device: Ints, row: int) -> None:
        """One of these was read."""
        said = int(device[frames.source[row]]), essence(frames.frame(row))
        self._read_us.pop(said, None)
        while len(self._read_us) >= _MOST:
            self._read_us.pop(next(iter(self._read_us)))
        self._read_us[said] = int(frames.reference_us[row])


def essence(frame: bytes) -> bytes:
    """A MAP frame without its count and its time."""
    head = int.from_bytes(frame[:_HEAD].ljust(_HEAD, b"\0"), "big")
    head &= ~(_COUNT | (_TIME if head & _HAS_TIME else 0))
    return head.to_bytes(_HEAD, "big") + frame[_HEAD:]
