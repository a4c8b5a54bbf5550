"""The column paths against asn1tools: the same values, the same bytes, the same refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chelu.codec import cv2x, uper_decode
from chelu.codec.cv2x_spec import KINDS, slow_decode, slow_encode, spec
from chelu.codec.uper_bits import Source
from chelu.errors import MalformedError
from chelu.messages import DropReason, frames_of
from tests.unit.codec.support import REFERENCE_US, messages, table_value, vectors, vectors_file

SLOW = settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))


def kind_of(frame: bytes) -> str:
    return KINDS[frame[0] >> 4]


def by_kind(frames: list[bytes]) -> dict[str, list[bytes]]:
    return {kind: [frame for frame in frames if kind_of(frame) == kind] for kind in {kind_of(frame) for frame in frames}}


def assert_same(frames: list[bytes]) -> None:
    """Fast decode gives asn1tools' values, fast encode the bytes again."""
    for kind, own in by_kind(frames).items():
        table, is_bad = cv2x.wire(kind, frames_of(own, REFERENCE_US))
        assert not is_bad.any()
        node = spec().root.members[KINDS.index(kind)].node
        for row, frame in enumerate(own):
            assert table_value(node, table, row) == slow_decode(frame)[1]
        again = cv2x.encode_wire(kind, table, np.full(len(own), REFERENCE_US))
        assert [again.frame(row) for row in range(len(own))] == own


@pytest.mark.skipif(not vectors_file().exists(), reason="the shared vectors are not on this machine")
def test_vectors_decode_and_encode_byte_for_byte_on_both_paths() -> None:
    found = vectors()
    assert found
    for name, frame, value in found:
        assert slow_decode(frame) == value, name
        assert slow_encode(value) == frame, name
    assert_same([frame for _, frame, _ in found])


@SLOW
@given(st.lists(messages(), min_size=1, max_size=6))
def test_columns_equal_asn1tools_for_messages_of_all_shapes(found: list[tuple[str, Any]]) -> None:
    assert_same([slow_encode(value) for value in found])


@pytest.mark.parametrize("group", [1, 2])
def test_groups_of_one_shape_give_the_same_as_cursors(group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uper_decode, "GROUP", group)

    @SLOW
    @given(st.lists(messages("bsm", "rsm", "spat"), min_size=3, max_size=9))
    def grouped(found: list[tuple[str, Any]]) -> None:
        assert_same([slow_encode(value) for value in found] * 2)

    grouped()


def slow_verdict(frame: bytes) -> DropReason | None:
    try:
        slow_decode(frame)
    except MalformedError as error:
        return DropReason(error.reason)
    return None


def fast_verdicts(frames: list[bytes]) -> list[DropReason | None]:
    rejects = cv2x.decode(frames_of(frames, REFERENCE_US)).rejects
    found = dict(zip(rejects.index.tolist(), rejects.reason, strict=True))
    return [found.get(number) for number in range(len(frames))]


@SLOW
@given(st.lists(st.binary(max_size=90), max_size=8))
def test_random_bytes_never_raise_and_are_judged_as_by_asn1tools(frames: list[bytes]) -> None:
    assert fast_verdicts(frames) == [slow_verdict(frame) for frame in frames]


@SLOW
@given(st.lists(messages("bsm", "rsm", "spat"), min_size=1, max_size=4), st.data())
def test_damaged_frames_cost_their_own_row_only(found: list[tuple[str, Any]], data: st.DataObject) -> None:
    frames = [slow_encode(value) for value in found]
    damaged = []
    for frame in frames:
        at = data.draw(st.integers(0, 8 * len(frame) - 1))
        flipped = (int.from_bytes(frame, "big") ^ (1 << at)).to_bytes(len(frame), "big")
        damaged += [frame, frame[: data.draw(st.integers(0, len(frame) - 1))], frame + b"\0", flipped]
    verdicts = fast_verdicts(damaged)
    assert verdicts == [slow_verdict(frame) for frame in damaged]
    assert verdicts[::4] == [None] * len(frames)


def test_each_reason_is_told_apart() -> None:
    node = {"msgCnt": 1, "id": bytes(8), "refPos": {"lat": 0, "long": 0}, "participants": []}
    bsm = bytes.fromhex("0000aac8a90606060606260739adb9da161585c1e2366856c7081d61f7e09fc1744f65c8ee1d0280")
    heading = int.from_bytes(bsm, "big") | (0x7FFF << (8 * len(bsm) - 195 - 15))
    frames = [bsm, bsm[:-2], bsm + b"\0", b"", b"\x50" + bsm[1:], b"\x80" + bsm[1:], heading.to_bytes(len(bsm), "big")]
    reasons = [None, "truncated", "overlong", "truncated", "wrong_version", "wrong_version", "out_of_range"]
    assert fast_verdicts(frames) == reasons
    assert node["participants"] == []


def test_an_extended_frame_gives_the_columns_of_its_known_part() -> None:
    plain = "0000aac8a90606060606260739adb9da161585c1e2366856c7081d61f7e09fc1744f65c8ee1d0280"
    bits = f"{int(plain, 16):0320b}"[:314]
    extended = bits[:4] + "1" + bits[5:] + "0000000" + "1" + "00000001" + "10101010"
    frame = int(extended + "0" * (-len(extended) % 8), 2).to_bytes(-(-len(extended) // 8), "big")
    found = cv2x.decode(frames_of([bytes.fromhex(plain), frame], REFERENCE_US))
    assert len(found.rejects) == 0
    assert found.bsm["latitude_deg"].tolist() == [39.9042, 39.9042]
    assert found.bsm["frame"].tolist() == [0, 1]


@pytest.mark.parametrize("rows", [1, 32_767, 32_768, 100_000])
def test_few_bits_are_the_same_numbers_however_many_rows_are_read(rows: int) -> None:
    source = Source(np.arange(64, dtype=np.uint8))
    assert set(source.few(np.full(rows, 8 * 5 + 4), 8).tolist()) == {0x50}
