"""The codec's encoders as a replay uses them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x, envelope
from chelu.messages import Batch, Frames

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

    def sealed(self, frame: bytes, *, device_number: int, reference_us: int, is_bsm: bool) -> bytes:
        device = DEVICE_MARK + device_number.to_bytes(8, "big")[1:]
        return envelope.pack(envelope.Envelope.DEPLOYED, [frame], device_id=device, reference_us=reference_us, is_bsm=is_bsm)
