"""Which refused rows are kept for a person to look at, and which are only counted: no rate of rubbish fills disk or log."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chelu.clock import Clock
from services.ingest.prepared import Prepared, Refusal

log = logging.getLogger(__name__)

MINUTE_S = 60.0
LONGEST_SILENCE_S = 3600.0
MOST_PAIRS = 10_000
MOST_LINES = 60  # of refusals logged in a minute: a sender may invent an id for each message


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One kept row; suppressed: how many of its reason were counted and not kept since the one before."""

    time_us: int
    topic: str
    device_id: str
    reason: str
    detail: str
    payload: bytes
    size_bytes: int
    suppressed: int


class Undertaker:
    """Chooses dead letters, at most `per_minute` of a reason. Owned by the loop's thread."""

    def __init__(self, clock: Clock, *, per_minute: int, payload_bytes: int) -> None:
        self._clock, self._per_minute, self._payload_bytes = clock, per_minute, payload_bytes
        self._since_s = clock.monotonic_s()
        self._kept: Counter[str] = Counter()
        self._suppressed: Counter[str] = Counter()

    def choose(self, prepared: Prepared, refusals: Sequence[Refusal]) -> list[DeadLetter]:
        """Those of a batch's refusals that are kept."""
        now_s = self._clock.monotonic_s()
        if now_s - self._since_s >= MINUTE_S:
            self._since_s = now_s
            self._kept.clear()
        return [self._bury(prepared, refusal) for refusal in refusals if self._has_room(refusal)]

    def _has_room(self, refusal: Refusal) -> bool:
        if self._kept[refusal.reason] < self._per_minute:
            self._kept[refusal.reason] += 1
            return True
        self._suppressed[refusal.reason] += 1
        return False

    def _bury(self, prepared: Prepared, refusal: Refusal) -> DeadLetter:
        messages, index = prepared.messages, refusal.message
        return DeadLetter(
            time_us=int(messages.arrival_us[index]),
            topic=_text(messages.topic_of(index)),
            device_id=_text(prepared.route_of(index).device_id),
            reason=refusal.reason,
            detail=_text(refusal.detail)[:1000],
            payload=refusal.payload[: self._payload_bytes],
            size_bytes=len(refusal.payload),
            suppressed=self._suppressed.pop(refusal.reason, 0),
        )


class Crier:
    """Logs a refusal once per (device, reason), and again with the number since after 1, 2, 4 … 60 minutes.

    Beyond `MOST_LINES` in a minute only their number is said, in the next.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pairs: dict[tuple[str, str], tuple[float, float, int]] = {}  # next time, silence, number since
        self._since_s, self._lines, self._untold = clock.monotonic_s(), 0, 0

    def tell(self, prepared: Prepared, refusals: Sequence[Refusal]) -> None:
        """Say what is new among the refusals."""
        now_s = self._clock.monotonic_s()
        if len(self._pairs) > MOST_PAIRS:
            self._pairs.clear()
        if now_s - self._since_s >= MINUTE_S:
            if self._untold:
                log.warning("%d refusals of other senders were not said one by one", self._untold)
            self._since_s, self._lines, self._untold = now_s, 0, 0
        for refusal in refusals:
            self._tell_one(prepared, refusal, now_s)

    def _tell_one(self, prepared: Prepared, refusal: Refusal, now_s: float) -> None:
        pair = prepared.route_of(refusal.message).device_id, str(refusal.reason)
        due_s, silence_s, since = self._pairs.get(pair, (now_s, MINUTE_S, 0))
        if now_s < due_s:
            self._pairs[pair] = due_s, silence_s, since + 1
            return
        if self._lines >= MOST_LINES:
            self._untold += 1
            return
        self._lines += 1
        more = f" ({since} more since it was last said)" if since else ""
        sender = pair[0] or prepared.messages.topic_of(refusal.message)
        log.warning("%s: row refused as %s: %s%s", sender, pair[1], refusal.detail, more)
        self._pairs[pair] = now_s + silence_s, min(2 * silence_s, LONGEST_SILENCE_S), 0


def _text(text: str) -> str:
    """As PostgreSQL can hold it."""
    return text.replace("\x00", "�").encode("utf-8", "replace").decode("utf-8")
