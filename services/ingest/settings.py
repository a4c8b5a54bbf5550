"""Ingest's settings, from the environment (`CHELU_INGEST_…`) and an optional TOML file (`CHELU_INGEST_FILE`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from chelu.settings import Settings
from chelu.store.retention import KEPT, LONGEST_H

PREFIX = "CHELU_INGEST_"
MOST_WORKERS = 16


class IngestSettings(Settings):
    """Defaults suit one worker on a site's server; docs/ingest.md explains each."""

    client_id: str = Field("ingest", min_length=1, max_length=60, description="MQTT client id; a successor needs the same")
    workers: int = Field(1, ge=1, le=MOST_WORKERS, description="processes that share the work by MQTT 5's shared subscriptions")
    worker: int = Field(
        1, ge=1, le=MOST_WORKERS, description="which of them this is; beyond the first its number is in its names"
    )
    retire: bool = Field(
        default=False, description="store what this worker left at the broker and in its spool, and end for good"
    )
    session_expiry_s: int = Field(86_400, ge=0, le=2_592_000, description="how long the broker keeps QoS 1 for a successor")
    receive_maximum: int = Field(5000, ge=1, le=65_535, description="QoS 1 messages on the way before one is acknowledged")
    inbox_messages: int = Field(200_000, ge=1000, le=5_000_000, description="QoS 0 messages waiting; beyond: queue_full")
    batch_rows: int = Field(20_000, ge=1, le=200_000, description="most MQTT messages of one transaction")
    batch_age_ms: float = Field(25.0, ge=0, le=5000, description="longest wait of a message for its batch")
    spool_directory: Path = Field(Path("spool"), description="where messages wait while the database is away")
    spool_bytes: int = Field(1 << 30, ge=1 << 26, description="most bytes waiting there; a fifth is kept for QoS 1")
    payload_bytes: int = Field(1 << 20, ge=1024, le=1 << 23, description="largest payload taken; beyond: overlong")
    dead_letters_per_minute: int = Field(120, ge=1, description="kept per reason; the others are counted")
    dead_letters_kept: int = Field(100_000, ge=100, description="the newest that many stay")
    dead_letter_bytes: int = Field(8192, ge=64, description="of a payload kept in a dead letter")
    delivery_days: int = Field(30, ge=1, le=3650, description="how long a QoS 1 message is recognised when it is sent again")
    skew_s: float = Field(2.0, gt=0, description="difference of clocks beyond which a row is flagged CLOCK")
    metrics_port: int = Field(0, ge=0, le=65_535, description="Prometheus metrics; 0 none")
    wait_s: float = Field(30.0, gt=0, le=600, description="how long to wait for the broker at the start")
    partition_hours: int = Field(24, ge=1, le=24, description="width of new partitions or chunks; a divisor of 24")
    device_index: bool = Field(default=True, description="an index on (device, time); off saves a third of the server's work")
    keep_hours: Mapping[str, int] = Field({}, description="by table, as in 'bsm=72 books=2160'; what is absent is kept for ever")
    compress_after_hours: int = Field(24, ge=0, le=LONGEST_H, description="age of a chunk that becomes columns; 0 never")
    upkeep_s: float = Field(60.0, ge=0.1, le=3600, description="how often old rows are looked for")

    @field_validator("keep_hours", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        """From the environment it comes as words."""
        if not isinstance(value, str):
            return value
        pairs = [word.partition("=") for word in value.replace(",", " ").split()]
        if len({name for name, _, _ in pairs}) < len(pairs):
            raise ValueError("a table is named twice")
        return {name: hours for name, _, hours in pairs}

    @field_validator("keep_hours")
    @classmethod
    def _known_tables(cls, value: Mapping[str, int]) -> Mapping[str, int]:
        for table, hours in value.items():
            if table not in KEPT:
                raise ValueError(f"{table!r} is no table; there are {', '.join(KEPT)}")
            if not 1 <= hours <= LONGEST_H:
                raise ValueError(f"{table}={hours} is outside 1 … {LONGEST_H} hours")
        return value

    @field_validator("partition_hours")
    @classmethod
    def _divides_a_day(cls, value: int) -> int:
        if 24 % value:
            raise ValueError("it must be a divisor of 24")
        return value

    @property
    def name(self) -> str:
        """The worker's client id, and its name in the database."""
        return worker_name(self.client_id, self.worker)

    @property
    def own_spool(self) -> Path:
        """The worker's spool."""
        return self.spool_directory.with_name(worker_name(self.spool_directory.name, self.worker))

    @model_validator(mode="after")
    def _is_one_of_them(self) -> IngestSettings:
        if self.worker > self.workers and not self.retire:
            raise ValueError(f"worker {self.worker} is none of {self.workers} workers")
        return self

    @model_validator(mode="after")
    def _holds_a_payload(self) -> IngestSettings:
        if self.spool_bytes < 8 * self.payload_bytes:
            raise ValueError(f"spool_bytes must be at least 8 × payload_bytes = {8 * self.payload_bytes}")
        return self


def worker_name(name: str, worker: int) -> str:
    """The first is called as a single one is, so that it takes up what that left behind."""
    return name if worker == 1 else f"{name}-{worker}"


def load(environ: Mapping[str, str]) -> IngestSettings:
    """Raises ConfigurationError naming key, value and what is allowed."""
    file = environ.get(PREFIX + "FILE")
    return IngestSettings.load(environ=environ, prefix=PREFIX, file=Path(file) if file else None)
