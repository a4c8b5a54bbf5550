from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from chelu.codec.gbt32960_frame import encode_time
from chelu.messages import DropReason, Flag
from services.ingest.accounts import settle
from services.ingest.prepared import Prepared, deliveries
from tests.unit.codec.plain_gbt32960 import framed
from tests.unit.ingest.crafted import NOW_US, bsm, deployed, message, work

HOUR_US = 3_600_000_000


def nothing_twice(prepared: Prepared) -> npt.NDArray[np.bool_]:
    return np.zeros(len(prepared.messages), np.bool_)


def refused(*messages: object) -> list[tuple[int, str]]:
    prepared, _ = work(list(messages))  # type: ignore[arg-type]
    accounts, drops = settle(prepared, nothing_twice(prepared))
    assert sum(a.received for a in accounts) == sum(a.stored for a in accounts) + sum(d.rows for d in drops)
    return [(refusal.message, str(refusal.reason)) for refusal in prepared.refusals]


def test_a_bare_bsm_becomes_a_row_of_its_device() -> None:
    prepared, _ = work([message("obu/o1/bsm/up", bsm())])
    row = prepared.tables["bsm"]
    assert abs(row["latitude_deg"][0] - 29.5) < 1e-7
    assert row["time_us"].tolist() == [NOW_US]
    assert row["device_key"].tolist() == [1]
    assert row["flags"].tolist() == [0]
    assert prepared.rows.tolist() == [1]


def test_an_envelope_of_three_is_three_rows() -> None:
    prepared, _ = work([message("rsu/r1/bsm/up", deployed([bsm(count=i) for i in range(3)]))])
    assert len(prepared.tables["bsm"]) == 3
    assert prepared.frames.tolist() == [3]


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("obu/o1/bsm/up", bsm()[:-3], DropReason.TRUNCATED),
        ("obu/o1/bsm/up", b"", DropReason.TRUNCATED),
        ("obu/old/bsm/up", bsm(), DropReason.WRONG_VERSION),
        ("obu/nobody/bsm/up", bsm(), DropReason.UNREGISTERED),
        ("obu/r1/bsm/up", bsm(), DropReason.UNREGISTERED),
        ("obu/o1/nonsense/up", bsm(), DropReason.UNKNOWN_TOPIC),
        ("join/x1/hello", b"hi", DropReason.UNREGISTERED),
        ("obu/o1/heartbeat/up", b"{", DropReason.UNDECODABLE),
        ("obu/o1/heartbeat/up", b"[1]", DropReason.UNDECODABLE),
        ("obu/o1/heartbeat/up", b'{"a": NaN}', DropReason.UNDECODABLE),
        ("obu/o1/heartbeat/up", b'{"a": "\\u0000"}', DropReason.UNDECODABLE),
        ("obu/o1/heartbeat/up", b'{"a": "\\ud800"}', DropReason.UNDECODABLE),
        ("obu/o1/heartbeat/up", b"\xff\xfe", DropReason.UNDECODABLE),
        ("obu/o1/heartbeat/up", b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", DropReason.UNDECODABLE),
        ("obu/o1/heartbeat/up", b'{"a": "' + b"x" * 20_000 + b'"}', DropReason.OVERLONG),
        ("rsu/r1/rsm/up", deployed([bsm()], is_bsm=False), DropReason.UNDECODABLE),
        ("vehicle/v1/telemetry/up", b"##\x02\xfe", DropReason.TRUNCATED),
        ("vehicle/v1/telemetry/up", framed(2016, bytes(6), encryption=3), DropReason.UNDECODABLE),
        ("vehicle/v1/telemetry/up", framed(2016, bytes(6))[:-1] + b"\x00", DropReason.UNDECODABLE),
        ("vehicle/v9/telemetry/up", framed(2016, bytes(6)), DropReason.UNREGISTERED),
        ("rsu/r1/bsm/up", deployed([bsm()], reference_us=NOW_US + 30 * 24 * HOUR_US), DropReason.OUT_OF_RANGE),
        ("rsu/r1/bsm/up", deployed([bsm()], reference_us=0), DropReason.OUT_OF_RANGE),
    ],
)
def test_bad_input_costs_its_own_row_with_a_reason(topic: str, payload: bytes, reason: DropReason) -> None:
    good = message("obu/o1/bsm/up", bsm())
    assert refused(good, message(topic, payload), good) == [(1, reason)]


