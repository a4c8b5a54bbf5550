"""Gateways and ears that are stopped after the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fix_broker import RunningBroker
from tests.integration.edge.gateways import Ears, Running, Start


@pytest.fixture
def start(broker: RunningBroker, tmp_path: Path) -> Iterator[Start]:
    """Starts gateways."""
    made: list[Running] = []

    def make(*, url: str = broker.url, directory: Path = tmp_path, **values: Any) -> Running:
        made.append(Running(url, directory, **values))
        return made[-1]

    yield make
    for running in made:
        running.stop()


@pytest.fixture
def ears(broker: RunningBroker) -> Iterator[Ears]:
    """On the session's broker."""
    made = Ears(broker.url)
    yield made
    made.stop()
