"""Frames on their way up: several BSMs heard together become one envelope, live ones go out at once, the others to disk.

Belongs to the agent's thread.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from chelu.bus import Publication
from chelu.codec import envelope
from chelu.spool import SpoolError
from edge.lane import Lane
from edge.record import Record
from edge.routing import Heard, Router
from edge.settings import EdgeSettings
from edge.tally import Tally

DOCUMENTS = frozenset({"participant"})
MAX_BATCH = 255  # an envelope counts its BSMs in one byte
MAX_BATCH_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class _Sent:
    publication: Publication
    stream: str
    frames: tuple[bytes, ...]
    heard_us: int


class Outgoing:
    """Frames in by `take`, messages out by `publish(stream, payload)` at QoS 0, or into the lanes.

    `sent` counts frames by stream: live ones once they are written to the socket, spooled ones once they first go out.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        router: Router,
        device_id: bytes,
        *,
        publish: Callable[[str, bytes], Publication],
        events: Lane,
        backlog: Lane,
        tally: Tally,
    ) -> None:
        self._router, self._device_id, self._publish = router, device_id, publish
        self._events, self._backlog, self._tally = events, backlog, tally
        self._is_bare = settings.envelope == "bare"
        self._batch_s = 0.0 if self._is_bare else settings.batch_ms / 1000
        self._batch: list[Heard] = []
        self._batch_bytes = 0
        self._live: deque[_Sent] = deque()
        self.muted: frozenset[str] = settings.muted_streams
        self.batch_due_s: float | None = None
        self.sent: Counter[str] = Counter()

    def take(self, heard: Sequence[Heard], now_s: float) -> None:
        """Route frames and send them, but for BSMs that may wait for company until `batch_due_s`."""
        for item in heard:
            stream, refusal = (item.stream, "") if item.stream else self._router.route(item.frame)
            if refusal:
                self._tally.count("frames", refusal, detail=item.frame[:16].hex())
            elif stream in self.muted:
                self._tally.count("frames", f"{stream} is muted")
            elif stream == "bsm" and self._batch_s > 0:
                self._add_to_batch(item, now_s)
            elif stream in {"map", "rsi"}:
                self._keep(self._events, stream, (item.frame,), item.heard_us)
            else:
                self._send(stream, (item.frame,), item.heard_us)

    def flush(self) -> None:
        """Send the BSMs gathered so far."""
        batch, self._batch, self._batch_bytes, self.batch_due_s = self._batch, [], 0, None
        if batch:
            self._send("bsm", tuple(item.frame for item in batch), batch[0].heard_us)

    def settle(self) -> None:
        """Count what was written to the socket, and put on disk what was lost with the connection before it was."""
        while self._live and self._live[0].publication.is_settled:
            item = self._live.popleft()
            if item.publication.is_acknowledged:
                self.sent[item.stream] += len(item.frames)
            else:
                self._keep(self._backlog, item.stream, item.frames, item.heard_us)

    def mute(self, streams: frozenset[str]) -> None:
        """These streams are counted, and not sent."""
        self.muted = streams

    @property
    def unsettled(self) -> int:
        """Live messages of which it is not known yet whether they were written."""
        return len(self._live)

    def waiting(self) -> Mapping[str, int]:
        """Messages on disk, by lane."""
        return {"events": len(self._events.spool), "backlog": len(self._backlog.spool)}

    def released(self) -> Mapping[str, int]:
        """Up to which number nothing will be sent again, by lane; any thread may ask."""
        return {"events": self._events.spool.released, "backlog": self._backlog.spool.released}

    def receipt(self, stored: Mapping[str, int], again: Collection[str], now_s: float) -> None:
        """What ingest has stored, by stream, and of which streams it wants a new pass."""
        for lane in (self._events, self._backlog):
            lane.receipt(stored, now_s)
            lane.again(again, now_s)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _add_to_batch(self, item: Heard, now_s: float) -> None:
        first_us = self._batch[0].heard_us if self._batch else item.heard_us
        is_apart = abs(item.heard_us - first_us) > self._batch_s * 1e6  # heard later, or the clock was set meanwhile
        if is_apart or len(self._batch) == MAX_BATCH or self._batch_bytes + len(item.frame) > MAX_BATCH_BYTES:
            self.flush()
        if not self._batch:
            self.batch_due_s = now_s + self._batch_s
        self._batch.append(item)
        self._batch_bytes += len(item.frame)

    def _send(self, stream: str, frames: tuple[bytes, ...], heard_us: int) -> None:
        payload = frames[0] if self._is_bare else self._pack(stream, frames, heard_us)
        publication = self._publish(stream, payload)
        if publication.is_accepted:
            self._live.append(_Sent(publication, stream, frames, heard_us))
        else:
            self._keep(self._backlog, stream, frames, heard_us)

    def _keep(self, lane: Lane, stream: str, frames: tuple[bytes, ...], heard_us: int) -> None:
        """What does not go out at once needs its hearing time, so it is in the deployed envelope whatever the live one is."""
        try:
            lane.append(Record(stream, heard_us, len(frames), self._pack(stream, frames, heard_us)))
        except SpoolError as error:
            self._tally.count("spool", "disk", len(frames), detail=str(error))

    def _pack(self, stream: str, frames: tuple[bytes, ...], heard_us: int) -> bytes:
        if stream in DOCUMENTS:  # they say themselves of when they are
            return frames[0]
        return envelope.pack(
            envelope.Envelope.DEPLOYED, frames, device_id=self._device_id, reference_us=heard_us, is_bsm=stream == "bsm"
        )
