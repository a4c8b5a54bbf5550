"""What is watched live: rows out of messages, and a reader that is thinned rather than waited for."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from chelu.bus import Messages
from chelu.bus.batch import no_messages
from chelu.messages import BSM, Batch
from chelu.topics import Kind, Payload
from services.registry import live_rows
from services.registry.cli_watch import picture_line, row_line
from services.registry.live_reader import Reader
from services.registry.live_rows import Item, Source

RSU = {"device_id": "rsu-1", "device_key": 7, "envelope": "bare"}
BARE = bytes.fromhex((Path(__file__).parents[2] / "data" / "cv2x" / "bsm_core" / "frame.hex").read_text())
ARRIVAL_US = 1_700_000_000_000_000


def messages(*said: tuple[str, bytes]) -> Messages:
    """These payloads on these topics, one after the other."""
    topics = list(dict.fromkeys(topic for topic, _ in said))
    stop = np.cumsum([len(payload) for _, payload in said])
    count = len(said)
    empty = no_messages()
    columns = {
        "qos": np.zeros(count, np.uint8),
        "packet_id": np.zeros(count, np.uint16),
        "sequence": np.full(count, -1, np.int64),
        "retained": np.zeros(count, np.bool_),
        "connection": np.ones(count, np.int32),
    }
    assert set(columns) < set(empty.__slots__)
    return Messages(
        data=np.frombuffer(b"".join(payload for _, payload in said), np.uint8),
        start=np.concatenate([[0], stop[:-1]]).astype(np.int64),
        stop=stop.astype(np.int64),
        topic=np.array([topics.index(topic) for topic, _ in said], np.int32),
        arrival_us=ARRIVAL_US + np.arange(count, dtype=np.int64),
        topics=topics,
        **columns,  # type: ignore[arg-type]
    )


def watched(stream: str, kind: Kind = Kind.RSU) -> dict[str, Source]:
    return {source.topic: source for source in live_rows.sources(stream, kind, RSU)}


def item(source: Source, rows: int = 1, payload: bytes = b"") -> Item:
    return Item(source, rows, documents=["{}\n"] * rows, payload=payload)


SOURCE = Source("rsu/rsu-1/heartbeat/up", "heartbeat", Payload.JSON, "rsu-1", 7)


def test_every_kind_has_something_to_watch_and_warnings_go_both_ways() -> None:
    assert all(live_rows.streams_of(kind) for kind in Kind)
    topics = {source.topic for source in live_rows.sources("warning", Kind.OBU, {**RSU, "device_id": "obu-1"})}
    assert topics == {"obu/obu-1/warning/down", "obu/obu-1/warning/up"}


def test_frames_become_rows_with_the_names_of_the_read_api() -> None:
    said = messages(*[("rsu/rsu-1/bsm/up", BARE)] * 5, ("rsu/other/bsm/up", b"x"))
    (found,), refused = live_rows.items(said, watched("bsm"))
    assert (found.rows, refused) == (5, 0)
    row = json.loads(found.text().splitlines()[0])
    assert {field.name for field in BSM.fields} | {"device_id", "arrival_us", "device_key"} == set(row)
    assert (row["device_id"], row["device_key"], row["arrival_us"]) == ("rsu-1", 7, ARRIVAL_US)


def test_what_cannot_be_read_is_counted_and_costs_itself_alone() -> None:
    said = messages(("rsu/rsu-1/bsm/up", b"\xff\xff"), ("rsu/rsu-1/bsm/up", BARE))
    (found,), refused = live_rows.items(said, watched("bsm"))
    assert (found.rows, refused) == (1, 1)
    said = messages(
        ("rsu/rsu-1/heartbeat/up", b"{"), ("rsu/rsu-1/heartbeat/up", b'{"a": 1}'), ("rsu/rsu-1/heartbeat/up", b"[NaN]")
    )
    (found,), refused = live_rows.items(said, watched("heartbeat"))
    assert (found.rows, refused) == (1, 2)
    assert json.loads(found.text()) == {
        "device_id": "rsu-1",
        "arrival_us": ARRIVAL_US + 1,
        "stream": "heartbeat",
        "document": {"a": 1},
    }


def test_a_picture_is_passed_on_as_it_is() -> None:
    source = live_rows.picture_source("hillside")
    found, _ = live_rows.items(messages((source.topic, b"one"), (source.topic, b"two")), {source.topic: source})
    assert [each.payload for each in found] == [b"one", b"two"]


def test_of_a_picture_only_the_newest_waits() -> None:
    source, reader = live_rows.picture_source("hillside"), Reader(lambda: None)
    for payload in (b"1", b"2", b"3"):
        reader.put(item(source, payload=payload))
    taken = reader.take()
    assert ([each.payload for each in taken.items], taken.dropped) == ([b"3"], 2)
    assert reader.take().items == []


@pytest.mark.parametrize("count", [10, 11, 100, 1000])
def test_a_slow_reader_gets_a_sample_of_the_whole_time_and_the_newest(count: int) -> None:
    reader = Reader(lambda: None, most_rows=20)
    for number in range(count):
        reader.put(Item(SOURCE, 2, documents=[str(number)]))
    taken = reader.take()
    kept = [int(each.documents[0]) for each in taken.items]
    assert len(kept) <= 10
    assert taken.dropped == 2 * (count - len(kept))
    assert kept == sorted(kept)
    assert kept[-1] == count - 1
    gaps = np.diff(kept[:-1])
    assert gaps.size == 0 or (kept[0] == 0 and set(gaps.tolist()) == {gaps[0]}), kept


def test_no_device_of_several_is_thinned_away() -> None:
    sources = [Source(f"rsu/{number}/heartbeat/up", "heartbeat", Payload.JSON, str(number), number) for number in range(8)]
    reader = Reader(lambda: None, most_rows=20)
    for number in range(1000):
        reader.put(Item(sources[number % 8], 1, documents=[str(number)]))
    taken = reader.take()
    assert len(taken.items) <= 20
    assert {each.source.device_key for each in taken.items} == set(range(8))
    assert {str(number) for number in range(992, 1000)} <= {each.documents[0] for each in taken.items}


def test_the_first_reason_to_end_counts_and_comes_behind_what_waits() -> None:
    woken = threading.Event()
    reader = Reader(woken.set)
    reader.put(item(SOURCE))
    reader.end(4401, "first")
    reader.end(4403, "second")
    taken = reader.take()
    assert woken.is_set()
    assert taken.end is not None
    assert (len(taken.items), taken.end.code, taken.end.reason) == (1, 4401, "first")


def test_lines_are_for_people() -> None:
    row = {"time_us": ARRIVAL_US, "device_id": "obu-1", "vehicle_id": "00000000000003e9", "speed_mps": 12.34, "heading_deg": None}
    assert row_line("bsm", row) == (
        "22:13:20.000  obu-1  vehicle_id 00000000000003e9  latitude_deg –  longitude_deg –  elevation_m –  "
        "speed 12.3 m/s  heading_deg –"
    )
    batch = Batch({"kind": np.array([1, 1, 2]), "level": np.array([0, 2, 0]), "speed_mps": np.array([10.0, np.nan, 2.0])})
    line = picture_line(batch, {"time_us": ARRIVAL_US, "signals": {"phase": [1, 2]}})
    assert line == "22:13:20.000  2 speak, 1 are seen, 6.0 m/s on average, 1 warned, signals 2"
