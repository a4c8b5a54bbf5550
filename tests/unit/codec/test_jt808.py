from __future__ import annotations

import json
import math
import struct
from datetime import datetime, timedelta, timezone
from functools import reduce
from operator import xor
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.codec import jt808
from chelu.codec.gbt32960 import NO_TIME_US
from chelu.codec.jt808_encode import encode
from chelu.codec.jt808_frame import Message, read
from chelu.codec.jt808_parts import split
from chelu.errors import OutOfRangeError
from chelu.messages import frames_of
from simulators.vehicles import vehicles_at
from tests.unit.codec.test_gbt32960 import row_of, same

CASES = sorted((Path(__file__).parents[2] / "data").glob("jt808-*"))
PHONE = {2013: "013912345678", 2019: "00000000013912345678"}
TIME = bytes.fromhex("231115061320")  # Beijing, binary-coded decimals
TIME_US = 1_700_000_000_000_000
seeds = st.integers(0, 2**32)


def framed(inner: bytes) -> bytes:
    """Check, escapes and marks, byte by byte."""
    inner += bytes([reduce(xor, inner)])
    found = b"".join({0x7D: b"\x7d\x01", 0x7E: b"\x7d\x02"}.get(byte, bytes([byte])) for byte in inner)
    return b"\x7e" + found + b"\x7e"


def head(edition: int, length: int, *, message: int = 0x0200, serial: int = 7, flags: int = 0, part: bytes = b"") -> bytes:
    if edition == 2013:
        return struct.pack(">HH", message, length | flags) + bytes.fromhex(PHONE[2013]) + struct.pack(">H", serial) + part
    return (
        struct.pack(">HHB", message, length | flags | 0x4000, 1) + bytes.fromhex(PHONE[2019]) + struct.pack(">H", serial) + part
    )


def location(
    *, alarm: int = 0, status: int = 3, lat: int = 29_560_000, lon: int = 106_550_000, way: int = 90, time: bytes = TIME
) -> bytes:
    return struct.pack(">IIIIHHH", alarm, status, lat, lon, 240, 655, way) + time


def report(edition: int = 2013, body: bytes | None = None, **more: Any) -> bytes:
    body = location() if body is None else body
    return framed(head(edition, len(body), **more) + body)