def test_a_number_that_no_column_holds_is_refused() -> None:
    huge = message("obu/o1/bsm/up", bsm(), qos=1, sequence=2**63)
    assert refused(huge) == [(0, "out_of_range")]
    assert len(deliveries(work([huge])[0])) == 0


def test_an_overlong_frame_is_refused() -> None:
    reasons = refused(message("obu/o1/bsm/up", bsm() + b"\x00\x01\x02"))
    assert reasons[0][1] in {DropReason.OVERLONG, DropReason.UNDECODABLE}


def test_a_malformed_frame_costs_its_own_row_and_not_its_envelope() -> None:
    prepared, _ = work([message("rsu/r1/bsm/up", deployed([bsm(), bsm()[:20], bsm(count=1)]))])
    assert len(prepared.tables["bsm"]) == 2
    assert len(prepared.refusals) == 1
    assert prepared.frames.tolist() == [3]


def test_random_bytes_of_any_length_stop_nothing() -> None:
    random = np.random.default_rng(7)
    payloads = [random.bytes(int(length)) for length in random.integers(0, 300, 300)]
    topics = ["obu/o1/bsm/up", "rsu/r1/bsm/up", "rsu/r1/rsm/up", "rsu/r1/spat/up", "rsu/r1/map/up", "obu/o1/info/up"]
    messages = [message(topics[index % len(topics)], payload) for index, payload in enumerate(payloads)]
    prepared, _ = work([*messages, message("obu/o1/bsm/up", bsm())])
    accounts, drops = settle(prepared, nothing_twice(prepared))
    assert sum(a.received for a in accounts) == sum(a.stored for a in accounts) + sum(d.rows for d in drops)
    assert prepared.rows[-1] == 1


def test_frames_of_a_stranger_are_counted_one_by_one() -> None:
    assert refused(message("rsu/unknown/bsm/up", deployed([bsm(), bsm(count=1)]))) == [(0, "unregistered")] * 2


def test_our_own_downlinks_are_counted_nowhere() -> None:
    prepared, _ = work([message("obu/o1/warning/down", b"{}")])
    assert not prepared.is_counted.any()
    assert settle(prepared, nothing_twice(prepared)) == ([], [])


def test_a_clock_20_s_off_is_flagged_and_stored() -> None:
    prepared, _ = work([message("obu/o1/bsm/up", bsm(time_us=NOW_US - 20_000_000))])
    assert prepared.tables["bsm"]["flags"][0] & Flag.CLOCK


def test_an_envelope_an_hour_off_is_flagged_and_what_was_spooled_is_only_late() -> None:
    past = deployed([bsm(time_us=NOW_US - HOUR_US)], reference_us=NOW_US - HOUR_US)
    prepared, _ = work([message("rsu/r1/bsm/up", past), message("rsu/r1/bsm/up", past, qos=1, sequence=5)])
    assert prepared.tables["bsm"]["flags"].tolist() == [Flag.CLOCK | Flag.LATE, Flag.LATE]


def test_a_document_an_hour_off_is_flagged() -> None:
    body = {"time_us": NOW_US - HOUR_US}
    prepared, _ = work([message("rscu/c1/info/up", json.dumps(body).encode())])
    rows = prepared.tables["report"]
    assert rows["flags"].tolist() == [Flag.CLOCK | Flag.LATE]
    assert rows["time_us"].tolist() == [NOW_US - HOUR_US]
    assert rows["body"][0] == body


def test_gap_and_jump_are_seen_from_one_batch_to_the_next() -> None:
    _, memories = work([message("obu/o1/bsm/up", bsm(count=1))])
    late = NOW_US + 100_000
    prepared, _ = work([message("obu/o1/bsm/up", bsm(count=3, time_us=late, latitude_deg=29.51), arrival_us=late)], memories)
    assert prepared.tables["bsm"]["flags"].tolist() == [Flag.GAP | Flag.JUMP]
    assert prepared.missing["bsm"] == 1


