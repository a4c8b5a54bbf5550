"""Envelopes: what is packed is found again, by its name and by looking; what cannot be told is refused with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.codec import cv2x
from chelu.codec.cv2x_spec import slow_decode, slow_encode
from chelu.codec.envelope import Envelope, pack, split
from chelu.codec.envelope_write import pack_each
from chelu.errors import OutOfRangeError
from chelu.messages import DropReason, Frames, Rejects, frames_of
from tests.unit.codec import plain_envelope

BSM = bytes.fromhex("0000aac8a90606060606260739adb9da161585c1e2366856c7081d61f7e09fc1744f65c8ee1d0280")
SPAT = bytes.fromhex("30214583")
ARRIVAL_US = 1_700_000_000_123_456
HEARD_US = 1_699_999_999_000_000
WRITTEN = [envelope for envelope in Envelope if envelope is not Envelope.AUTO]


def sealed(envelope: Envelope, frames: Sequence[bytes], *, is_bsm: bool = True) -> bytes:
    return pack(envelope, frames, device_id=b"RSU00001", reference_us=HEARD_US, is_bsm=is_bsm)


def opened(payloads: Sequence[bytes], envelope: Envelope, *, is_bsm: bool = True) -> tuple[Frames, Rejects]:
    arrival = np.full(len(payloads), ARRIVAL_US)
    return split(payloads, [envelope] * len(payloads), [is_bsm] * len(payloads), arrival)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("is_bsm", [True, False])
@pytest.mark.parametrize("envelope", WRITTEN)
def test_what_is_packed_is_found_again(envelope: Envelope, is_bsm: bool, named: bool) -> None:
    many = is_bsm and envelope is not Envelope.BARE
    frames = [BSM, BSM, BSM] if many else [BSM if is_bsm else SPAT]
    found, rejects = opened([sealed(envelope, frames, is_bsm=is_bsm)], envelope if named else Envelope.AUTO, is_bsm=is_bsm)
    assert [found.frame(number) for number in range(len(found))] == frames
    assert rejects.detail == ()
    assert set(found.reference_us.tolist()) == {HEARD_US if envelope is Envelope.DEPLOYED else ARRIVAL_US}


def test_payloads_of_different_envelopes_come_out_in_order() -> None:
    payloads = [BSM, sealed(Envelope.DEPLOYED, [BSM, BSM]), sealed(Envelope.TITS_0117_LE, [BSM]), BSM]
    found, rejects = opened(payloads, Envelope.AUTO)
    assert found.source.tolist() == [0, 1, 1, 2, 3]
    assert len(rejects) == 0


def test_a_cut_envelope_gives_its_whole_frames_and_one_reject() -> None:
    payload = sealed(Envelope.DEPLOYED, [BSM, BSM, BSM])[:-5]
    found, rejects = opened([BSM, payload, BSM], Envelope.DEPLOYED)
    assert found.source.tolist() == [1, 1]
    assert rejects.index.tolist() == [0, 1, 2]
    assert rejects.reason[1] is DropReason.TRUNCATED
    assert "2 of 3 frames" in rejects.detail[1]


def test_bytes_behind_the_last_frame_are_overlong() -> None:
    found, rejects = opened([sealed(Envelope.TITS_0117_BE, [BSM]) + b"\0"], Envelope.TITS_0117_BE)
    assert len(found) == 1
    assert rejects.reason == (DropReason.OVERLONG,)


@pytest.mark.parametrize("payload", [b"\xff" * 40, b"\x50" + BSM[1:], SPAT])
def test_what_no_reading_fits_is_undecodable(payload: bytes) -> None:
    found, rejects = opened([payload], Envelope.AUTO)
    assert len(found) == 0
    assert rejects.reason == (DropReason.UNDECODABLE,)
    assert "reading" in rejects.detail[0]


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from(list(Envelope)), st.booleans())
def test_random_payloads_never_raise_and_are_all_accounted_for(payloads: list[bytes], envelope: Envelope, is_bsm: bool) -> None:
    found, rejects = opened(payloads, envelope, is_bsm=is_bsm)
    assert set(found.source.tolist()) | set(rejects.index.tolist()) == set(range(len(payloads)))
    assert (found.stop >= found.start).all()


@st.composite
def payloads_of_any_kind(draw: st.DrawFn) -> tuple[bytes, Envelope, bool]:
    """A payload packed in one envelope and perhaps damaged, to be read in another or the same."""
    is_bsm = draw(st.booleans())
    written = draw(st.sampled_from(WRITTEN))
    most = 4 if written is not Envelope.BARE and (is_bsm or written is not Envelope.DEPLOYED) else 1
    frame = BSM if is_bsm else SPAT
    payload = bytearray(sealed(written, [frame] * draw(st.integers(1, most)), is_bsm=is_bsm))
    for _ in range(draw(st.integers(0, 2))):
        payload[draw(st.integers(0, min(len(payload) - 1, 24)))] = draw(st.integers(0, 255))
    size = draw(st.integers(0, len(payload))) if draw(st.booleans()) else len(payload)
    return bytes(payload[:size]) + draw(st.binary(max_size=3)), draw(st.sampled_from([written, *Envelope])), is_bsm


@given(st.lists(payloads_of_any_kind(), max_size=60))
def test_columns_read_what_one_at_a_time_reads(given_payloads: list[tuple[bytes, Envelope, bool]]) -> None:
    payloads, envelopes, is_bsm = (
        (list(column) for column in zip(*given_payloads, strict=True)) if given_payloads else ([], [], [])
    )
    arrival_us = ARRIVAL_US + np.arange(len(payloads))
    found, rejects = split(payloads, envelopes, is_bsm, arrival_us)
    expected = [plain_envelope.read(*one[:2], is_bsm=one[2]) for one in given_payloads]
    assert [found.frame(number) for number in range(len(found))] == [frame for one in expected for frame in one.frames]
    assert found.source.tolist() == [index for index, one in enumerate(expected) for _ in one.frames]
    heard = [
        arrival if one.heard_us is None else one.heard_us for one, arrival in zip(expected, arrival_us.tolist(), strict=True)
    ]
    assert found.reference_us.tolist() == [heard[index] for index in found.source.tolist()]
    assert [(index, one.reason) for index, one in enumerate(expected) if one.reason] == list(
        zip(rejects.index.tolist(), rejects.reason, strict=True)
    )
    notes = [one.note for one in expected if one.reason]
    assert all(note in detail for note, detail in zip(notes, rejects.detail, strict=True))


@pytest.mark.parametrize("envelope", [Envelope.DEPLOYED, Envelope.TITS_0117_BE])
def test_many_payloads_of_many_frames_are_read_as_one_by_one(envelope: Envelope) -> None:
    frames = [BSM[: 10 + number % 20] for number in range(255)]
    payloads = [sealed(envelope, frames[: 1 + number * 7 % 255]) for number in range(60)]
    payloads[7] = payloads[7][:-3]
    found, rejects = opened(payloads, envelope)
    expected = [plain_envelope.read(payload, envelope, is_bsm=True) for payload in payloads]
    assert [found.frame(number) for number in range(len(found))] == [frame for one in expected for frame in one.frames]
    assert rejects.index.tolist() == [7]


def looking_like_an_envelope() -> bytes:
    """A bare BSM whose first bytes say: one frame, its length big-endian; and that frame would be a BSM by its first bits."""
    name, value = slow_decode(BSM)
    value |= {"msgCnt": 1, "posConfidence": {"pos": "unavailable"}}
    size = len(slow_encode((name, value)))
    identity = (size - 3) % 32 << 59  # the length's low bits; then a first byte of zeros
    value |= {"id": identity.to_bytes(8, "big"), "msgCnt": (size - 3) // 32}
    return slow_encode((name, value))


def test_a_bare_bsm_that_looks_like_an_envelope_is_bare() -> None:
    frame = looking_like_an_envelope()
    assert len(opened([frame], Envelope.TITS_0117_BE)[0]) == 1
    found, rejects = opened([frame], Envelope.AUTO)
    assert [found.frame(number) for number in range(len(found))] == [frame]
    assert rejects.detail == ()


def test_an_envelope_with_a_damaged_frame_is_still_found() -> None:
    found, rejects = opened([sealed(Envelope.TITS_0117_BE, [BSM[:-4], BSM])], Envelope.AUTO)
    assert [found.frame(number) for number in range(len(found))] == [BSM[:-4], BSM]
    assert len(rejects) == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_plausible_bare_bsms_are_never_refused_or_misread(seed: int) -> None:
    random, rows = np.random.default_rng(seed), 50_000
    batch = cv2x.decode(frames_of([BSM], ARRIVAL_US)).bsm.take(np.zeros(rows, np.int64))
    identity = random.integers(0, 2**64, rows, np.uint64) << random.integers(0, 56, rows).astype(np.uint64)
    columns: dict[str, Any] = {"message_count": random.integers(0, 8, rows).astype(np.uint8), "vehicle_id": identity}
    columns["position_confidence_valid"] = columns["time_confidence_valid"] = random.random(rows) < 0.5
    frames = cv2x.encode_bsm(batch.with_columns(**columns))
    found, rejects = opened([frames.frame(row) for row in range(rows)], Envelope.AUTO)
    assert len(rejects) == 0
    assert np.array_equal(found.stop - found.start, frames.stop - frames.start)


def test_too_many_frames_are_refused_with_both_numbers() -> None:
    with pytest.raises(OutOfRangeError, match=r"= 256 is outside 1 … 255"):
        sealed(Envelope.DEPLOYED, [BSM] * 256)


@given(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=300), st.booleans(), st.integers(0, 2**40), st.binary(min_size=8, max_size=8))
    )
)
def test_envelopes_written_at_once_are_those_written_one_by_one(rows: list[tuple[bytes, bool, int, bytes]]) -> None:
    frames = frames_of([frame for frame, *_ in rows], 0)
    data, start, stop = pack_each(
        frames.data,
        frames.start,
        frames.stop,
        device_id=np.frombuffer(b"".join(device for *_, device in rows), np.uint8).reshape(-1, 8),
        reference_us=np.array([at for _, _, at, _ in rows], np.int64),
        is_bsm=np.array([is_bsm for _, is_bsm, *_ in rows], np.bool_),
    )
    expected = [
        pack(Envelope.DEPLOYED, [frame], device_id=device, reference_us=at, is_bsm=is_bsm) for frame, is_bsm, at, device in rows
    ]
    assert [data[a:b].tobytes() for a, b in zip(start.tolist(), stop.tolist(), strict=True)] == expected


@pytest.mark.parametrize("size", [0, 65_536])
def test_a_frame_that_no_envelope_holds_is_refused(size: int) -> None:
    frames = frames_of([bytes(size)], 0)
    with pytest.raises(OutOfRangeError, match=rf"= {size} is outside 1 … 65535"):
        pack_each(
            frames.data,
            frames.start,
            frames.stop,
            device_id=np.zeros((1, 8), np.uint8),
            reference_us=np.zeros(1, np.int64),
            is_bsm=np.ones(1, np.bool_),
        )
