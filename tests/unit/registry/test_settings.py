"""The registry's settings and models."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from chelu.errors import ConfigurationError
from services.registry.device_models import NewDevice
from services.registry.settings import RegistrySettings, read_accounts
from services.registry.site_models import NewSite

URL = "postgresql://u:p@h/d"


def test_settings_come_from_the_environment_and_the_command_line(tmp_path: Path) -> None:
    environ = {"CHELU_DATABASE_URL": URL, "CHELU_REGISTRY_PORT": "81", "CHELU_MQTT_URL": "mqtt://h", "CHELU_INGEST_PORT": "x"}
    settings = RegistrySettings.from_environment(environ, acl_file=tmp_path / "acl", password_file=None)
    assert (settings.database_url, settings.port, settings.mqtt_url) == (URL, 81, "mqtt://h")
    assert (settings.acl_file, settings.password_file) == (tmp_path / "acl", None)


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({}, "database_url is missing: it is required"),
        ({"CHELU_DATABASE_URL": "mysql://h"}, "database_url = 'mysql://h' is not allowed"),
        ({"CHELU_DATABASE_URL": URL, "CHELU_REGISTRY_PORT": "70000"}, "port = '70000' is not allowed"),
    ],
)
def test_bad_settings_are_named(environ: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        RegistrySettings.from_environment(environ)


@pytest.mark.parametrize("text", ["", "[]", '{"ingest": 1}', '{"ingest": ""}', "\xff"])
def test_an_accounts_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationError, match="accounts_file"):
        read_accounts(file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_accounts(tmp_path / "missing")
    assert read_accounts(None) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [("latitude_deg", math.nan), ("latitude_deg", 90.1), ("longitude_deg", -math.inf), ("elevation_m", 9001), ("site_id", "a b")],
)
def test_a_site_out_of_bounds_is_refused(field: str, value: object) -> None:
    good = {"site_id": "s", "latitude_deg": 1.0, "longitude_deg": 2.0}
    assert NewSite.model_validate(good).elevation_m == 0
    with pytest.raises(ValidationError, match=field):
        NewSite.model_validate({**good, field: value})


def test_a_device_has_a_secret_of_its_own_unless_it_has_a_parent() -> None:
    def has(**fields: object) -> bool:
        return NewDevice.model_validate({"device_id": "d", "kind": "obu", "site_id": "s", **fields}).has_credential

    assert has()
    assert not has(parent="g")
    assert has(parent="g", credential=True)
    assert not has(credential=False)