REPORT = framed(2016, encode_time(NOW_US) + b"\x05" + struct.pack(">BII", 0, 106_500_000, 29_500_000) + b"\x80\x00\x01\x07")


def test_a_report_of_a_vehicle_is_a_row_with_all_it_says_beside_it() -> None:
    prepared, _ = work([message("vehicle/v1/telemetry/up", REPORT, qos=1)])
    rows = prepared.tables["telemetry"]
    assert (rows["latitude_deg"].tolist(), rows["device_key"].tolist(), rows["flags"].tolist()) == ([29.5], [4], [0])
    assert rows["time_us"].tolist() == [NOW_US // 1_000_000 * 1_000_000]
    assert rows["details"][0]["custom_80"] == "07"
    assert rows["frame"].tolist() == [REPORT]
    assert prepared.rows.tolist() == [1]


def test_a_location_report_of_jt808_is_a_row_beside_those_of_gbt32960() -> None:
    place = bytes.fromhex((Path(__file__).parents[2] / "data" / "jt808-2019-location" / "input.hex").read_text())
    topic = "vehicle/v1/telemetry/up"
    prepared, _ = work([message(topic, REPORT, qos=1), message(topic, place, qos=1), message(topic, place[:-2], qos=1)])
    rows = prepared.tables["telemetry"]
    assert sorted(rows["edition"].tolist()) == [2016, 2019]
    assert place in rows["frame"].tolist()
    assert [(refusal.message, str(refusal.reason)) for refusal in prepared.refusals] == [(2, "undecodable")]


def test_a_login_is_kept_as_it_is() -> None:
    login = framed(2016, encode_time(NOW_US) + bytes(24), command=1)
    prepared, _ = work([message("vehicle/v1/telemetry/up", login, qos=1)])
    assert prepared.tables["message"]["payload"].tolist() == [login]
    assert prepared.tables["message"]["kind"].tolist() == ["telemetry"]


def test_a_report_whose_clock_has_no_such_day_is_stored_at_its_arrival_and_flagged() -> None:
    report = framed(2016, bytes([23, 2, 30, 0, 0, 0]))
    rows = work([message("vehicle/v1/telemetry/up", report, qos=1)])[0].tables["telemetry"]
    assert (rows["time_us"].tolist(), rows["flags"].tolist()) == ([NOW_US], [Flag.CLOCK])


def test_a_report_that_waited_is_late_and_an_impossible_speed_is_doubted() -> None:
    body = b"\x01" + struct.pack(">BBBHIHHBBBHBB", 1, 1, 1, 2500, 0, 0, 10000, 50, 1, 0, 0, 0, 0)
    report = framed(2016, encode_time(NOW_US - HOUR_US) + body, command=3)
    rows = work([message("vehicle/v1/telemetry/up", report, qos=1, sequence=7)])[0].tables["telemetry"]
    assert rows["flags"].tolist() == [Flag.LATE | Flag.RANGE]
    assert rows["is_reissued"].tolist() == [True]


def test_a_duplicate_counts_its_rows_as_dropped() -> None:
    twice = message("obu/o1/bsm/up", bsm(), qos=1, sequence=9)
    prepared, _ = work([twice, twice])
    assert deliveries(prepared).sequence.tolist() == [9, 9]
    accounts, drops = settle(prepared, np.array([False, True]))
    assert [(a.received, a.stored) for a in accounts] == [(2, 1)]
    assert [(str(d.reason), d.rows) for d in drops] == [("duplicate", 1)]


def test_what_found_no_room_is_in_the_books() -> None:
    prepared, _ = work([])
    accounts, drops = settle(prepared, nothing_twice(prepared), {"inbox": 12})
    assert [(a.stream, a.received, a.stored) for a in accounts] == [("inbox", 12, 0)]
    assert [(str(d.reason), d.rows) for d in drops] == [("queue_full", 12)]


def test_an_envelope_whose_count_lies_is_refused() -> None:
    lying = struct.pack("<8sqB", b"RSU00001", NOW_US // 1000, 9) + struct.pack("<H", 40) + bsm()
    assert refused(message("rsu/r1/bsm/up", lying))
