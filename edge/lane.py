"""One spool on its way to ingest: what of it is on the wire, what is receipted, and what has to be sent again.

Messages go up in order with their spool's sequence number. A receipt says, for a stream, up to which number everything is stored;
that holds because each pass starts at the oldest record not receipted and the broker keeps the order, so a pass begins anew after
every loss of connection, after `resend_s` without progress (doubling up to 4096 s, the bound of T/ITS 0180.1 for repeating), and
when ingest asks for it. For the same reason a message goes out over the connection of its pass or not at all: over a later one
it would overtake what was lost with the earlier. A lane belongs to the agent's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from chelu.bus import Failure, Publication
from chelu.errors import MalformedError
from chelu.spool import Spool
from edge.record import Record
from edge.settings import DeliverySettings
from edge.tally import Tally

MAX_RESEND_S = 4096.0
MAX_REFUSALS = 5  # passes after which a message the broker keeps refusing is given up, so that it does not hold up the rest
CHUNK = 256
BURST_S = 0.1  # unused rate is saved up for this long
AGAIN_S = 1.0  # a pass that was asked for is not asked for again within this time


@dataclass(frozen=True, slots=True)
class _Flight:
    stream: str
    publication: Publication


class Lane:
    """A spool, sent by `publish(record, sequence, connection)`, which must refuse what is meant for a connection that has ended.

    `on_sent(record)` hears of each record once, when it first goes out.
    """

    def __init__(
        self,
        spool: Spool,
        settings: DeliverySettings,
        *,
        publish: Callable[[Record, int, int], Publication],
        on_sent: Callable[[Record], None],
        tally: Tally,
    ) -> None:
        self.spool = spool
        self._settings, self._publish, self._on_sent, self._tally = settings, publish, on_sent, tally
        self._flying: dict[int, _Flight] = {}  # ascending
        self._next = spool.released  # highest number passed over in this pass
        self._counted = spool.released
        self._stored: dict[str, int] = {}
        self._refusals: dict[int, int] = {}
        self._connection = 0
        self._resend_s, self._resend_at = settings.resend_s, 0.0
        self._again_at = float("-inf")
        self._tokens, self._refilled_at = 1.0, 0.0

    def append(self, record: Record) -> None:
        """Put one more at the end; raises SpoolError when the disk cannot take it."""
        self.spool.append([record.encode()])

    def receipt(self, stored: Mapping[str, int], now_s: float) -> None:
        """Ingest has stored everything up to these numbers, by stream."""
        for stream, number in stored.items():
            self._stored[stream] = max(number, self._stored.get(stream, 0))
        done = [number for number, flight in self._flying.items() if number <= self._stored.get(flight.stream, 0)]
        for number in done:
            self._count_overtaken(self._flying.pop(number))
        if done:
            self._progress(now_s)

    def again(self, streams: Collection[str], now_s: float) -> None:
        """Ingest has to see a pass from its beginning before it can give receipts for these streams."""
        if now_s >= self._again_at and any(flight.stream in streams for flight in self._flying.values()):
            self._again_at = now_s + AGAIN_S
            self._restart(now_s)

    def pump(self, now_s: float, connection: int) -> bool:
        """Send what may be sent over this connection (its number); True when more could go out soon."""
        if connection != self._connection:
            self._connection = connection
            self._restart(now_s)
        if not self._settings.receipts:
            self._take_acknowledgements(now_s)
        if self._flying and now_s >= self._resend_at:
            self._give_up_refused()
            self._resend_s = min(2 * self._resend_s, MAX_RESEND_S)
            self._restart(now_s)
        self._refill(now_s)
        return self._send(now_s)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _restart(self, now_s: float) -> None:
        self._flying.clear()
        self._next = self.spool.released
        self._resend_at = now_s + self._resend_s

    def _refill(self, now_s: float) -> None:
        rate = self._settings.rate_per_s
        self._tokens = min(self._tokens + rate * (now_s - self._refilled_at), max(1.0, rate * BURST_S))
        self._refilled_at = now_s

    def _send(self, now_s: float) -> bool:
        while (room := min(int(self._tokens), self._settings.window - len(self._flying), CHUNK)) > 0:
            records = self.spool.read(self._next, room)
            for number, data in records:
                if not self._send_one(number, data, now_s):
                    return True
            if len(records) < room:
                self._release()
                return False
        return len(self._flying) < self._settings.window

    def _send_one(self, number: int, data: bytes, now_s: float) -> bool:
        """False when it has to wait."""
        try:
            record = Record.decode(data)
        except MalformedError as error:
            self._tally.count("spool", error.reason, detail=error.detail)
            self._next = number
            return True
        if number > self._stored.get(record.stream, 0) and self._refusals.get(number, 0) < MAX_REFUSALS:
            publication = self._publish(record, number, self._connection)
            if publication.failure and not publication.failure.is_permanent:
                return False
            self._note(number, record, publication, now_s)
        self._next = number
        return True

    def _note(self, number: int, record: Record, publication: Publication, now_s: float) -> None:
        self._tokens -= 1
        if publication.failure:
            self._tally.count("spool", str(publication.failure), max(1, record.frames), detail=publication.detail)
            return
        if not self._flying:
            self._resend_at = now_s + self._resend_s
        self._flying[number] = _Flight(record.stream, publication)
        if number > self._counted:
            self._counted = number
            self._on_sent(record)

    def _take_acknowledgements(self, now_s: float) -> None:
        """Without receipts the broker's word is taken, in order, so that nothing is released before what came earlier."""
        done = []
        for number, flight in self._flying.items():
            if not flight.publication.is_acknowledged:
                break
            done.append(number)
        for number in done:
            del self._flying[number]
        if done:
            self._progress(now_s)

    def _progress(self, now_s: float) -> None:
        self._resend_s = self._settings.resend_s
        self._resend_at = now_s + self._resend_s
        self._release()

    def _release(self) -> None:
        through = next(iter(self._flying)) - 1 if self._flying else self._next
        self.spool.release(through)
        for number in [number for number in self._refusals if number <= through]:
            del self._refusals[number]

    def _count_overtaken(self, flight: _Flight) -> None:
        """A receipt covers what was sent before; what the broker refused of that is lost."""
        if flight.publication.failure is Failure.REFUSED:
            self._tally.count("broker", f"refused {flight.stream}", detail=flight.publication.detail)

    def _give_up_refused(self) -> None:
        for number, flight in self._flying.items():
            if flight.publication.failure is Failure.REFUSED:
                self._refusals[number] = self._refusals.get(number, 0) + 1
                self._tally.count("broker", f"refused {flight.stream}", detail=flight.publication.detail)
