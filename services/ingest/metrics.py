"""What ingest counts for Prometheus: once a batch, never per message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from services.ingest.accounts import Account, Drop

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """Counters of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._received = Counter("chelu_ingest_received_rows", "rows received", ["stream"], registry=self.registry)
        self._stored = Counter("chelu_ingest_stored_rows", "rows stored", ["stream"], registry=self.registry)
        self._dropped = Counter("chelu_ingest_dropped_rows", "rows dropped", ["stream", "reason"], registry=self.registry)
        self._missing = Counter("chelu_ingest_missing_messages", "lost on the way, at least", ["stream"], registry=self.registry)
        self._seconds = Histogram(
            "chelu_ingest_batch_seconds", "a batch's work", ["stage"], buckets=BUCKETS, registry=self.registry
        )
        self._gauges = {
            name: Gauge(f"chelu_ingest_{name}", about, registry=self.registry)
            for name, about in (
                ("spool_bytes", "bytes in the spool"),
                ("spool_up", "0 when the spool could not take or give everything the last time"),
                ("held_messages", "QoS 1 that found no room anywhere and is not acknowledged"),
                ("database_up", "1 while the database takes rows"),
                ("broker_up", "1 while connected to the broker"),
            )
        }

    def serve(self, port: int) -> None:
        """Answer on 127.0.0.1; the port was checked to be free by its binding (OSError)."""
        start_http_server(port, addr="127.0.0.1", registry=self.registry)

    def batch(self, accounts: Sequence[Account], drops: Sequence[Drop], seconds: Mapping[str, float]) -> None:
        """Add a batch."""
        for account in accounts:
            self._received.labels(account.stream).inc(account.received)
            self._stored.labels(account.stream).inc(account.stored)
            self._missing.labels(account.stream).inc(account.missing)
        for drop in drops:
            self._dropped.labels(drop.stream, str(drop.reason)).inc(drop.rows)
        for stage, spent in seconds.items():
            self._seconds.labels(stage).observe(spent)

    def state(self, **values: float) -> None:
        """Set gauges."""
        for name, value in values.items():
            self._gauges[name].set(value)
