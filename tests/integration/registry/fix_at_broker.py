"""What tests of a registry that has its own account at the broker share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chelu.api import Client
from tests.integration.registry.conftest import ACCOUNTS, SITE, Place
from tests.waiting import until

Send = Callable[..., Any]


@pytest.fixture(scope="module")
def registry_account() -> str:
    """The registry's own, so that it hears devices and speaks to them."""
    return f"registry:{ACCOUNTS['registry']}@"


@pytest.fixture(scope="module")
def send(client: Client, mosquitto_port: int, place: Place) -> Send:
    """A request below the site's address, once the registry is at the broker."""
    log = place.directory / "registry.log"
    until(lambda: "devices that want to join are heard" in log.read_text(), 30, "the registry to be at the broker")

    def send(method: str, *path: str, **request: Any) -> Any:
        return client.people(method, "sites", SITE, *path, **request)

    return send
