from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.codec import gbt32960
from chelu.codec.gbt32960_encode import encode
from chelu.codec.gbt32960_frame import Frame, Splitter, encode_time, read
from chelu.codec.gbt32960_report import write
from chelu.errors import MalformedError, OutOfRangeError
from chelu.messages import TELEMETRY, Batch, DropReason, frames_of
from tests.unit.codec.plain_gbt32960 import VIN, framed, plain_decode, random_report

CASES = sorted((Path(__file__).parents[2] / "data").glob("gbt32960-*"))
TIME = bytes([23, 11, 15, 6, 13, 20])  # Beijing
TIME_US = 1_700_000_000_000_000
seeds = st.integers(0, 2**32)


def decode_one(frame: bytes) -> gbt32960.Decoded:
    return gbt32960.decode(frames_of([frame], 0))


def refusal(frame: bytes) -> tuple[str, str]:
    rejects = decode_one(frame).rejects
    assert len(rejects) == 1
    return str(rejects.reason[0]), rejects.detail[0]


def same(found: Any, expected: Any) -> bool:
    """Equal, numbers to nine digits: there are two ways to the same tenth."""
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[name], expected[name]) for name in found)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(found, (int, float)) and isinstance(expected, (int, float)):
        return math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    return bool(found == expected)


def row_of(rows: Batch, row: int) -> dict[str, Any]:
    """A row without what is unavailable."""
    found = {}
    for field in TELEMETRY.fields:
        value = rows[field.name][row].item()
        is_there = rows[field.name + "_valid"][row] if field.has_mask else value == value  # noqa: PLR0124 - not NaN
        if is_there:
            found[field.name] = value
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases_decode_to_what_is_written_beside_them(case: Path) -> None:
    frame = bytes.fromhex((case / "input.hex").read_text())
    expected = json.loads((case / "expected.json").read_text())
    decoded = decode_one(frame)
    assert same(row_of(decoded.rows, 0), expected["row"])
    assert same(decoded.details()[0], expected["details"])
    assert write(decoded.parsed.reports).frame(0) == frame


@settings(deadline=None)
@given(st.lists(seeds, min_size=1, max_size=12))
def test_random_reports_read_like_a_second_reader_and_come_back_byte_for_byte(numbers: list[int]) -> None:
    frames = [random_report(Random(number)) for number in numbers]
    decoded = gbt32960.decode(frames_of(frames, 0))
    assert len(decoded.rejects) == 0
    assert decoded.rows["frame"].tolist() == list(range(len(frames)))
    for row, (frame, details) in enumerate(zip(frames, decoded.details(), strict=True)):
        expected = plain_decode(frame)
        assert decoded.rows["time_us"][row] == expected.pop("time_us")
        assert decoded.rows["edition"][row] == expected.pop("edition")
        assert decoded.rows["is_reissued"][row] == (expected.pop("command") == 3)
        assert decoded.parsed.reports.vin[row] == expected.pop("vin")
        assert same(details, expected)
        assert write(decoded.parsed.reports).frame(row) == frame


@settings(deadline=None)
@given(seeds)
def test_rows_hold_what_the_details_say(number: int) -> None:
    decoded = decode_one(random_report(Random(number)))
    row, details = row_of(decoded.rows, 0), decoded.details()[0]
    for item in ("vehicle", "engine", "fuel_cell", "extremes", "alarms"):
        for name, value in details.get(item, {}).items():
            if name in TELEMETRY.dtypes() and value is not None:
                assert row[name] == value
            elif name in TELEMETRY.dtypes() and not name.startswith(("cell_", "battery_")):
                assert name not in row
    if "motors" in details:
        assert row["motors"] == len(details["motors"]["motors"])


@settings(deadline=None)
@given(st.lists(seeds, min_size=1, max_size=8), st.data())
def test_a_damaged_frame_costs_itself_and_nothing_else(numbers: list[int], data: st.DataObject) -> None:
    frames = [random_report(Random(number)) for number in numbers]
    at = data.draw(st.integers(0, len(frames) - 1))
    place = data.draw(st.integers(0, len(frames[at]) - 1))
    flipped = bytes([frames[at][place] ^ data.draw(st.integers(1, 255))])
    frames[at] = frames[at][:place] + flipped + frames[at][place + 1 :]
    decoded = gbt32960.decode(frames_of(frames, 0))
    assert decoded.rejects.index.tolist() == [at]
    assert decoded.rows["frame"].tolist() == [row for row in range(len(frames)) if row != at]


