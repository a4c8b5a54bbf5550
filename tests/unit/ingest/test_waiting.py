from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.bus import Received, messages_of
from chelu.spool import Spool
from services.ingest.labelled import Labelled
from services.ingest.store_room import SEGMENT_BYTES, StoreRoom
from services.ingest.waiting import Mark, decode, encode, encode_mark, pieces
from tests.unit.ingest.crafted import message


def same(_worker: int, connection: int) -> int:
    return connection


def labelled(*messages: Received) -> Labelled:
    return Labelled(messages_of(messages), np.zeros(len(messages), np.int32), ("bsm",))


@given(st.text(max_size=40), st.binary(max_size=80), st.none() | st.integers(0, 2**63 - 1), st.integers(0, 2**31 - 1))
def test_a_message_comes_back_as_it_was(topic: str, payload: bytes, sequence: int | None, connection: int) -> None:
    there = Received(topic, payload, 1, 17, 0, sequence, retained=True, connection=connection)
    assert [decode(record, connection_of=same) for record in encode(messages_of([there]), worker=5, most=100)] == [there]


def test_another_workers_connections_are_not_ours(spool: Spool) -> None:
    earlier, now = (StoreRoom(spool, max_bytes=2 * SEGMENT_BYTES, payload_bytes=100, worker=number) for number in (5, 6))
    for connection in (1, 2, 1):
        earlier.keep(labelled(message("t", b"", connection=connection)), batch_id=None, lost=Counter())
    now.keep(labelled(message("t", b"", connection=1)), batch_id=None, lost=Counter())
    found = [item.connection for _, item in now.read(10) or () if isinstance(item, Received)]
    assert found == [-1, -2, -1, 1]
    spool.close()


def test_a_mark_comes_back_as_it_was() -> None:
    assert decode(encode_mark(Mark(7, 3)), connection_of=same) == Mark(7, 3)


def test_of_an_oversize_payload_just_enough_is_kept_to_refuse_it() -> None:
    found = decode(*encode(messages_of([message("t", b"x" * 1000)]), worker=1, most=100), connection_of=same)
    assert isinstance(found, Received)
    assert len(found.payload) == 101


def test_pieces_keep_order_and_bound() -> None:
    records = [b"x" * 40 for _ in range(10)]
    found = pieces(records, 100)
    assert [record for piece in found for record in piece] == records
    assert max(sum(len(record) + 8 for record in piece) for piece in found) <= 100
    assert pieces([b"x" * 500], 100) == [[b"x" * 500]]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", segment_bytes=SEGMENT_BYTES, max_bytes=2 * SEGMENT_BYTES, when_full="refuse")


def test_a_full_spool_counts_qos_0_and_hands_qos_1_back(spool: Spool) -> None:
    room = StoreRoom(spool, max_bytes=2 * SEGMENT_BYTES, payload_bytes=1 << 20, worker=1)
    lost: Counter[str] = Counter()
    big = [message("obu/o1/bsm/up", bytes(1 << 20), qos=index % 2) for index in range(40)]
    is_held = [bool(room.keep(labelled(one), batch_id=None, lost=lost)[0]) for one in big]
    assert lost["bsm"] > 0
    assert all(one.qos for one, held in zip(big, is_held, strict=True) if held)
    assert len(spool) + lost["bsm"] + sum(is_held) == len(big)
    spool.close()


def test_a_batch_whose_end_was_not_seen_is_marked(spool: Spool) -> None:
    room = StoreRoom(spool, max_bytes=2 * SEGMENT_BYTES, payload_bytes=1000, worker=1)
    room.keep(labelled(message("a", b"1"), message("b", b"2")), batch_id=44, lost=Counter())
    assert [item if isinstance(item, Mark) else item.topic for _, item in room.read(10) or ()] == [Mark(44, 2), "a", "b"]
    spool.close()
