"""Envelopes: what is packed is found again, by its name and by looking; what cannot be told is refused with a sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.codec.envelope import Envelope, pack, split
from chelu.errors import OutOfRangeError
from chelu.messages import DropReason, Frames, Rejects

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


def test_too_many_frames_are_refused_with_both_numbers() -> None:
    with pytest.raises(OutOfRangeError, match=r"= 256 is outside 1 … 255"):
        sealed(Envelope.DEPLOYED, [BSM] * 256)
