"""`chelu edge check` reads what the configuration names: what would fail at the start, or later, is said now."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chelu.cli import build
from chelu.errors import CannotStartError, ConfigurationError

GATEWAY = """
kind = "gateway"
id = "gw-1"
broker = "mqtt://127.0.0.1:1883"
credential_file = "secret"
[[sources]]
type = "gbt32960"
listen = "127.0.0.1:0"
vehicles = "vehicles.csv"
keys_file = "keys"
platforms_file = "platforms"
[upgrade]
keys_file = "makers"
"""
FILES = {
    "secret": "s3cret\n",
    "vehicles.csv": "device_id,vin\nbus-1,LCHELU00000000001\nbus-2,LCHELU00000000002\n",
    "keys": f"* aes-128-ecb {'0f' * 16}\n",
    "platforms": "city:a password\n",
    "makers": f"acme {'ab' * 32}\n",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A gateway's directory, all of whose files are right."""
    (tmp_path / "edge.toml").write_text(GATEWAY, encoding="utf-8")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def check(place: Path) -> list[str]:
    """What the command says, without the directory; raises what it raised."""
    result = CliRunner().invoke(build(), ["edge", "check", "--config", str(place / "edge.toml")])
    if result.exception is not None:
        raise result.exception
    return result.output.replace(f"{place}/", "").splitlines()


def test_every_file_is_read_and_said_with_what_is_in_it(place: Path) -> None:
    assert check(place) == [
        "edge.toml: gateway gw-1 with 1 source(s)",
        "secret: a secret",
        "vehicles.csv: 2 vehicles",
        "keys: 1 keys",
        "platforms: 1 platforms",
        "makers: the keys of 1 makers",
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_there_is_named(place: Path, name: str) -> None:
    (place / name).unlink()
    with pytest.raises(ConfigurationError, match=f"{name}' is not allowed: it cannot be read"):
        check(place)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("secret", "two words\n", "it must hold the device's secret and nothing else"),
        ("vehicles.csv", "device_id,vin\nbus-1,SHORT\n", "line 2: vin = 'SHORT' is not allowed: 17 characters"),
        ("keys", "* des 00\n", "keys_file = 'line 1' is not allowed: NAME rsa FILE.pem"),
        ("platforms", "no-password\n", "user:password"),
        ("makers", "acme\n", "a line NAME PUBLIC-KEY for each maker who is trusted"),
    ],
)
def test_a_file_that_cannot_be_used_says_what_is_allowed(place: Path, name: str, text: str, said: str) -> None:
    (place / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        check(place)
    assert said in str(refused.value)


def test_a_device_that_has_yet_to_join_needs_its_provisioning_key_and_no_secret(tmp_path: Path) -> None:
    text = 'kind = "rsu"\ncredential_file = "secret"\n[join]\nkey_file = "key"\nserial = "R1"\n'
    (tmp_path / "edge.toml").write_text(text, encoding="utf-8")
    (tmp_path / "key").write_text(f"crew:20:{'k' * 43}", encoding="utf-8")
    assert check(tmp_path) == ["edge.toml: rsu (to join) with 0 source(s)", "key: the provisioning key crew of 20 places"]
    (tmp_path / "key").write_text("crew", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="NAME:PLACES:SECRET"):
        check(tmp_path)


def test_an_authority_is_a_certificate(tmp_path: Path) -> None:
    (tmp_path / "edge.toml").write_text(
        f'kind = "rsu"\nid = "r"\nbroker = "mqtts://b?ca={tmp_path / "ca.crt"}"\n', encoding="utf-8"
    )
    (tmp_path / "ca.crt").write_text("no certificate", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="it holds no certificate"):
        check(tmp_path)


def test_more_connections_than_the_process_may_have_are_said(place: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY or hard > 100_000:
        pytest.skip("this process may open more files than can be asked for")
    file = place / "edge.toml"
    file.write_text(
        file.read_text(encoding="utf-8").replace('listen = "', f'max_connections = {hard}\nlisten = "'), encoding="utf-8"
    )
    with pytest.raises(
        CannotStartError, match=f"may open {hard} files, not {hard + 64}; raise ulimit -n, or lower max_connections"
    ):
        check(place)
