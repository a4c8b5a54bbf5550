"""Inference's settings, from the environment (`CHELU_INFERENCE_…`) and an optional TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from chelu.settings import Settings

PREFIX = "CHELU_INFERENCE_"


class InferenceSettings(Settings):
    """Defaults suit a site of some thousand vehicles; docs/inference.md explains each."""

    client_id: str = Field("inference", min_length=1, max_length=64, description="MQTT client id")
    batch_ms: float = Field(1.5, ge=0, le=50, description="how long the first message of a micro-batch waits for others")
    batch_messages: int = Field(2000, ge=1, le=100_000, description="most MQTT messages of one micro-batch")
    inbox_messages: int = Field(
        20_000,
        ge=1,
        description="messages that wait for evaluation: a second's worth; beyond, the newest are dropped and counted",
    )
    picture_hz: float = Field(10.0, ge=0, le=50, description="how often the live picture is published; 0 never")
    storage_rows: int = Field(
        100_000, ge=1, description="rows kept while the database is away; beyond, the oldest are dropped and counted"
    )
    model_file: Path | None = Field(None, description="another motion model; empty: the one that ships")
    use_model: bool = Field(default=True, description="false: physics only")
    parameters_file: Path | None = Field(None, description="TOML with tables [site.application] of per-site parameters")
    forecast_directory: Path | None = Field(
        None, description="of the sites' forecast models, SITE.onnx; empty: the best simple method forecasts"
    )
    wait_s: float = Field(30.0, gt=0, le=600, description="how long to wait for database and broker at the start")


def load(environ: Mapping[str, str]) -> InferenceSettings:
    """Raises ConfigurationError naming key, value and what is allowed."""
    file = environ.get(PREFIX + "FILE")
    return InferenceSettings.load(environ=environ, prefix=PREFIX, file=Path(file) if file else None)