@settings(deadline=None)
@given(seeds, st.data())
def test_a_report_cut_anywhere_with_right_length_and_check_is_refused_or_ends_between_items(
    number: int, data: st.DataObject
) -> None:
    body = random_report(Random(number), 2016)[24:-1]
    frame = framed(2016, body[: data.draw(st.integers(0, len(body)))])
    decoded = decode_one(frame)
    try:
        plain_decode(frame)
    except (struct.error, ValueError, IndexError):
        assert decoded.rejects.reason == (DropReason.TRUNCATED,)
    else:
        assert len(decoded.rows) == 1


@pytest.mark.parametrize(
    ("frame", "reason", "sentence"),
    [
        (b"", "truncated", "0 bytes"),
        (b"##\x02", "truncated", "3 bytes"),
        (framed(2016, TIME)[:-1], "truncated", "30 bytes where the header says 31"),
        (framed(2016, TIME) + b"\x00", "overlong", "32 bytes where the header says 31"),
        (b"%%" + framed(2016, TIME)[2:], "undecodable", "## or $$"),
        (framed(2016, TIME)[:-1] + b"\x00", "undecodable", "check"),
        (framed(2016, TIME[:5]), "truncated", "5 bytes of data"),
        (framed(2016, TIME, encryption=3), "undecodable", "encrypted (AES128)"),
        (framed(2025, TIME, encryption=5), "undecodable", "encrypted (SM4)"),
        (framed(2016, TIME + b"\x01" + bytes(19)), "truncated", "item 0x01"),
        (framed(2016, TIME + b"\x40" + bytes(19)), "undecodable", "reserved"),
        (framed(2016, TIME + b"\xff" + bytes(19)), "undecodable", "reserved"),
        (framed(2016, TIME + b"\x04" * 6 + b"\x80\xff\xff"), "truncated", "item 0x80"),
        (framed(2025, TIME + b"\xff\x01" + bytes(4) + b"\x04\x00\x01"), "overlong", "signature"),
        (framed(2025, TIME + b"\x04\x00\x01" * 65), "undecodable", "more than 64"),
    ],
)
def test_bad_frames_are_refused_with_the_reason(frame: bytes, reason: str, sentence: str) -> None:
    found, detail = refusal(frame)
    assert (found, sentence in detail) == (reason, True), detail


def test_item_codes_shift_between_the_editions() -> None:
    alarms = struct.pack(">BI", 2, 5) + bytes(4)
    for edition, code, body in ((2016, 7, alarms), (2025, 6, alarms + b"\x00")):
        row = row_of(decode_one(framed(edition, TIME + bytes([code]) + body)).rows, 0)
        assert (row["edition"], row["alarm_level"], row["alarm_flags"]) == (edition, 2, 5)
    cells = b"\x01" + struct.pack(">BHHH3H", 1, 3600, 30100, 3, 3600, 3700, 0xFFFE)
    row = row_of(decode_one(framed(2025, TIME + b"\x07" + cells)).rows, 0)
    assert (row["cell_voltage_min_v"], row["cell_voltage_max_v"]) == (3.6, 3.7)
    assert refusal(framed(2016, TIME + b"\x07" + cells))[0] == "truncated"


def test_invalid_and_abnormal_are_never_numbers() -> None:
    for gap in (0xFF, 0xFE):
        top = lambda width, gap=gap: b"\xff" * (width - 1) + bytes([gap])  # noqa: E731 - a name for the table's term
        body = b"".join(map(top, (1, 1, 1, 2, 4, 2, 2, 1, 1))) + b"\x0f" + top(2) + top(1) + top(1)
        row = row_of(decode_one(framed(2016, TIME + b"\x01" + body)).rows, 0)
        assert set(row) == {"time_us", "edition", "is_reissued", "gear", "has_drive", "has_brake"}


@pytest.mark.parametrize(("flags", "expected"), [(0, (29.5, 106.5)), (2, (-29.5, 106.5)), (4, (29.5, -106.5)), (1, None)])
def test_position_flags_are_signs_and_validity(flags: int, expected: tuple[float, float] | None) -> None:
    frame = framed(2016, TIME + b"\x05" + struct.pack(">BII", flags, 106_500_000, 29_500_000))
    row = row_of(decode_one(frame).rows, 0)
    assert (row.get("latitude_deg"), row.get("longitude_deg")) == (expected or (None, None))


