"""The spool on a disk that is really full."""

from __future__ import annotations

import pytest

from chelu.spool import Spool, SpoolError
from tests.fix_small_disk import SmallDisk

RECORD = b"x" * 1000


def fill_up(spool: Spool) -> int:
    """Append until the disk takes no more; returns how many."""
    before = len(spool)
    with pytest.raises(SpoolError, match="No space left on device"):
        _append_for_ever(spool)
    return len(spool) - before


def _append_for_ever(spool: Spool) -> None:
    while True:
        spool.keep([RECORD])


def test_a_full_disk_harms_nothing_and_goes_on_when_there_is_room(small_disk: SmallDisk) -> None:
    spool = Spool(small_disk.path / "spool")
    small_disk.fill(leave_bytes=200_000)
    kept = fill_up(spool)
    assert len(spool) == kept > 100
    small_disk.free()
    spool.keep([RECORD])
    assert len(spool.read(0, 1000)) == kept + 1
    spool.close()
    again = Spool(small_disk.path / "spool")
    assert (len(again), again.damaged_bytes) == (kept + 1, 0)
    again.close()


def test_records_are_released_for_good_on_a_full_disk_and_their_room_is_used_again(small_disk: SmallDisk) -> None:
    spool = Spool(small_disk.path / "spool")
    kept = fill_up(spool)
    spool.release(spool.last_sequence)
    assert fill_up(spool) >= kept - 5
    spool.release(spool.last_sequence - 3)
    spool.close()
    again = Spool(small_disk.path / "spool")
    assert len(again) == 3
    again.close()


def test_a_spool_on_a_full_disk_can_be_opened_and_emptied(small_disk: SmallDisk) -> None:
    spool = Spool(small_disk.path / "spool")
    kept = fill_up(spool)
    spool.close()
    small_disk.fill()
    again = Spool(small_disk.path / "spool")
    assert len(again.read(0, 10_000)) == kept
    again.release(again.last_sequence)
    assert len(again) == 0
    again.close()
