"""An append-only log on disk that survives `kill -9`: what could not be handed on yet, in order.

A spool is a directory of segments ``<first sequence>.log``; a record is ``{length u32, crc32 u32}`` little-endian and its bytes,
the CRC being taken over the record's sequence number and its bytes. Numbers rise by one within a segment. Every opening starts a
segment of its own at the wall clock's microseconds (or just above the last number, if the clock went back), so that neither a
wiped disk nor a tail lost with the power ever gives a number to two records; the price is gaps between segments.

A `Spool` may be used by several threads; one process at a time may open a directory. What `append` returned survives the death of
the process; what `sync` returned from survives the loss of power.
"""

from __future__ import annotations

import bisect
import contextlib
import errno
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from chelu.clock import Clock, SystemClock
from chelu.errors import CheluError, OutOfRangeError
from chelu.spool import files
from chelu.spool.records import RECORD, SLOT, crc, encode, encode_slot, highest_slot, record_end


class SpoolError(CheluError):
    """The spool's directory cannot be written or read; nothing that was in it is harmed."""

    def __init__(self, directory: Path, error: OSError) -> None:
        self.directory, self.errno = directory, error.errno
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        remedy = "free some space, or lower the spool's size" if full else "mend the disk, or choose another directory"
        super().__init__(f"the spool {directory} cannot be written ({error.strerror}); {remedy}")


class SpoolFullError(CheluError):
    """The spool holds all it may, and was told to refuse rather than to drop its oldest records."""

    def __init__(self, directory: Path, size_bytes: int, max_bytes: int) -> None:
        self.directory, self.size_bytes, self.max_bytes = directory, size_bytes, max_bytes
        super().__init__(f"the spool {directory} is full: {size_bytes} of {max_bytes} bytes are waiting")


@dataclass(slots=True)
class _Segment:
    first: int
    path: Path
    count: int
    size: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1