def test_positions_in_gcj02_become_wgs84() -> None:
    where = struct.pack(">II", 106_500_000, 29_500_000)
    as_sent = row_of(decode_one(framed(2025, TIME + b"\x05\x00\x01" + where)).rows, 0)
    shifted = row_of(decode_one(framed(2025, TIME + b"\x05\x00\x02" + where)).rows, 0)
    assert as_sent["latitude_deg"] == 29.5
    assert 1e-3 < abs(shifted["latitude_deg"] - 29.5) < 1e-2 or 1e-3 < abs(shifted["longitude_deg"] - 106.5) < 1e-2
    assert shifted["coordinate_system"] == 2


def test_values_beyond_the_range_are_kept_and_doubted() -> None:
    body = struct.pack(">BBBHIHHBBBHBB", 1, 1, 1, 2201, 0, 0, 10000, 50, 1, 0, 0, 0, 0)
    decoded = decode_one(framed(2016, TIME + b"\x01" + body))
    assert decoded.is_doubtful.tolist() == [True]
    assert decoded.rows["speed_mps"][0] == pytest.approx(220.1 / 3.6)


def test_a_time_that_no_calendar_has_is_said_to_be_none() -> None:
    frames = [framed(2016, bytes(moment)) for moment in ([23, 2, 29, 0, 0, 0], [23, 13, 1, 0, 0, 0], [24, 2, 29, 0, 0, 0])]
    times = gbt32960.decode(frames_of(frames, 0)).rows["time_us"]
    assert (times == gbt32960.NO_TIME_US).tolist() == [True, True, False]


def test_times_are_beijings() -> None:
    assert encode_time(TIME_US) == TIME
    assert decode_one(framed(2016, TIME)).rows["time_us"].tolist() == [TIME_US]
    with pytest.raises(OutOfRangeError):
        encode_time(0)


def test_frames_that_are_no_reports_are_named_by_their_command() -> None:
    decoded = gbt32960.decode(frames_of([framed(2016, TIME), framed(2016, b"", command=7), framed(2025, TIME, command=1)], 0))
    assert decoded.others == {1: 7, 2: 1}
    assert len(decoded.rows) == 1


def test_no_frames_give_no_rows() -> None:
    decoded = gbt32960.decode(frames_of([], 0))
    assert (len(decoded.rows), decoded.details(), len(write(decoded.parsed.reports))) == (0, [], 0)


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_never_raise(payload: bytes) -> None:
    decoded = decode_one(payload)
    assert len(decoded.rows) + len(decoded.rejects) + len(decoded.others) == 1


# -- one frame, and the bytes of a connection ------------------------------------------------------------------------------------


def test_a_frame_is_the_inverse_of_its_bytes() -> None:
    frame = Frame(2025, 1, 0xFE, VIN, 1, b"data")
    assert read(frame.encode()) == frame
    with pytest.raises(OutOfRangeError, match="VIN"):
        Frame(2025, 1, 0xFE, b"short", 1, b"").encode()
    for broken in (frame.encode()[:-1], frame.encode() + b"x", frame.encode()[:-1] + b"\x00", b"%%" + frame.encode()[2:], b""):
        with pytest.raises(MalformedError):
            read(broken)


@settings(deadline=None)
@given(st.lists(seeds, max_size=6), st.lists(st.integers(1, 400), max_size=40), st.binary(max_size=30))
def test_frames_are_found_however_the_bytes_come(numbers: list[int], cuts: list[int], noise: bytes) -> None:
    noise = noise.replace(b"#", b"!").replace(b"$", b"!")
    frames = [random_report(Random(number)) for number in numbers]
    stream, splitter = noise + b"".join(frames), Splitter()
    found: list[bytes] = []
    for cut in [*cuts, len(stream)]:
        found += splitter.feed(stream[:cut])
        stream = stream[cut:]
    assert found == frames
    assert (splitter.passed_over, splitter.damaged, splitter.waiting) == (len(noise), 0, 0)


