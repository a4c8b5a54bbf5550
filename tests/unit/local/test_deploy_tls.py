"""`deploy/compose.tls.yaml`, laid over the compose file, against what the components understand."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import yaml

from chelu.bus.messages import Address
from tests.unit.local.test_deploy import DEPLOY, OWN_IMAGES, SERVICE_KEYS, SHARED, compose, settings_of

CLEAR = ("listener", "#")


class Loader(yaml.SafeLoader):
    """Knows compose's tag for what is replaced rather than added to."""


def _replaced(loader: Loader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node)


Loader.add_constructor("!override", _replaced)


@cache
def overlay() -> dict[str, Any]:
    value = yaml.load((DEPLOY / "compose.tls.yaml").read_text(), Loader)
    assert isinstance(value, dict)
    return value


def test_it_lays_over_services_and_settings_that_exist() -> None:
    assert set(overlay()) == {"services"}
    for name, service in overlay()["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        base = compose()["services"][name]
        if name in OWN_IMAGES:
            assert set(service.get("environment", {})) <= SHARED | settings_of(base["build"]["args"]["MODULE"])


def test_nothing_listens_in_the_clear() -> None:
    published = [port for service in overlay()["services"].values() for port in service.get("ports", ())]
    assert published == ["8883:8883", "8443:8443"]
    assert "1883" not in (DEPLOY / "mosquitto.tls.conf").read_text()


@pytest.mark.parametrize("name", ["registry", "ingest", "inference"])
def test_every_service_speaks_tls_and_knows_whom_to_believe(name: str) -> None:
    address = Address.read(overlay()["services"][name]["environment"]["CHELU_MQTT_URL"])
    assert (address.has_tls, address.host, address.port, address.user) == (True, "mosquitto", 8883, name)
    assert str(address.ca_file).endswith("/ca.crt")


def test_the_broker_differs_from_the_one_in_the_clear_by_its_listener_alone() -> None:
    def settings(name: str) -> set[str]:
        lines = (DEPLOY / name).read_text().splitlines()
        return {line for line in lines if line and not line.startswith(CLEAR)}

    more = {"certfile /run/chelu/tls/broker.pem", "keyfile /run/chelu/tls/broker.pem", "tls_version tlsv1.2"}
    assert settings("mosquitto.tls.conf") == settings("mosquitto.conf") | more
