"""The codec's encoders as a replay uses them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x
from chelu.codec.envelope_write import pack_each
from chelu.messages import Batch, Frames
from chelu.ragged import Bytes, Ints

# The first byte of the 8-byte device id in our envelopes: no MessageFrame begins so, and no count is so high, so that a payload
# of ours reads in one way only.
DEVICE_MARK = b"\xff"


class Uper:
    """UPER of YD/T 3709-2020 (`simulators.outgoing.Encoder`)."""

    __slots__ = ()

    def bsm(self, rows: Batch) -> Frames:
        return cv2x.encode_bsm(rows)

    def rsm(self, rows: Batch, reference_position: npt.NDArray[np.float64]) -> Frames:
        return cv2x.encode_rsm(rows, reference_position=reference_position)

    def spat(self, rows: Batch) -> Frames:
        return cv2x.encode_spat(rows)

    def sealed(
        self,
        data: Bytes,
        start: Ints,
        stop: Ints,
        *,
        device_number: npt.NDArray[np.uint64],
        reference_us: Ints,
        is_bsm: npt.NDArray[np.bool_],
    ) -> tuple[Bytes, Ints, Ints]:
        device_id = device_number.astype(">u8").view(np.uint8).reshape(-1, 8).copy()
        device_id[:, 0] = ord(DEVICE_MARK)
        return pack_each(data, start, stop, device_id=device_id, reference_us=reference_us, is_bsm=is_bsm)
