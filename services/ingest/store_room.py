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
    """Owned by the loop's thread. `keep` answers the QoS 1 messages that found no room: they stay unacknowledged."""

    def __init__(self, spool: Spool, *, max_bytes: int, payload_bytes: int, worker: int) -> None:
        self.spool, self._max_bytes, self._payload_bytes = spool, max_bytes, payload_bytes
        self._worker = worker
        self._was_full = False

    def keep(
        self, messages: Sequence[Received], streams: Sequence[str], *, batch_id: int | None, lost: Counter[str]
    ) -> list[Received]:
        """Make messages durable here. streams: the accounting stream of each, under which what is lost is added to `lost`."""
        has_room = self.spool.size_bytes < QOS_0_SHARE * self._max_bytes
        taken = [message.qos > 0 or has_room for message in messages]
        wanted = [message for message, take in zip(messages, taken, strict=True) if take]
        lost.update(stream for stream, take in zip(streams, taken, strict=True) if not take)
        stored = self._write(wanted, batch_id)
        self._say(is_full=not has_room or stored < len(wanted))
        for message, stream in zip(wanted[stored:], _of(streams, taken)[stored:], strict=True):
            if not message.qos:
                lost[stream] += 1
        return [message for message in wanted[stored:] if message.qos]

    def read(self, most: int) -> list[tuple[int, Received | Mark]]:
        """The oldest records with their numbers."""
        records = self.spool.read(self.spool.released, most)
        return [(number, decode(record, worker=self._worker)) for number, record in records]

    def _write(self, messages: Sequence[Received], batch_id: int | None) -> int:
        """Append and sync; returns how many of the messages, from the first, are durable."""
        records = [encode(message, worker=self._worker, most=self._payload_bytes) for message in messages]
        done = 0
        try:
            for piece in pieces(records, PIECE_BYTES):
                mark = [] if batch_id is None else [encode_mark(Mark(batch_id, len(piece)))]
                self.spool.append([*mark, *piece])
                done += len(piece)
            self.spool.sync()
        except SpoolFullError:
            self.spool.sync()
        except SpoolError as error:
            log.warning("%s", error)
        return done

    def _say(self, *, is_full: bool) -> None:
        if is_full != self._was_full:
            self._was_full = is_full
            log.warning("the spool %s %s", self.spool.directory, "is full: QoS 0 is dropped" if is_full else "has room again")


def _of(streams: Sequence[str], taken: Sequence[bool]) -> list[str]:
    return [stream for stream, take in zip(streams, taken, strict=True) if take]
