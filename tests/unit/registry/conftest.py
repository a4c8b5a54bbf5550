"""The registry's application without its parts: what it says of itself, and refuses before it needs any."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from chelu.clock import VirtualClock
from services.registry.app import create_app
from services.registry.parts import Parts
from services.registry.throttle import Throttle


@pytest.fixture(scope="session")
def application() -> FastAPI:
    throttle = Throttle(limit=1, window_s=1)
    nothing: Any = None
    return create_app(Parts(nothing, nothing, VirtualClock(0), nothing, nothing, None, throttle, throttle))
