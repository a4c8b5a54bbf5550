"""What goes over a session, and where a session goes: values without I/O."""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from chelu.errors import ConfigurationError

PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Received:
    """One message from the broker.

    arrival_us: when it left the socket; mid: the broker's packet number, 0 for QoS 0; sequence: the sender's number for it
    (MQTT 5 user property ``seq``), None when it has none; connection: which connection of this session brought it, so that an
    acknowledgement never reaches another connection's packet of the same number.
    """

    topic: str
    payload: bytes
    qos: int
    arrival_us: int
    mid: int
    sequence: int | None
    retained: bool
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us when the connection ends without a good-bye."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class Failure(enum.StrEnum):
    """Why a publication did not reach the broker."""

    NOT_CONNECTED = "not connected"
    OUTBOX_FULL = "outbox full"
    CONNECTION_LOST = "connection lost"
    TOO_LARGE = "too large for the broker"
    REFUSED = "refused by the broker"

    @property
    def is_permanent(self) -> bool:
        """Whether sending the same message again cannot help."""
        return self is Failure.TOO_LARGE


class Publication:
    """What became of one message given to `Session.publish`; any thread may look.

    With QoS 1 `is_acknowledged` means that the broker has it; with QoS 0 that it was written to the socket.
    """

    __slots__ = ("_settled", "detail", "failure", "is_acknowledged")

    def __init__(self, settled: threading.Condition, failure: Failure | None = None, detail: str = "") -> None:
        self._settled = settled
        self.is_acknowledged = False
        self.failure, self.detail = failure, detail

    @property
    def is_accepted(self) -> bool:
        """Whether it was taken for sending and has not failed since."""
        return self.failure is None

    @property
    def is_settled(self) -> bool:
        """Whether its fate is known."""
        return self.is_acknowledged or self.failure is not None

    def wait(self, timeout_s: float) -> bool:
        """Wait until its fate is known; returns `is_acknowledged`."""
        with self._settled:
            self._settled.wait_for(lambda: self.is_settled, timeout_s)
        return self.is_acknowledged


@dataclass(frozen=True, slots=True)
class Address:
    """A broker's address, read from ``mqtt[s]://[user[:password]@]host[:port][?ca=FILE]``."""

    host: str
    port: int
    user: str | None
    password: str | None
    has_tls: bool
    ca_file: Path | None

    @classmethod
    def read(cls, url: str) -> Address:
        """Raises ConfigurationError, which shows the URL without its password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigurationError("MQTT URL", _shown(url), str(error)) from None
        if parts.scheme not in PORTS or not parts.hostname:
            raise ConfigurationError("MQTT URL", _shown(url), "it must read mqtt://[user:password@]host[:port], or mqtts://…")
        query = parse_qs(parts.query)
        if unknown := set(query) - {"ca"}:
            raise ConfigurationError("MQTT URL", _shown(url), f"it may only ask for ca=FILE, not {', '.join(sorted(unknown))}")
        return cls(
            host=parts.hostname,
            port=PORTS[parts.scheme] if port is None else port,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            has_tls=parts.scheme == "mqtts",
            ca_file=Path(query["ca"][0]) if "ca" in query else None,
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _shown(url: str) -> str:
    scheme, separator, rest = url.rpartition("@")
    return f"{scheme.partition('://')[0]}://…@{rest}" if separator else rest
