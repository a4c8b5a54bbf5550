"""Readings as inference has them, and what is found in them, for the tests of the surroundings."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from chelu.codec.envelope import Envelope
from chelu.messages import OBSERVATION, Batch, concatenate, filled
from chelu.quantities import by_name
from chelu.topics import Kind
from services.inference.city.environment.findings import Judged
from services.inference.register import Device

BEGIN_US = 1_748_736_000_000_000  # 1 June 2025, 8 in the morning
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US


def readings(key: int, quantity: str, values: Sequence[float], *, start_us: int = BEGIN_US, step_s: float = 60.0) -> Batch:
    """A sensor's readings one after the other, in SI."""
    count = len(values)
    rows = filled(OBSERVATION, count, device_key=np.full(count, key, np.int32))
    return rows.with_columns(
        time_us=start_us + (np.arange(count) * step_s * 1e6).astype(np.int64),
        quantity=np.full(count, by_name()[quantity].code, np.uint16),
        value=np.asarray(values, np.float64),
    )


def together(*parts: Batch) -> Batch:
    """Several sensors' in one batch."""
    return concatenate(list(parts))


def sensor(key: int, name: str, **labels: str) -> Device:
    """As the register has it."""
    return Device(key, name, Kind.SENSOR, "hill", Envelope.AUTO, 0, place=(29.55, 106.57, 250.0), labels=labels)


@pytest.fixture
def new_id() -> Callable[[], str]:
    """Names of findings, numbered."""
    numbers = itertools.count(1)
    return lambda: f"finding-{next(numbers)}"


def parts(judged: list[Judged]) -> list[str]:
    """Which parts were found, in turn."""
    return [one.part for each in judged for one in each.findings]
