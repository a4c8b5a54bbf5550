from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from chelu.errors import ConfigurationError
from chelu.local.files import Layout
from simulators.cli import register
from simulators.command import Request, parse_origin, run, table
from simulators.comparison import Comparison
from simulators.connection import broker_address, with_account
from simulators.scene import Origin, UnreadableError
from simulators.secrets import SecretFile


@pytest.mark.parametrize(
    ("text", "origin"), [("29.55,106.57", Origin(29.55, 106.57, 0.0)), ("-33.9, 18.4,12.5", Origin(-33.9, 18.4, 12.5))]
)
def test_an_origin_is_read(text: str, origin: Origin) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize("text", ["", "29.55", "here,there", "1,2,3,4", "95,10", "10,200", "nan,nan"])
def test_an_origin_that_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match="such as"):
        parse_origin(text)


def test_the_gateways_account_replaces_the_one_in_the_brokers_address() -> None:
    assert with_account("mqtts://a:b@host:1?ca=f", "g", "s/1") == "mqtts://g:s%2F1@host:1?ca=f"
    assert with_account("mqtt://127.0.0.1:1883", "g", "s") == "mqtt://g:s@127.0.0.1:1883"


def test_the_broker_is_named_by_the_environment_or_the_data_directory(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.endpoints.write_text(json.dumps({"mqtt_url": "mqtt://here:1"}))
    assert broker_address({"CHELU_MQTT_URL": "mqtt://there:2"}, layout) == "mqtt://there:2"
    assert broker_address({}, layout) == "mqtt://here:1"


def test_a_missing_broker_address_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="CHELU_MQTT_URL"):
        broker_address({}, Layout(tmp_path))


def test_secrets_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    secrets = SecretFile(tmp_path / "data" / "replay-secrets.json")
    assert secrets.known() == {}
    secrets.keep({"g": "one"})
    secrets.keep({"h": "two"})
    assert secrets.known() == {"g": "one", "h": "two"}
    assert stat.S_IMODE(secrets.path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_read_is_told_before_anything_is_asked_of_the_platform(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError):
        run(Request(tmp_path / "nowhere"), Console(file=io.StringIO()))


def test_the_table_shows_what_each_stream_has() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(
        table([Comparison("bsm", expected=5050, stored=5050, position_error_m=0.0071), Comparison("spat", lights_wrong=2)])
    )
    text = console.file.getvalue()  # type: ignore[attr-defined]  # the console's file is the StringIO above
    assert "5050" in text
    assert "0.71 cm" in text
    assert "wrong lights" in text


@pytest.mark.parametrize("option", ["--start=nan", "--end=inf", "--patience=nan", "--seed=-1", "--speed=nan", "--speed=0"])
def test_a_number_that_means_nothing_is_refused_by_its_option(option: str) -> None:
    app = typer.Typer()
    register(app)
    refused = CliRunner().invoke(app, ["replay", "x.sqlite", option]).exception
    assert isinstance(refused, ConfigurationError)
    assert refused.key == option.partition("=")[0]
