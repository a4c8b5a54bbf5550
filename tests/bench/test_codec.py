"""Time of one batch through the codec; the ratios against asn1tools are `chelu bench`'s (evaluation/bench/codec.py)."""

from __future__ import annotations

from typing import Any

import pytest

from chelu.codec import cv2x
from chelu.messages import Frames
from evaluation.bench.codec import example

ROWS = 1024


@pytest.fixture(scope="module")
def frames() -> Frames:
    return example(ROWS)


def test_decoding_a_batch_of_the_mix(benchmark: Any, frames: Frames) -> None:
    found = benchmark(cv2x.decode, frames)
    assert len(found.bsm) == ROWS
    assert len(found.rejects) == 0


def test_encoding_a_batch_of_the_mix(benchmark: Any, frames: Frames) -> None:
    decoded = cv2x.decode(frames)
    again = benchmark(cv2x.encode_bsm, decoded.bsm, decoded.path_points)
    assert len(again) == ROWS