class Spool:
    """Records of bytes, numbered, in order, bounded by `max_bytes` on disk.

    when_full: ``drop_oldest`` removes the oldest segment and counts its unreleased records in `dropped`; ``refuse`` raises
    SpoolFullError from `append`. Raises CannotStartError when the directory is in use or cannot be made.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = 8 << 20,
        max_bytes: int = 256 << 20,
        when_full: Literal["drop_oldest", "refuse"] = "drop_oldest",
        clock: Clock | None = None,
    ) -> None:
        if not 0 < 2 * segment_bytes <= max_bytes:
            raise OutOfRangeError("segment_bytes", segment_bytes, 1, max_bytes // 2)
        self.directory, self._segment_bytes, self._max_bytes = directory, segment_bytes, max_bytes
        self._when_full, self._clock = when_full, clock or SystemClock()
        self._guard = threading.RLock()
        self._syncing = threading.RLock()
        self._lock = files.lock(directory)
        self.dropped = 0
        self.damaged_bytes = 0
        self._hint = (0, 0, 0)  # (segment's first number, sequence, its offset): where the last read ended
        self._dirty = True
        self._turn = 0
        self._released = 0
        self._file = -1
        self._segments: list[_Segment] = []
        try:
            self._open()
        except OSError as error:
            os.close(self._lock)
            raise SpoolError(directory, error) from None

    # -- state ---------------------------------------------------------------------------------------------------------------

    @property
    def released(self) -> int:
        """Everything up to this sequence number is done with."""
        return self._released

    @property
    def first_sequence(self) -> int:
        """The oldest record not released; `last_sequence` + 1 when there is none."""
        with self._guard:
            for segment in self._segments:
                if segment.last > self._released and segment.count:
                    return max(segment.first, self._released + 1)
            return self.last_sequence + 1

    @property
    def last_sequence(self) -> int:
        """The newest number given out; one below the next when nothing was appended since opening."""
        return self._segments[-1].last

    @property
    def size_bytes(self) -> int:
        """Bytes on disk, released ones in unfinished segments included."""
        with self._guard:
            return sum(segment.size for segment in self._segments)

    def __len__(self) -> int:
        with self._guard:
            return sum(self._waiting(segment) for segment in self._segments)

    # -- use -----------------------------------------------------------------------------------------------------------------

    def append(self, records: Sequence[bytes]) -> int:
        """Add records, all or none; returns the first one's sequence number.

        Raises SpoolError when the disk cannot take them (nothing is added), SpoolFullError under ``refuse``, OutOfRangeError for
        more than a segment's worth at once.
        """
        with self._guard:
            needed = sum(map(len, records)) + RECORD.size * len(records)
            if needed > self._segment_bytes:
                raise OutOfRangeError("bytes appended at once", needed, 0, self._segment_bytes)
            try:
                self._make_room(needed)
                try:
                    return self._write(records, needed)
                except OSError:
                    if not self._delete_newest():
                        raise
                    return self._write(records, needed)
            except OSError as error:
                raise SpoolError(self.directory, error) from None

    def keep(self, records: Sequence[bytes]) -> int:
        """`append` and `sync` in one: when it returns the records are on the disk itself, when it raises none was added."""
        with self._syncing, self._guard:
            first = self.append(records)
            try:
                self.sync()
            except SpoolError:
                self._withdraw(records)
                raise
            return first

    def sync(self) -> None:
        """Wait until everything appended before is on the disk itself; others may use the spool meanwhile."""
        with self._syncing:  # a second caller waits for the first, whose writing may include the second's records
            with self._guard:
                if not self._dirty:
                    return
                self._dirty = False
                file = os.dup(self._file)
            try:
                os.fdatasync(file)
                files.sync_directory(self.directory)
            except OSError as error:
                self._dirty = True
                raise SpoolError(self.directory, error) from None
            finally:
                os.close(file)

    def read(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Up to `limit` records with sequence numbers above `after` that are not released, oldest first; or SpoolError."""
        with self._guard:
            after = max(after, self._released)
            found: list[tuple[int, bytes]] = []
            start = max(0, bisect.bisect_right(self._segments, after, key=lambda segment: segment.first) - 1)
            for segment in self._segments[start:]:
                if len(found) >= limit:
                    break
                if segment.last > after:
                    found += self._read_segment(segment, max(segment.first, after + 1), limit - len(found))
            return found

    def release(self, through: int) -> None:
        """Be done with every record up to this number; a lower number than before changes nothing.

        Raises SpoolError when the disk does not take it: then it holds for this process, and a successor may read them again.
        """
        with self._guard:
            through = min(through, self.last_sequence)
            if through <= self._released:
                return
            self._released = through
            try:
                try:
                    self._save_cursor()
                finally:  # deleting is what makes room on a full disk
                    self._delete_released()
            except OSError as error:
                raise SpoolError(self.directory, error) from None

    def close(self) -> None:
        """Sync and let the directory go; closing twice is harmless."""
        with self._syncing, self._guard:
            if self._lock < 0:
                return
            try:
                self.sync()
            finally:
                os.close(self._file)
                os.close(self._cursor)
                os.close(self._lock)
                self._lock = -1

    # -- inside (the guard is held) ------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._cursor = os.open(self.directory / "cursor", os.O_RDWR | os.O_CREAT, 0o600)
        if (size := os.fstat(self._cursor).st_size) < 2 * SLOT.size:  # both slots get their room now: the disk may be full later
            os.pwrite(self._cursor, bytes(2 * SLOT.size - size), size)
        paths = sorted(path for path in self.directory.glob("*.log") if path.stem.isdigit())
        for path in paths:
            segment = self._scan(path)
            if segment.count:
                self._segments.append(segment)
            else:
                path.unlink()
        self._released = highest_slot(os.pread(self._cursor, 2 * SLOT.size, 0))
        highest = max(self._segments[-1].last if self._segments else 0, self._released)
        self._start_segment(max(highest + 1, self._clock.wall_us()))
        self._released = max(self._released, self._segments[0].first - 1)

    def _scan(self, path: Path) -> _Segment:
        """Count a segment's whole records and cut what follows the last of them."""
        data = path.read_bytes()
        segment = _Segment(int(path.stem), path, 0, 0)
        while (end := record_end(data, segment.size, segment.first + segment.count)) is not None:
            segment.size, segment.count = end, segment.count + 1
        if segment.size < len(data):
            self.damaged_bytes += len(data) - segment.size
            os.truncate(path, segment.size)
        return segment

    def _start_segment(self, first: int) -> None:
        path = self.directory / f"{first:020d}.log"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._dirty = file, True
        self._segments.append(_Segment(first, path, 0, 0))

    def _roll(self) -> None:
        os.fdatasync(self._file)
        self._start_segment(self._segments[-1].last + 1)

    def _make_room(self, needed: int) -> None:
        if self._segments[-1].size + needed > self._segment_bytes:
            if self._when_full == "refuse":
                self._refuse_if_full(needed)
            self._roll()
        if self._when_full == "refuse":
            self._refuse_if_full(needed)
        while self.size_bytes + needed > self._max_bytes:
            oldest = self._segments.pop(0)
            self.dropped += self._waiting(oldest)
            self._released = max(self._released, oldest.last)
            oldest.path.unlink()

    def _delete_released(self) -> None:
        while len(self._segments) > 1 and self._segments[0].last <= self._released:
            self._segments[0].path.unlink()
            self._segments.pop(0)
        if self._segments[-1].size > self._segment_bytes // 2:
            self._delete_newest()

    def _delete_newest(self) -> bool:
        """Start a new segment in place of the newest, if that holds bytes and all of them are released."""
        newest = self._segments[-1]
        if not newest.size or newest.last > self._released:
            return False
        self._roll()
        newest.path.unlink()
        self._segments.remove(newest)
        return True

    def _withdraw(self, records: Sequence[bytes]) -> None:
        """Take back the last append, whose records are all in the newest segment.

        Its pages may be lost without a further error (a failed fsync is reported once), so it has to be written anew.
        """
        segment = self._segments[-1]
        segment.size -= sum(map(len, records)) + RECORD.size * len(records)
        segment.count -= len(records)
        with contextlib.suppress(OSError):  # else the next append writes over it
            os.ftruncate(self._file, segment.size)

    def _refuse_if_full(self, needed: int) -> None:
        if (size := self.size_bytes) + needed > self._max_bytes:
            raise SpoolFullError(self.directory, size, self._max_bytes)

    def _waiting(self, segment: _Segment) -> int:
        return max(0, segment.last - max(self._released, segment.first - 1))

    def _write(self, records: Sequence[bytes], needed: int) -> int:
        segment = self._segments[-1]
        first = segment.last + 1
        data = b"".join(encode(first + index, record) for index, record in enumerate(records))
        try:
            files.write_all(self._file, data, segment.size)
        except OSError:
            os.ftruncate(self._file, segment.size)
            raise
        segment.size, segment.count, self._dirty = segment.size + needed, segment.count + len(records), True
        return first

    def _read_segment(self, segment: _Segment, start: int, limit: int) -> list[tuple[int, bytes]]:
        owner, sequence, offset = self._hint
        if owner != segment.first or sequence > start:
            sequence, offset = segment.first, 0
        try:
            with segment.path.open("rb") as file:
                file.seek(offset)
                return self._read_file(file, segment, sequence, start, limit)
        except OSError as error:
            raise SpoolError(self.directory, error) from None

    def _read_file(self, file: BinaryIO, segment: _Segment, sequence: int, start: int, limit: int) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        while sequence <= segment.last and len(found) < limit and len(header := file.read(RECORD.size)) == RECORD.size:
            length, check = RECORD.unpack(header)
            if sequence < start:
                file.seek(length, os.SEEK_CUR)
            elif crc(record := file.read(length), sequence) == check:
                found.append((sequence, record))
            else:  # went bad since it was written: the others are still good
                self.damaged_bytes += length
            sequence += 1
        self._hint = (segment.first, sequence, file.tell())
        return found

    def _save_cursor(self) -> None:
        os.pwrite(self._cursor, encode_slot(self._released), self._turn * SLOT.size)
        self._turn ^= 1
