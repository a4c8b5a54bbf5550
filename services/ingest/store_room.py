"""Where messages go while the database is away: the spool, with its last fifth kept for QoS 1, and what does not fit counted."""

from __future__ import annotations

import logging
from collections import Counter

import numpy as np
import numpy.typing as npt

from chelu.bus import Messages, Received
from chelu.spool import Spool, SpoolError, SpoolFullError
from services.ingest.labelled import Labelled
from services.ingest.waiting import Mark, decode, encode, encode_mark, pieces

log = logging.getLogger(__name__)

SEGMENT_BYTES = 16 << 20
PIECE_BYTES = SEGMENT_BYTES // 2
QOS_0_SHARE = 0.8


class StoreRoom:
    """Owned by the loop's thread. `keep` answers which QoS 1 messages found no room: they stay unacknowledged.

    trouble: why it does not take or give everything, for as long as that lasts; logged when it begins and when it ends.
    """

    def __init__(self, spool: Spool, *, max_bytes: int, payload_bytes: int, worker: int) -> None:
        self.spool, self._max_bytes, self._payload_bytes = spool, max_bytes, payload_bytes
        self._worker = worker
        self._foreign: dict[tuple[int, int], int] = {}  # connections of earlier processes, by their worker and number
        self.trouble = ""

    def keep(self, labelled: Labelled, *, batch_id: int | None, lost: Counter[str]) -> npt.NDArray[np.bool_]:
        """Make messages (n,) durable here; (n,) which found no room. What is lost is added to `lost`."""
        messages = labelled.messages
        has_room = self.spool.size_bytes < QOS_0_SHARE * self._max_bytes
        is_wanted = (messages.qos > 0) | has_room
        if not has_room:
            lost.update(labelled.take(~is_wanted).count())
            self._begin_trouble(f"the spool {self.spool.directory} has only room for QoS 1")
        wanted = np.flatnonzero(is_wanted)
        left = wanted[self._write(messages.take(wanted), batch_id) :]
        if has_room and len(wanted) and not len(left):
            self._end_trouble()
        lost.update(labelled.take(left[messages.qos[left] == 0]).count())
        is_held = np.zeros(len(messages), np.bool_)
        is_held[left[messages.qos[left] > 0]] = True
        return is_held

    def read(self, most: int) -> list[tuple[int, Received | Mark]] | None:
        """The oldest records with their numbers; None when the disk does not give them."""
        try:
            records = self.spool.read(self.spool.released, most)
        except SpoolError as error:
            self._begin_trouble(str(error))
            return None
        return [(number, decode(record, connection_of=self._connection_of)) for number, record in records]

    def release(self, through: int) -> None:
        """Be done with records, which the database knows: a disk that does not note it loses and doubles nothing."""
        try:
            self.spool.release(through)
        except SpoolError as error:
            self._begin_trouble(str(error))

    def _connection_of(self, worker: int, connection: int) -> int:
        """Connections of earlier processes get numbers of their own, below 0."""
        if worker == self._worker:
            return connection
        return self._foreign.setdefault((worker, connection), -1 - len(self._foreign))

    def _write(self, messages: Messages, batch_id: int | None) -> int:
        """Append and sync; returns how many of the messages, from the first, are durable. The others are not in the spool."""
        records = encode(messages, worker=self._worker, most=self._payload_bytes)
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
