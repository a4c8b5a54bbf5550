"""The native reader of UPER records against the one of numpy: the same of every frame, valid, damaged or noise."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chelu.codec import uper_decode, uper_native
from chelu.codec.cv2x_spec import FRAME_BITS, slow_encode, spec
from chelu.codec.uper_bits import Source
from chelu.codec.uper_decode import Decoder
from chelu.codec.uper_read import usual_share
from chelu.codec.uper_table import Table
from chelu.messages import Frames, frames_of
from tests.unit.codec.support import REFERENCE_US, messages

Bools = npt.NDArray[np.bool_]
Found = tuple[Table, npt.NDArray[np.int64], Bools]

KINDS = ("bsm", "map", "rsm", "spat", "rsi")  # MAP and RSI have lists in lists, though nobody reads them as columns
SLOW = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


@st.composite
def batches(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """A kind, and frames of it: whole, cut, with a bit turned over, and noise."""
    kind = draw(st.sampled_from(KINDS))
    frames = []
    for whole in draw(st.lists(messages(kind).map(slow_encode), min_size=1, max_size=6)):
        at = draw(st.integers(0, 8 * len(whole) - 1))
        flipped = (int.from_bytes(whole, "big") ^ (1 << at)).to_bytes(len(whole), "big")
        frames += [whole, whole[: draw(st.integers(1, len(whole)))], flipped, draw(st.binary(min_size=1, max_size=60))]
    return kind, draw(st.permutations(frames))


def bits_of(frames: Frames) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return frames.start * 8 + FRAME_BITS, frames.stop * 8


def by_numpy(kind: str, frames: Frames, library: ctypes.CDLL | None = None) -> Found:
    decoder = Decoder(Source(frames.data), *bits_of(frames), library)
    decoder.run(spec().programs[kind])
    return decoder.table, decoder.end, decoder.bad | (decoder.end > frames.stop * 8)


def natively(library: ctypes.CDLL, kind: str, frames: Frames) -> Found:
    table, end, is_bad = uper_native.read(library, frames.data, spec().programs[kind], *bits_of(frames))
    return table, end, is_bad | (end > frames.stop * 8)


def assert_same(found: Found, expected: Found) -> None:
    """The same rows are bad, and all that the others hold is the same."""
    assert found[2].tolist() == expected[2].tolist()
    good = ~found[2]
    assert found[1][good].tolist() == expected[1][good].tolist()
    assert_same_rows(found[0], expected[0], (good, good))


def assert_same_rows(found: Table, expected: Table, good: tuple[Bools, Bools]) -> None:
    """The rows of both that are good hold the same, in order."""
    for path in found.chunks.keys() | expected.chunks.keys():
        is_there = found.present(path)[good[0]]
        assert is_there.tolist() == expected.present(path)[good[1]].tolist(), path
        kind = np.uint64 if path == "id" else np.int64
        values = [table.column(path, kind)[rows][is_there] for table, rows in zip((found, expected), good, strict=True)]
        assert values[0].tolist() == values[1].tolist(), path
    for path in found.lists.keys() | expected.lists.keys():
        (own, elements), (other, others) = (table.lists.get(path, NOTHING) for table in (found, expected))
        kept = good[0][own], good[1][other]
        assert (np.cumsum(good[0])[own[kept[0]]]).tolist() == (np.cumsum(good[1])[other[kept[1]]]).tolist(), path
        assert_same_rows(elements, others, kept)


NOTHING = np.empty(0, np.int64), Table(0)


@SLOW
@given(batches())
def test_whole_records_are_read_as_by_numpy(native_code: ctypes.CDLL, batch: tuple[str, list[bytes]]) -> None:
    frames = frames_of(batch[1], REFERENCE_US)
    assert_same(natively(native_code, batch[0], frames), by_numpy(batch[0], frames))


@pytest.mark.parametrize("group", [1, 1024])
def test_lists_are_read_as_by_numpy(group: int, native_code: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uper_decode, "GROUP", group)

    @SLOW
    @given(batches())
    def read(batch: tuple[str, list[bytes]]) -> None:
        frames = frames_of(batch[1], REFERENCE_US)
        assert_same(by_numpy(batch[0], frames, native_code), by_numpy(batch[0], frames))

    read()


@SLOW
@given(batches())
def test_nothing_is_read_behind_the_data(
    native_code: ctypes.CDLL, last_memory: npt.NDArray[np.uint8], batch: tuple[str, list[bytes]]
) -> None:
    kind, payloads = batch
    for frames in pieces(payloads, len(last_memory)):
        place = last_memory[len(last_memory) - len(frames.data) :]
        place[:] = frames.data
        there = Frames(place, frames.start, frames.stop, frames.reference_us, frames.source)
        assert_same(natively(native_code, kind, there), natively(native_code, kind, frames))
        assert_same(by_numpy(kind, there, native_code), by_numpy(kind, frames, native_code))


def pieces(payloads: list[bytes], most: int) -> Iterator[Frames]:
    """Each payload at the end of what there is."""
    for payload in payloads:
        if len(payload) <= most:
            yield frames_of([payload], REFERENCE_US)


def test_a_list_longer_than_its_frame_ends_there(native_code: ctypes.CDLL) -> None:
    """1,000 frames that claim 16 participants each and hold none: their elements take no more room than the frames give."""
    frames = frames_of([bytes([0x20, *bytes(17), 0x1E])] * 1000, REFERENCE_US)
    table, _, is_bad = natively(native_code, "rsm", frames)
    assert is_bad.all()
    assert len(table.lists["participants"][0]) == 1000


@pytest.mark.parametrize(("optionals", "share"), [([0], 1.0), ([0, 0, 0, 127], 0.75), ([1, 2, 3, 4], 0.25)])
def test_how_mixed_a_batch_is_shows_in_its_records_first_bits(optionals: list[int], share: float) -> None:
    frames = frames_of([bsm_of(bits) for bits in sorted(optionals * 600)], REFERENCE_US)
    assert usual_share(Source(frames.data), spec().programs["bsm"], bits_of(frames)[0]) == pytest.approx(share, abs=0.02)


def bsm_of(optionals: int) -> bytes:
    """Bytes that begin like a BSM with these seven optional bits."""
    return (optionals << (8 * 40 - FRAME_BITS - 8)).to_bytes(40, "big")


def test_no_records_are_an_empty_table(native_code: ctypes.CDLL) -> None:
    table, end, is_bad = natively(native_code, "bsm", frames_of([], REFERENCE_US))
    assert (table.rows, len(end), len(is_bad)) == (0, 0, 0)
    assert not table.lists
