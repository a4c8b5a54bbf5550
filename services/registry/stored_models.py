"""What the API gives of what was stored: rows, the books of every stream, and how a site does just now."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from services.registry.models import Model


class StreamAccount(Model):
    """Rows of one stream: received = stored + sum(dropped)."""

    messages: int
    frames: int
    received: int
    stored: int
    missing: int = Field(description="messages missing in the senders' counts: lost on the way, at least")
    dropped: dict[str, int]


class StreamTraffic(StreamAccount):
    """What became of one stream in a period."""

    sent: int | None = Field(description="frames that agents say they sent between their heartbeats; null when none said so")
    in_transit: int | None = Field(description="of those, how many did not come; a few more or less are on their way")


class Lag(Model):
    """How far ingest is behind."""

    committed_us: int | None = Field(description="when the newest batch of the period was durable, µs UTC; null: none was")
    p50_ms: float | None = Field(description="from arrival until durable, of the BSMs of the last 5 s; null: there are none")
    p99_ms: float | None


class Traffic(Model):
    """How a site did in a period that ends now."""

    from_us: int
    to_us: int
    streams: dict[str, StreamTraffic]
    lag: Lag
    broker: dict[str, int] | None = Field(
        description="since it started: messages `dropped`, `received`, `sent`; `clients` connected; null when it does not say"
    )


class Rows(Model):
    """A page of rows, oldest first."""

    rows: list[dict[str, Any]]
    next: int | None = Field(None, description="`after` of the next page; null on the last")
