"""The quality service's settings, from the environment (`CHELU_QUALITY_…`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from chelu.settings import Settings

PREFIX = "CHELU_QUALITY_"


class QualitySettings(Settings):
    """Defaults suit a site's server; docs/monitors.md explains each."""

    period_s: float = Field(60.0, ge=10, le=3600, description="a window; rounds begin as often")
    settle_s: float = Field(
        25.0, ge=20, le=600, description="how long after its end a window is judged: what came has been stored"
    )
    first_s: float = Field(120.0, ge=10, le=86_400, description="how far back the very first round looks")
    most_rows: int = Field(3_000_000, ge=1000, description="rows of BSM in a window with its surroundings; beyond, it has none")
    keep_days: int = Field(90, ge=1, le=3650, description="how long events and assessments are kept")
    parameters_file: Path | None = Field(None, description="TOML with tables [site.monitor] of per-site parameters")
    wait_s: float = Field(30.0, gt=0, le=600, description="how long to wait for the database at the start")


def load(environ: Mapping[str, str]) -> QualitySettings:
    """Raises ConfigurationError naming key, value and what is allowed."""
    return QualitySettings.load(environ=environ, prefix=PREFIX, file=None)
