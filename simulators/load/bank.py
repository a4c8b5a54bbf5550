"""The encoded frames of a crowd, each twice: on the way there and on the way back, with the slots of what changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x
from chelu.codec.cv2x_fields import BOUNDS
from chelu.messages import Frames
from simulators.load.slots import WORD, Slot, differing_bit
from simulators.load.vehicles import Crowd, path, rows

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

LOWEST_LATITUDE, HIGHEST_LATITUDE = BOUNDS["pos.lat"]
LOWEST_LONGITUDE, HIGHEST_LONGITUDE = BOUNDS["pos.long"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The slots of what changes from one BSM of a vehicle to the next."""

    count: Slot
    sec_mark: Slot
    latitude: Slot
    longitude: Slot

    def each(self) -> tuple[Slot, ...]:
        """All of them."""
        return self.count, self.sec_mark, self.latitude, self.longitude


@dataclass(frozen=True, slots=True)
class Bank:
    """Frame ``i`` of `ways[w]` is vehicle i's on the way there (0) or back (1), as ``start[i]:stop[i]``, its numbers zero.

    ways: (2, bytes), with a word of zeros behind the last frame.
    """

    ways: Bytes
    start: Ints
    stop: Ints
    numbers: Numbers


def bank(crowd: Crowd) -> Bank:
    """Encode every vehicle's frame for both ways."""
    ways = [_way(crowd, is_back=is_back) for is_back in (False, True)]
    (there, start, stop, numbers), (back, _, stop_back, numbers_back) = ways
    same = zip(numbers.each(), numbers_back.each(), strict=True)
    if not np.array_equal(stop, stop_back) or not all(np.array_equal(a.byte, b.byte) for a, b in same):
        raise ValueError("a vehicle's frames for the two ways differ in shape")
    return Bank(np.stack([there, back]), start, stop, numbers)


def _way(crowd: Crowd, *, is_back: bool) -> tuple[Bytes, Ints, Ints, Numbers]:
    plain = _encoded(crowd, is_back=is_back)
    data = np.concatenate([plain.data, np.zeros(WORD, np.uint8)])

    def slot(changed: Frames, width: int) -> Slot:
        return Slot.of(differing_bit(plain.data, changed.data, plain.start), width)

    numbers = Numbers(
        count=slot(_encoded(crowd, is_back=is_back, count=1), 7),
        sec_mark=slot(_encoded(crowd, is_back=is_back, time_us=1000), 16),
        latitude=slot(_encoded(crowd, is_back=is_back, north=1), int(HIGHEST_LATITUDE - LOWEST_LATITUDE).bit_length()),
        longitude=slot(_encoded(crowd, is_back=is_back, east=1), int(HIGHEST_LONGITUDE - LOWEST_LONGITUDE).bit_length()),
    )
    for number in numbers.each():
        number.clear(data)
    return data, plain.start, plain.stop, numbers


def _encoded(crowd: Crowd, *, is_back: bool, count: int = 0, time_us: int = 0, north: int = 0, east: int = 0) -> Frames:
    """Every vehicle's frame from one place, whose wire numbers are even: adding 1 sets the least bit alone."""
    vehicle = np.arange(len(crowd.shape))
    way = np.full(len(vehicle), is_back)
    first = np.rint(crowd.lanes.there).astype(np.int64)
    even = [first[:, axis] - (first[:, axis] - lowest) % 2 for axis, lowest in ((0, LOWEST_LATITUDE), (1, LOWEST_LONGITUDE))]
    latitude, longitude = even[0] + north, even[1] + east
    batch = rows(
        crowd,
        vehicle,
        latitude=latitude,
        longitude=longitude,
        is_back=way,
        time_us=np.full(len(vehicle), time_us),
        count=np.full(len(vehicle), count),
    )
    return cv2x.encode_bsm(batch, path(crowd, vehicle, latitude, longitude, way))
