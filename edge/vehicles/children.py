"""What vehicles said, on its way to ingest: one spool for all of a gateway's children, each frame on its own vehicle's topic.

The gateways' threads keep frames, and their replies wait for that; the agent's thread sends them and takes receipts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chelu import topics
from chelu.bus import Publication
from chelu.spool import Spool
from chelu.topics import Kind
from edge.control import Receipt
from edge.lane import Lane
from edge.record import Record
from edge.settings import EdgeSettings
from edge.tally import Tally

TELEMETRY = topics.row("vehicle/{id}/telemetry/up")
RECEIPT = topics.row("{kind}/{id}/receipt/down")
SEGMENT_BYTES = 8 << 20
RECORD_BYTES = 128  # beside the frame: number, check, time, device


@dataclass(frozen=True, slots=True)
class Said:
    """A frame of a vehicle, and when it was heard."""

    device: str
    heard_us: int
    frame: bytes


def cost(frame: bytes) -> int:
    """Bytes on the disk for a frame, at most."""
    return len(frame) + RECORD_BYTES


class Children:
    """publish(topic, payload, sequence, connection): as the session does it, at QoS 1; wake(): there is something to send.

    A record's stream is the vehicle's id, so that the lane takes receipts by vehicle.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        *,
        publish: Callable[[str, bytes, int, int], Publication],
        wake: Callable[[], None],
        tally: Tally,
    ) -> None:
        self.gateway, self.home = settings.id, settings.spool.directory
        self.most_connections = sum(source.max_connections for source in settings.vehicle_sources)
        total = settings.spool.max_mb << 20
        self.most_bytes = min(SEGMENT_BYTES, total // 4)  # of records kept at once, `cost` of each
        # What was acknowledged is never dropped: when the spool is full, vehicles get no reply and try again.
        self.spool = Spool(self.home / "children", segment_bytes=self.most_bytes, max_bytes=total, when_full="refuse")
        self._publish_on, self._wake = publish, wake
        self._lane = Lane(self.spool, settings.delivery, publish=self._publish, on_sent=self._count, tally=tally)
        self._heard: list[tuple[str, Receipt]] = []
        self.sent = 0
        self._guard = threading.Lock()
        self._status: dict[str, Mapping[str, Any]] = {}

    # -- the gateways' threads, one for each protocol ----------------------------------------------------------------------------

    def keep(self, said: Sequence[Said]) -> None:
        """Make frames durable, all or none: they survive a power cut. Raises SpoolError or SpoolFullError."""
        self.spool.keep([Record(one.device, one.heard_us, 1, one.frame).encode() for one in said])
        self._wake()

    def tell(self, protocol: str, status: Mapping[str, Any]) -> None:
        """What the heartbeat says of the gateway for a protocol from now on."""
        with self._guard:
            self._status[protocol] = status

    # -- the agent's thread --------------------------------------------------------------------------------------------------

    @property
    def status(self) -> Mapping[str, Mapping[str, Any]]:
        """What was told last, by protocol."""
        with self._guard:
            return dict(self._status)

    def receipt(self, device: str, receipt: Receipt) -> None:
        """Note a vehicle's receipt; `pump` works them off together."""
        self._heard.append((device, receipt))

    def pump(self, now_s: float, connection: int) -> bool:
        """As `Lane.pump`."""
        heard, self._heard = self._heard, []
        if heard:
            name = TELEMETRY.stream
            stored = {device: receipt.stored[name] for device, receipt in heard if name in receipt.stored}
            self._lane.receipt(stored, now_s)
            self._lane.again({device for device, receipt in heard if name in receipt.again}, now_s)
        return self._lane.pump(now_s, connection)

    def _publish(self, record: Record, sequence: int, connection: int) -> Publication:
        return self._publish_on(TELEMETRY.topic(Kind.VEHICLE, record.stream), record.payload, sequence, connection)

    def _count(self, record: Record) -> None:
        self.sent += record.frames
