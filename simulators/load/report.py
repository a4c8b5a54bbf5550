"""What a load came to: numbers for JSON, and a table to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class StreamReport:
    """One stream: what was asked, and what was written to the sockets. rows: what the platform stores of the frames."""

    asked_per_s: float
    messages: int
    frames: int
    rows: int
    bytes: int
    messages_per_s: float
    unsent: int  # due while their session was away, or lost with it before they were written
    skipped: int  # passed over, since the load was too far behind


@dataclass(frozen=True, slots=True)
class LoadReport:
    """One run. lag: from a message's due time until it was written; cpu_s: of this process from first to last message."""

    begun_us: int
    ended_us: int
    seconds: float
    streams: Mapping[str, StreamReport]
    lag_p50_ms: float
    lag_p99_ms: float
    lag_most_ms: float
    cpu_s: float
    sessions: int
    reconnects: int
    losses: int
    heartbeats: int
    faults: Mapping[str, int] = field(default_factory=dict)
    acknowledged: int = 0  # QoS 1: by the broker
    resent: int = 0
    unacknowledged: int = 0  # without the platform's receipt (or the broker's acknowledgement, where receipts are off) at the end
    is_interrupted: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether the load did not keep up with what it was asked."""
        return self.lag_p99_ms > 1000 or any(stream.skipped for stream in self.streams.values())

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "is_behind": self.is_behind}

    def tables(self) -> list[Table]:
        """Streams, and everything else."""
        return [self._streams(), self._run()]

    def _streams(self) -> Table:
        table = Table(title=f"sent in {self.seconds:.1f} s")
        for name in ("stream", "messages", "frames", "rows", "MB", "asked/s", "sent/s"):
            table.add_column(name, justify="left" if name == "stream" else "right")
        for name, one in self.streams.items():
            counts = (f"{value:,}" for value in (one.messages, one.frames, one.rows))
            rates = (f"{one.bytes / 1e6:,.1f}", f"{one.asked_per_s:,.0f}", f"{one.messages_per_s:,.0f}")
            table.add_row(name, *counts, *rates)
        return table

    def _run(self) -> Table:
        table = Table(show_header=False)
        lag = f"p50 {self.lag_p50_ms:.1f} ms, p99 {self.lag_p99_ms:.1f} ms, most {self.lag_most_ms:.1f} ms"
        table.add_row("behind schedule", lag)
        table.add_row("processor", f"{self.cpu_s:.1f} s = {self.cpu_s / max(self.seconds, 1e-9):.0%} of a core")
        for name, one in self.streams.items():
            if one.unsent or one.skipped:
                table.add_row(f"{name} not sent", f"{one.unsent:,} while a session was away, {one.skipped:,} passed over")
        table.add_row("sessions", f"{self.sessions:,}; {self.losses:,} lost, {self.reconnects:,} reconnects")
        table.add_row("heartbeats", f"{self.heartbeats:,}")
        if self.acknowledged or self.unacknowledged:
            safe = f"{self.acknowledged:,} acknowledged, {self.resent:,} sent again, {self.unacknowledged:,} not safe at the end"
            table.add_row("QoS 1", safe)
        for name, count in self.faults.items():
            table.add_row(f"fault: {name}", f"{count:,}")
        return table