def test_after_a_damaged_frame_the_next_is_found() -> None:
    good = framed(2016, TIME)
    wrong_check = good[:-1] + bytes([good[-1] ^ 1])
    wrong_length = good[:22] + b"\x00\x01" + good[24:]
    for bad in (wrong_check, wrong_length):
        splitter = Splitter()
        assert list(splitter.feed(bad + good + good)) == [good, good]
        assert splitter.damaged == 1


def test_a_connection_that_sends_rubbish_is_given_up() -> None:
    splitter = Splitter()
    assert list(splitter.feed(b"##\x01\x00" * 50_000)) == []
    assert splitter.is_lost


def test_batches_do_not_depend_on_their_neighbours() -> None:
    random = Random(5)
    frames = [random_report(random) for _ in range(200)]
    together = gbt32960.decode(frames_of(frames, 0)).rows
    for row, frame in enumerate(frames):
        alone = decode_one(frame).rows
        for name in alone:
            if name != "frame":
                np.testing.assert_array_equal(alone[name][0], together[name][row])


# -- SI rows → frames ------------------------------------------------------------------------------------------------------------


def some_rows(n: int, random: np.random.Generator) -> Batch:
    """Rows of which every column that a report can hold has a value, or in the last row none."""
    columns: dict[str, Any] = {}
    for name, dtype in TELEMETRY.dtypes().items():
        columns[name] = np.full(n, np.nan) if dtype.kind == "f" else np.zeros(n, dtype)
    columns["time_us"] = TIME_US + 1_000_000 * np.arange(n)
    for name, low, high in (
        ("latitude_deg", -89, 89), ("longitude_deg", -179, 179), ("speed_mps", 0, 60), ("mileage_m", 0, 9e8),
        ("voltage_v", 0, 1000), ("current_a", -900, 900), ("state_of_charge", 0, 1), ("insulation_ohm", 0, 6e7),
        ("cell_voltage_max_v", 3, 5), ("battery_temperature_min_c", -40, 100),
    ):  # fmt: skip
        columns[name] = random.uniform(low, high, n)
        columns[name][-1] = np.nan
    for name, value in (("vehicle_state", 1), ("gear", 14), ("has_drive", True), ("alarm_level", 3), ("alarm_flags", 2**31 + 1)):
        columns[name][:] = value
        columns[name + "_valid"][:-1] = True
    return Batch(columns)


STEPS = {
    "latitude_deg": 1e-6,
    "longitude_deg": 1e-6,
    "speed_mps": 0.1 / 3.6,
    "mileage_m": 100,
    "voltage_v": 0.1,
    "current_a": 0.1,
    "state_of_charge": 0.01,
    "insulation_ohm": 1000,
}


@pytest.mark.parametrize("edition", [2016, 2025])
def test_rows_come_back_to_the_resolution_of_the_wire(edition: int) -> None:
    rows = some_rows(5, np.random.default_rng(1))
    cells, probes = np.full((5, 3), 3.6), np.full((5, 2), 25.0)
    cells[:, 1], probes[2, 0] = np.nan, -40
    frames = encode(rows, [f"LCHELU{number:011d}" for number in range(5)], edition=edition, cells_v=cells, probes_c=probes)
    decoded = gbt32960.decode(frames)
    assert len(decoded.rejects) == 0
    found = decoded.rows
    assert found["time_us"].tolist() == rows["time_us"].tolist()
    for name, step in STEPS.items():
        np.testing.assert_allclose(found[name], rows[name], rtol=0, atol=0.5001 * step)
    for name in ("vehicle_state", "alarm_level"):
        assert found[name + "_valid"].tolist() == [True] * 4 + [False]
    assert found["gear"].tolist() == [14] * 4 + [0]
    assert found["alarm_flags"].tolist() == [2**31 + 1] * 4 + [0]
    details = decoded.details()[2]
    assert details["cells"]["packs"][0]["voltages"] == [3.6, None, 3.6]
    assert details["temperatures"]["packs"][0]["temperatures"] == [-40.0, 25.0]


def test_a_value_that_no_field_holds_is_refused_by_name() -> None:
    rows = some_rows(2, np.random.default_rng(1)).with_columns(voltage_v=np.array([7000.0, 1.0]))
    with pytest.raises(OutOfRangeError, match=r"voltage_v = 7000\.0 is outside 0\.0 … 6553\.3"):
        encode(rows, ["LCHELU00000000001", "LCHELU00000000002"])
