"""What the broker says of itself under ``$SYS``: messages dropped, received and sent, clients, since it started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chelu.bus import Received

FIGURES: Mapping[str, str] = {
    "$SYS/broker/publish/messages/dropped": "dropped",
    "$SYS/broker/publish/messages/received": "received",
    "$SYS/broker/publish/messages/sent": "sent",
    "$SYS/broker/clients/connected": "clients",
    "$SYS/broker/uptime": "uptime_s",
}


class BrokerFigures:
    """`note` from one thread, `latest` from any."""

    def __init__(self) -> None:
        self.latest: Mapping[str, int] = {}  # by the names of `FIGURES`; replaced, never changed

    def note(self, messages: Iterable[Received]) -> None:
        """Take the figures among these messages."""
        found: dict[str, int] = {}
        for message in messages:
            number, _, _ = message.payload.partition(b" ")  # an uptime is "123 seconds"
            if message.topic in FIGURES and number.isdigit():
                found[FIGURES[message.topic]] = int(number)
        if found:
            self.latest = {**self.latest, **found}
