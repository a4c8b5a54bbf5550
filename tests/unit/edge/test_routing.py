"""Which topic a frame goes to, decided by its first bits."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from chelu.codec.wire_id import wire_id
from chelu.topics import Kind
from edge.routing import Router, vehicle_id


@pytest.mark.parametrize(("first", "stream"), [(0x00, "bsm"), (0x1F, "map"), (0x20, "rsm"), (0x35, "spat"), (0x4A, "rsi")])
def test_a_roadside_unit_publishes_every_message(first: int, stream: str) -> None:
    assert Router.of_kind(Kind.RSU).route(bytes([first, 0, 0])) == (stream, "")


@pytest.mark.parametrize(
    ("frame", "refusal"),
    [
        (b"", "truncated"),
        (b"\x00", "truncated"),
        (b"\x50\x00", "not a MessageFrame"),
        (b"\x80\x00", "not a MessageFrame"),
        (b"\xff" * 100, "not a MessageFrame"),
        (bytes(65_536), "overlong"),
    ],
)
def test_what_is_no_frame_is_refused_with_a_reason(frame: bytes, refusal: str) -> None:
    assert Router.of_kind(Kind.RSU).route(frame) == ("", refusal)


def test_an_on_board_unit_publishes_its_bsm_only() -> None:
    router = Router.of_kind(Kind.OBU)
    assert router.route(bytes(38)) == ("bsm", "")
    assert router.route(b"\x20" + bytes(40)) == ("", "no rsm from this kind of device")


def test_a_vehicle_s_own_id_keeps_other_bsms_off_its_topic() -> None:
    frame = ((0x0102030405060708 << 5) | (3 << 69)).to_bytes(11, "big") + bytes(27)
    assert vehicle_id(frame) == 0x0102030405060708
    assert Router.of_kind(Kind.OBU, 0x0102030405060708).route(frame) == ("bsm", "")
    assert Router.of_kind(Kind.OBU, 7).route(frame) == ("", "another vehicle's")
    assert Router.of_kind(Kind.OBU, 7).route(b"\x00\x00") == ("", "another vehicle's")


def test_a_short_name_is_its_own_wire_id_and_a_long_one_a_hash() -> None:
    assert wire_id("rsu-1") == b"rsu-1\0\0\0"
    assert len(wire_id("rsu-crossing-4711")) == 8
    assert wire_id("rsu-crossing-4711") != wire_id("rsu-crossing-4712")


def test_every_generated_vector_is_routed_to_its_message() -> None:
    file = Path(os.environ.get("CHELU_DATA", Path(__file__).parents[3] / "../shared/data")) / "../vectors/cv2x_generated.json"
    if not file.is_file():
        pytest.skip(f"there is no {file}")
    for vector in json.loads(file.read_text(encoding="utf-8"))["vectors"]:
        expected = vector["value"]["choice"]
        assert Router.of_kind(Kind.RSU).route(bytes.fromhex(vector["uper_hex"])) == (expected.removesuffix("Frame"), "")