def random_report(random: Random, edition: int | None = None) -> bytes:
    day = (random.randint(0, 99), random.randint(1, 12), random.randint(1, 28), random.randint(0, 23), 59, random.randint(0, 59))
    body = random.randbytes(22) + bytes(value // 10 << 4 | value % 10 for value in day)
    for _ in range(random.randint(0, 6)):
        value = random.randbytes(random.choice([0, 1, 2, 4, 4, 9]))
        body += bytes([random.choice([1, 1, 2, 3, 0x30, 0xE1]), len(value)]) + value
    edition = edition or random.choice([2013, 2019])
    return framed(head(edition, len(body), serial=random.randint(0, 65535)) + body)


def plain_decode(frame: bytes) -> dict[str, Any]:
    """One location report, byte after byte, from the standard's table."""
    inner, at = bytearray(), 1
    while at < len(frame) - 1:
        if frame[at] == 0x7D:
            inner.append({1: 0x7D, 2: 0x7E}[frame[at + 1]])
            at += 1
        else:
            inner.append(frame[at])
        at += 1
    is_2019 = bool(inner[2] & 0x40)
    body = bytes(inner[17 if is_2019 else 12 : -1])
    alarm, status, lat, lon, _, speed, way = struct.unpack_from(">IIIIHHH", body)
    year, month, day, hour, minute, second = (int(body[22:28].hex()[i : i + 2]) for i in range(0, 12, 2))
    moment = datetime(2000 + year, month, day, hour, minute, second, tzinfo=timezone(timedelta(hours=8)))
    found: dict[str, Any] = {"edition": 2019 if is_2019 else 2013, "time_us": round(moment.timestamp() * 1e6)}
    found |= {
        "alarm_flags": alarm,
        "status_flags": status,
        "speed_mps": speed * 0.1 / 3.6,
        "vehicle_state": 1 if status & 1 else 2,
    }
    found["heading_deg"] = way if way < 360 else None
    is_there = status & 2 and lat <= 90e6 and lon <= 180e6
    found["latitude_deg"] = lat * 1e-6 * (-1 if status & 4 else 1) if is_there else None
    found["longitude_deg"] = lon * 1e-6 * (-1 if status & 8 else 1) if is_there else None
    found["mileage_m"], at = None, 28
    while at < len(body):
        if body[at] == 1 and body[at + 1] == 4:
            found["mileage_m"] = int.from_bytes(body[at + 2 : at + 6]) * 100
        at += 2 + body[at + 1]
    return found


def decode_one(frame: bytes) -> jt808.Decoded:
    return jt808.decode(frames_of([frame], 0))


@settings(deadline=None)
@given(st.lists(seeds, min_size=1, max_size=12))
def test_random_reports_read_like_a_second_reader_and_come_back_byte_for_byte(numbers: list[int]) -> None:
    frames = [random_report(Random(number)) for number in numbers]
    decoded = jt808.decode(frames_of(frames, 0))
    assert len(decoded.rejects) == 0
    bodies = decoded.locations.bodies()
    for row, frame in enumerate(frames):
        for name, value in plain_decode(frame).items():
            found = decoded.rows[name][row].item()
            assert math.isnan(found) if value is None else math.isclose(found, value, rel_tol=1e-9), name
        message = decoded.messages[row]
        assert message.body == bodies[row]
        assert message.encode() == frame


@pytest.mark.parametrize("edition", [2013, 2019])
def test_the_version_flag_tells_the_headers_apart(edition: int) -> None:
    body = location() + b"\x01\x04" + struct.pack(">I", 12345) + b"\x02\x02" + struct.pack(">H", 455) + b"\x30\x01\x1f"
    decoded = decode_one(report(edition, body))
    assert decoded.rows["edition"].tolist() == [edition]
    assert decoded.rows["time_us"].tolist() == [TIME_US]
    assert decoded.rows["mileage_m"].tolist() == [1_234_500]
    assert decoded.details() == [
        {"phone": PHONE[edition], "serial": 7, "altitude_m": 240, "item_01": "00003039", "fuel_l": 45.5, "item_30": "1f"}
    ]


@pytest.mark.parametrize(
    ("frame", "reason", "sentence"),
    [
        (b"", "undecodable", "7e"),
        (b"\x7e\x7e", "truncated", "0 bytes"),
        (report()[:-1], "undecodable", "7e"),
        (b"\x7e" + report(), "undecodable", "none between"),
        (b"\x7e\x7d\x03" + bytes(20) + b"\x7e", "undecodable", "escape"),
        (report()[:-3] + b"\x00\x01\x7e", "undecodable", "check"),
        (framed(head(2013, 29) + location()), "truncated", "41 bytes where the header says 42"),
        (framed(head(2013, 27) + location()), "overlong", "41 bytes where the header says 40"),
        (report(body=location()[:-1]), "truncated", "27 bytes of body"),
        (report(body=location() + b"\x01\x04\x00"), "truncated", "additional item"),
        (report(body=location() + b"\x01"), "truncated", "additional item"),
        (report(flags=0x0400), "undecodable", "encrypted"),
        (report(flags=0x2000, part=b"\x00\x02\x00\x01"), "undecodable", "part 1 of 2"),
    ],
)
def test_bad_frames_are_refused_with_the_reason(frame: bytes, reason: str, sentence: str) -> None:
    rejects = decode_one(frame).rejects
    assert [str(one) for one in rejects.reason] == [reason], rejects.detail
    assert sentence in rejects.detail[0]


def test_what_a_report_does_not_know_is_no_number() -> None:
    rows = decode_one(report(body=location(status=1, way=400, time=bytes.fromhex("23111A061320")))).rows
    assert math.isnan(rows["latitude_deg"][0])
    assert math.isnan(rows["heading_deg"][0])
    assert math.isnan(rows["elevation_m"][0])  # it is above the sea, and the column's is above the ellipsoid
    assert rows["time_us"].tolist() == [NO_TIME_US]


def test_a_bad_frame_costs_itself() -> None:
    frames = [report(), report(body=location() + b"\x01"), report(2019), b"\x7e", report(message=0x0002, body=b"")]
    decoded = jt808.decode(frames_of(frames, 0))
    assert decoded.rows["frame"].tolist() == [0, 2]
    assert decoded.rejects.index.tolist() == [1, 3]
    assert decoded.others == {4: 2}


@given(st.binary(max_size=120))
def test_bytes_of_any_kind_never_raise(payload: bytes) -> None:
    for frame in (payload, framed(b"\x02\x00" + payload), b"\x7e" + payload + b"\x7e"):
        decoded = decode_one(frame)
        assert len(decoded.rows) + len(decoded.rejects) + len(decoded.others) == 1


def batch_report(bodies: list[bytes], *, edition: int = 2019, kind: int = 1, serial: int = 9) -> bytes:
    """A batch of locations, in one frame or in its parts, written byte by byte."""
    body = struct.pack(">HB", len(bodies), kind) + b"".join(struct.pack(">H", len(one)) + one for one in bodies)
    if len(body) <= 1023:
        return framed(head(edition, len(body), message=0x0704, serial=serial) + body)
    pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    return b"".join(
        framed(
            head(
                edition,
                len(piece),
                message=0x0704,
                serial=serial + place,
                flags=0x2000,
                part=struct.pack(">HH", len(pieces), place + 1),
            )
            + piece
        )
        for place, piece in enumerate(pieces)
    )


@settings(deadline=None)
@given(st.lists(seeds, min_size=1, max_size=60), st.sampled_from([2013, 2019]), st.sampled_from([0, 1]))
def test_batches_of_locations_read_like_a_second_reader_and_come_back_byte_for_byte(
    numbers: list[int], edition: int, kind: int
) -> None:
    reports = [random_report(Random(number), edition) for number in numbers]
    bodies = [read(frame).body for frame in reports]
    payload = batch_report(bodies, edition=edition, kind=kind)
    decoded = decode_one(payload)
    assert len(decoded.rejects) == 0
    for row, frame in enumerate(reports):
        for name, value in plain_decode(frame).items():
            found = decoded.rows[name][row].item()
            assert math.isnan(found) if value is None else math.isclose(found, value, rel_tol=1e-9), name
    assert decoded.rows["is_reissued"].tolist() == [kind == 1] * len(bodies)
    assert jt808.batch_body(kind, decoded.locations.bodies()) == decoded.messages[0].body
    alone = [decode_one(frame) for frame in decoded.alone(frames_of([payload], 0))]
    assert [one.locations.bodies() for one in alone] == [[body] for body in bodies]


@pytest.mark.parametrize(
    ("body", "reason", "sentence"),
    [
        (b"", "truncated", "0 bytes of body where a batch"),
        (b"\x00\x00\x00", "undecodable", "no locations"),
        (b"\x00\x02\x00\x00\x1c" + location(), "truncated", "location 2 of 2"),
        (b"\x00\x01\x00\x00\x1d" + location(), "truncated", "location 1 of 1"),
        (b"\x00\x01\x00\x00\x1c" + location() + b"\x00", "overlong", "1 bytes behind"),
    ],
)
def test_batches_that_do_not_hold_what_they_say_are_refused(body: bytes, reason: str, sentence: str) -> None:
    rejects = decode_one(report(body=body, message=0x0704)).rejects
    assert [str(one) for one in rejects.reason] == [reason]
    assert sentence in rejects.detail[0]


def test_a_bad_location_costs_itself_not_its_batch() -> None:
    decoded = decode_one(batch_report([location(), location()[:-1], location() + b"\x01\x04\x00", location(lat=1)]))
    assert decoded.rows["latitude_deg"].tolist() == [29.56, 1e-6]
    assert decoded.rejects.index.tolist() == [0]
    assert "1 of 4 locations" in decoded.rejects.detail[0]


def test_a_location_with_hundreds_of_items_is_refused() -> None:
    parts_ = split(Message(2019, 0x0200, PHONE[2019], 1, location() + b"\x30\x00" * 300))
    rejects = decode_one(b"".join(part.encode() for part in parts_)).rejects
    assert [str(one) for one in rejects.reason] == ["undecodable"]
    assert "256 additional items" in rejects.detail[0]


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20), st.integers(0, 2**30))
def test_rows_come_back_to_the_resolution_of_the_wire(vehicles: list[int], seconds: int) -> None:
    rows = vehicles_at(
        np.full(len(vehicles), (1_600_000_000 + seconds) * 1_000_000), np.array(vehicles), np.random.default_rng(1)
    )
    south = rows.with_columns(latitude_deg=-rows["latitude_deg"], longitude_deg=-rows["longitude_deg"])
    unknown = rows.with_columns(
        latitude_deg=rows["latitude_deg"] * np.nan, heading_deg=rows["heading_deg"] * np.nan, mileage_m=rows["mileage_m"] * np.nan
    )
    for wanted in (rows, south, unknown):
        frames = [report(body=body) for body in encode(wanted)]
        found = jt808.decode(frames_of(frames, 0)).rows
        assert (found["time_us"] == wanted["time_us"]).all()
        for name, step in (("latitude_deg", 1e-6), ("speed_mps", 1 / 36), ("heading_deg", 1.0), ("mileage_m", 100.0)):
            off = np.abs(found[name] - wanted[name])
            off = np.minimum(off, 360 - off) if name == "heading_deg" else off
            assert (np.isnan(wanted[name]) == np.isnan(found[name])).all(), name
            assert not (off > 0.5001 * step).any(), name


def test_a_value_that_no_field_holds_is_refused_by_name() -> None:
    rows = vehicles_at(np.array([1_700_000_000_000_000]), np.array([1]), np.random.default_rng(1))
    with pytest.raises(OutOfRangeError, match="speed_mps"):
        encode(rows.with_columns(speed_mps=np.array([2000.0])))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases_decode_to_what_is_written_beside_them(case: Path) -> None:
    frame = bytes.fromhex((case / "input.hex").read_text())
    expected = json.loads((case / "expected.json").read_text())
    decoded = decode_one(frame)
    assert same(row_of(decoded.rows, 0), expected["row"])
    assert same(decoded.details()[0], expected["details"])
    assert decoded.messages[0].encode() == frame
