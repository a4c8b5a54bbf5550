"""Where messages go while the database is away: the spool, with its last fifth kept for QoS 1, and what does not fit counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence

from chelu.bus import Received
from chelu.spool import Spool, SpoolError, SpoolFullError
from services.ingest.waiting import Mark, decode, encode, encode_mark, pieces

log = logging.getLogger(__name__)

SEGMENT_BYTES = 16 << 20
PIECE_BYTES = SEGMENT_BYTES // 2
QOS_0_SHARE = 0.8


class StoreRoom:
    """Owned by the loop's thread. `keep` answers the QoS 1 messages that found no room: they stay unacknowledged.

    trouble: why it does not take or give everything, for as long as that lasts; logged when it begins and when it ends.
    """

    def __init__(self, spool: Spool, *, max_bytes: int, payload_bytes: int, worker: int) -> None:
        self.spool, self._max_bytes, self._payload_bytes = spool, max_bytes, payload_bytes
        self._worker = worker
        self.trouble = ""

    def keep(
        self, messages: Sequence[Received], streams: Sequence[str], *, batch_id: int | None, lost: Counter[str]
    ) -> list[Received]:
        """Make messages durable here. streams: the accounting stream of each, under which what is lost is added to `lost`."""
        has_room = self.spool.size_bytes < QOS_0_SHARE * self._max_bytes
        taken = [message.qos > 0 or has_room for message in messages]
        wanted = [message for message, take in zip(messages, taken, strict=True) if take]
        lost.update(stream for stream, take in zip(streams, taken, strict=True) if not take)
        if not has_room:
            self._begin_trouble(f"the spool {self.spool.directory} has only room for QoS 1")
        stored = self._write(wanted, batch_id)
        if has_room and wanted and stored == len(wanted):
            self._end_trouble()
        for message, stream in zip(wanted[stored:], _of(streams, taken)[stored:], strict=True):
            if not message.qos:
                lost[stream] += 1
        return [message for message in wanted[stored:] if message.qos]

    def read(self, most: int) -> list[tuple[int, Received | Mark]] | None:
        """The oldest records with their numbers; None when the disk does not give them."""
        try:
            records = self.spool.read(self.spool.released, most)
        except SpoolError as error:
            self._begin_trouble(str(error))
            return None
        return [(number, decode(record, worker=self._worker)) for number, record in records]

    def release(self, through: int) -> None:
        """Be done with records, which the database knows: a disk that does not note it loses and doubles nothing."""
        try:
            self.spool.release(through)
        except SpoolError as error:
            self._begin_trouble(str(error))

    def _write(self, messages: Sequence[Received], batch_id: int | None) -> int:
        """Append and sync; returns how many of the messages, from the first, are durable. The others are not in the spool."""
        records = [encode(message, worker=self._worker, most=self._payload_bytes) for message in messages]
        done = 0
        try:
            for piece in pieces(records, PIECE_BYTES):
                mark = [] if batch_id is None else [encode_mark(Mark(batch_id, len(piece)))]
                self.spool.keep([*mark, *piece])
                done += len(piece)
        except (SpoolError, SpoolFullError) as error:
            self._begin_trouble(str(error))
        return done

    def _begin_trouble(self, sentence: str) -> None:
        if not self.trouble:
            log.warning("%s; QoS 0 without room is counted as queue_full, QoS 1 waits at the broker", sentence)
        self.trouble = sentence

    def _end_trouble(self) -> None:
        if self.trouble:
            log.warning("the spool %s takes everything again", self.spool.directory)
        self.trouble = ""


def _of(streams: Sequence[str], taken: Sequence[bool]) -> list[str]:
    return [stream for stream, take in zip(streams, taken, strict=True) if take]
