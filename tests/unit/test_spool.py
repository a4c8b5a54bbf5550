"""The spool: order, numbers, bounds and damage, on real directories."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.clock import VirtualClock
from chelu.errors import CannotStartError, OutOfRangeError
from chelu.spool import Spool, SpoolError, SpoolFullError

START_US = 1_790_000_000_000_000


def opened(directory: Path, *, start_us: int = START_US, segment: int = 1000, most: int = 10_000, refuse: bool = False) -> Spool:
    return Spool(
        directory,
        segment_bytes=segment,
        max_bytes=most,
        when_full="refuse" if refuse else "drop_oldest",
        clock=VirtualClock(start_us),
    )


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = opened(tmp_path)
    yield spool
    spool.close()


def test_records_come_back_in_order_with_rising_numbers(spool: Spool) -> None:
    assert spool.append([b"a", b"", b"c"]) == START_US
    assert spool.append([b"d"]) == START_US + 3
    assert spool.read(0, 10) == [(START_US, b"a"), (START_US + 1, b""), (START_US + 2, b"c"), (START_US + 3, b"d")]
    assert spool.read(START_US + 1, 1) == [(START_US + 2, b"c")]
    assert (spool.first_sequence, spool.last_sequence, len(spool)) == (START_US, START_US + 3, 4)


def test_an_empty_spool_has_nothing_to_read(spool: Spool) -> None:
    assert spool.read(0, 10) == []
    assert len(spool) == 0
    assert spool.first_sequence == spool.last_sequence + 1 == START_US


def test_released_records_are_not_read_again_not_even_by_a_successor(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.append([b"a", b"b", b"c"])
    first.release(START_US + 1)
    first.release(START_US)  # lower than before
    assert first.read(0, 10) == [(START_US + 2, b"c")]
    first.close()
    second = opened(tmp_path, start_us=START_US + 1_000_000)
    assert second.read(0, 10) == [(START_US + 2, b"c")]
    assert second.released == START_US + 1
    second.close()


def test_reading_crosses_segments_and_releasing_deletes_them(tmp_path: Path, spool: Spool) -> None:
    for index in range(30):
        spool.append([bytes([index]) * 92])
    assert len(list(tmp_path.glob("*.log"))) == 3
    assert [record[0] for _, record in spool.read(0, 100)] == list(range(30))
    assert [record[0] for _, record in spool.read(START_US + 8, 4)] == [9, 10, 11, 12]
    spool.release(START_US + 25)
    assert len(list(tmp_path.glob("*.log"))) == 1
    spool.release(spool.last_sequence)
    assert spool.read(0, 10) == []
    assert spool.size_bytes == 0
    assert spool.append([b"x"]) == START_US + 30


def test_a_full_spool_drops_its_oldest_segment_and_counts_it(spool: Spool) -> None:
    for index in range(150):
        spool.append([bytes([index]) * 92])
    assert spool.size_bytes <= 10_000
    assert spool.dropped + len(spool) == 150
    assert spool.dropped % 10 == 0
    assert spool.read(0, 1) == [(START_US + spool.dropped, bytes([spool.dropped]) * 92)]


def test_released_records_of_a_dropped_segment_are_not_counted_as_dropped(spool: Spool) -> None:
    for index in range(100):
        spool.append([bytes([index]) * 92])
    spool.release(START_US + 4)
    spool.append([b"x" * 92])
    assert spool.dropped == 5


def test_a_full_spool_told_to_refuse_refuses_and_keeps_everything(tmp_path: Path) -> None:
    spool = opened(tmp_path, refuse=True)
    for _ in range(100):
        spool.append([b"x" * 92])
    with pytest.raises(SpoolFullError, match="10000 of 10000 bytes are waiting"):
        spool.append([b"x" * 92])
    assert len(spool) == 100
    spool.release(START_US + 9)
    spool.append([b"y" * 92])
    spool.close()


def test_more_than_a_segment_at_once_is_refused(spool: Spool) -> None:
    with pytest.raises(OutOfRangeError, match="1009"):
        spool.append([b"x" * 1001])


def test_segments_larger_than_half_the_spool_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutOfRangeError, match="segment_bytes"):
        Spool(tmp_path, segment_bytes=600, max_bytes=1000)


def test_a_second_opener_is_told_who_holds_the_directory(tmp_path: Path, spool: Spool) -> None:
    with pytest.raises(CannotStartError, match=f"in use by process {os.getpid()}; stop it"):
        opened(tmp_path)


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStartError, match="cannot be opened"):
        opened(tmp_path / "file" / "spool")


def test_a_wiped_disk_never_reuses_sequence_numbers(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.append([b"a"] * 50)
    last = first.last_sequence
    first.close()
    for path in tmp_path.iterdir():
        path.unlink()
    second = opened(tmp_path, start_us=START_US + 1_000_000)
    assert second.append([b"b"]) > last
    second.close()


def test_a_clock_that_went_back_never_reuses_sequence_numbers(tmp_path: Path) -> None:
    first = opened(tmp_path)
    first.append([b"a", b"b"])
    first.close()
    second = opened(tmp_path, start_us=1000)
    assert second.append([b"c"]) == START_US + 2
    assert [record for _, record in second.read(0, 9)] == [b"a", b"b", b"c"]
    second.release(START_US + 2)
    second.close()
    third = opened(tmp_path, start_us=1000)
    assert third.append([b"d"]) == START_US + 3
    third.close()


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(st.binary(max_size=60), min_size=1, max_size=20),
    cut=st.integers(min_value=0, max_value=2000),
    garbage=st.binary(max_size=20),
)
def test_any_torn_tail_leaves_the_whole_records_before_it(records: list[bytes], cut: int, garbage: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        spool = opened(directory, segment=5000)
        spool.append(records)
        spool.close()
        path = next(directory.glob("*.log"))
        data = path.read_bytes()
        kept = min(cut, len(data))
        path.write_bytes(data[:kept] + garbage)
        again = opened(directory, start_us=START_US + 1_000_000, segment=5000)
        found = [record for _, record in again.read(0, 100)]
        assert found == records[: len(found)]
        ends = [sum(len(record) + 8 for record in records[: index + 1]) for index in range(len(records))]
        assert len(found) >= sum(end <= kept for end in ends)
        assert again.append([b"next"]) == START_US + 1_000_000
        again.close()


@settings(max_examples=40, deadline=None)
@given(where=st.integers(min_value=0, max_value=10_000), bit=st.integers(min_value=0, max_value=7))
def test_a_flipped_bit_never_gives_a_wrong_record(where: int, bit: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        spool = opened(directory)
        records = [bytes([index]) * 20 for index in range(30)]
        spool.append(records)
        spool.close()
        path = next(directory.glob("*.log"))
        data = bytearray(path.read_bytes())
        data[where % len(data)] ^= 1 << bit
        path.write_bytes(data)
        again = opened(directory, start_us=START_US + 1_000_000)
        assert [record for _, record in again.read(0, 100)] == records[: len(again)]
        assert again.damaged_bytes > 0
        again.close()


def test_a_record_that_goes_bad_while_open_costs_only_itself(tmp_path: Path, spool: Spool) -> None:
    spool.append([b"aaaa", b"bbbb", b"cccc"])
    path = next(tmp_path.glob("*.log"))
    data = bytearray(path.read_bytes())
    data[8 + 4 + 8] ^= 1
    path.write_bytes(data)
    assert [record for _, record in spool.read(0, 9)] == [b"aaaa", b"cccc"]
    assert spool.damaged_bytes == 4


def test_a_lost_cursor_hands_records_on_again_and_loses_none(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append([b"a", b"b"])
    spool.release(START_US)
    spool.close()
    (tmp_path / "cursor").write_bytes(os.urandom(24))
    again = opened(tmp_path, start_us=START_US + 1_000_000)
    assert [record for _, record in again.read(0, 9)] == [b"a", b"b"]
    again.close()


def test_a_disk_that_takes_no_more_is_a_sentence_and_harms_nothing(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the full disk: the kernel refuses the write half-way, as it does for ENOSPC."""
    spool = opened(tmp_path)
    spool.append([b"before"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(SpoolError, match="cannot be written"):
            spool.append([b"x" * 500])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    spool.append([b"after"])
    assert [record for _, record in spool.read(0, 9)] == [b"before", b"after"]
    spool.close()
    again = opened(tmp_path, start_us=START_US + 1_000_000)
    assert len(again) == 2
    assert again.damaged_bytes == 0
    again.close()


def test_records_whose_sync_fails_are_not_in_the_spool(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed fsync is told once and its pages are then gone, so that the records have to be written anew."""
    spool.keep([b"before"])

    def fail(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(SpoolError, match="Input/output error"):
            spool.keep([b"lost", b"lost too"])
        assert [record for _, record in spool.read(0, 9)] == [b"before"]
    assert spool.keep([b"after"]) == START_US + 1
    assert [record for _, record in spool.read(0, 9)] == [b"before", b"after"]


def test_a_full_disk_says_that_it_is_full(tmp_path: Path) -> None:
    error = SpoolError(tmp_path, OSError(errno.ENOSPC, "No space left on device"))
    assert (
        str(error)
        == f"the spool {tmp_path} cannot be written (No space left on device); free some space, or lower the spool's size"
    )


WRITER = """
import sys
from pathlib import Path
from chelu.spool import Spool
spool = Spool(Path(sys.argv[1]), segment_bytes=100_000, max_bytes=10_000_000)
number = 0
while True:
    first = spool.append([b"%d" % (number + index) + b"." * 300 for index in range(3)])
    number += 3
    print(first + 2, number, flush=True)
"""


def test_a_writer_killed_in_mid_append_leaves_everything_it_was_told_is_kept(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(200)]
    writer.kill()
    lines += writer.stdout.read().splitlines(keepends=True)
    writer.stdout.close()
    writer.wait()
    acknowledged = int([line for line in lines if line.endswith("\n")][-1].split()[1])
    spool = Spool(tmp_path, segment_bytes=100_000, max_bytes=10_000_000)
    found = [int(record.partition(b".")[0]) for _, record in spool.read(0, 10_000_000)]
    assert found == list(range(len(found)))
    assert len(found) >= acknowledged
    spool.close()
