"""What every connection of a session asks for, and what a session needs of a connection."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Protocol

from chelu.bus.messages import Address, Publication, Will
from chelu.bus.posts import Posts


@dataclass(frozen=True, slots=True)
class Plan:
    """What every connection of a session asks for."""

    address: Address
    context: ssl.SSLContext | None  # for an address with TLS
    client_id: str
    subscriptions: tuple[tuple[str, int], ...]
    will: Will | None
    clean: bool
    session_expiry_s: int
    receive_maximum: int
    outbox_limit: int
    outbox_bytes: int
    keepalive_s: int
    unwanted: tuple[str, ...] = ()  # filters that a session kept at the broker may still have from before


class Carrier(Protocol):
    """One connection: the session's network thread calls `open`, then `step` until it returns False, then `close`.

    `publish` and `wake` may be called from any thread. `refusal` and `loss` say how it ended.
    """

    number: int
    is_ready: bool
    refusal: tuple[str, str] | None
    loss: str

    @property
    def is_silent(self) -> bool: ...
    def open(self) -> None: ...
    def step(self, *, is_reading: bool) -> bool: ...
    def has_unsent(self) -> bool: ...
    def say_goodbye(self) -> None: ...
    def close(self) -> None: ...
    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, sequence: int | None) -> Publication: ...
    def publish_all(self, posts: Posts) -> Publication: ...
    def wake(self) -> None: ...
