"""The configuration file: what is wrong is named with its key, its value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from chelu.errors import ConfigurationError
from chelu.topics import Kind
from edge.settings import load

GOOD = """
kind = "rsu"
id = "rsu-1"
broker = "mqtts://broker.example:8883"
credential_file = "secret"
[position]
latitude_deg = 29.5
longitude_deg = 106.5
[spool]
max_mb = 64
[[sources]]
type = "frames"
listen = "0.0.0.0:5000"
[[sources]]
type = "objects"
listen = "0.0.0.0:5001"
transport = "tcp"
sensor = "lidar"
[[sources]]
type = "gnss"
path = "/dev/ttyS0"
"""


def write(directory: Path, text: str) -> Path:
    file = directory / "edge.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_whole_file_is_read_and_its_paths_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cr:et/@\n")
    settings = load(write(tmp_path, GOOD), {})
    assert (settings.kind, settings.id, len(settings.sources)) == (Kind.RSU, "rsu-1", 3)
    assert settings.spool.directory == tmp_path / "spool"
    assert settings.envelope == "deployed"
    assert settings.broker_url() == "mqtts://rsu-1:s3cr%3Aet%2F%40@broker.example:8883"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    assert load(write(tmp_path, GOOD), {"CHELU_EDGE_HEARTBEAT_S": "3"}).heartbeat_s == 3


@pytest.mark.parametrize(
    ("change", "key", "allowed"),
    [
        (('kind = "rsu"', 'kind = "car"'), "kind = 'car'", "'rsu'"),
        (('id = "rsu-1"', 'id = "rsu/1"'), "id = 'rsu/1'", "pattern"),
        (('id = "rsu-1"', ""), "id is missing", "required"),
        (("mqtts://broker.example:8883", "http://x"), "broker = 'http://x'", "mqtt://HOST"),
        (("mqtts://broker.example:8883", "mqtt://a:b@x"), "broker", "credential_file"),
        (("0.0.0.0:5000", "5000"), "sources.0.frames.listen = '5000'", "HOST:PORT"),
        (('type = "objects"', 'type = "sounds"'), "sources.1", "'frames', 'objects', 'gnss'"),
        (("latitude_deg = 29.5", "latitude_deg = 129.5"), "position.latitude_deg = 129.5", "less than or equal to 90"),
        (("max_mb = 64", "max_mb = 1"), "spool.max_mb = 1", "greater than or equal to 2"),
        (("[position]", "colour = 1\n[position]"), "colour = 1", "no setting of that name"),
        (('kind = "rsu"', 'kind = "sensor"'), "objects", "needs kind = rsu"),
    ],
)
def test_a_fault_names_key_value_and_what_is_allowed(tmp_path: Path, change: tuple[str, str], key: str, allowed: str) -> None:
    file = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    assert key in str(caught.value)
    assert allowed in str(caught.value)
    assert str(file) in str(caught.value)


def test_object_lists_need_a_position(tmp_path: Path) -> None:
    text = 'kind = "rsu"\nid = "a"\n[[sources]]\ntype = "objects"\nlisten = "127.0.0.1:0"\n'
    with pytest.raises(ConfigurationError, match=r"needs \[position\]"):
        load(write(tmp_path, text), {})


@pytest.mark.parametrize("content", [None, "", "two words\n"])
def test_a_credential_that_cannot_be_used_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content)
    with pytest.raises(ConfigurationError, match="credential_file"):
        load(write(tmp_path, GOOD), {}).broker_url()


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="it cannot be read"):
        load(tmp_path / "absent.toml", {})
    with pytest.raises(ConfigurationError, match="it is not TOML"):
        load(write(tmp_path, "kind = "), {})
