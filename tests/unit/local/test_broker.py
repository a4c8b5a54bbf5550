from __future__ import annotations

import stat
from pathlib import Path

import pytest

from chelu.errors import CannotStartError
from chelu.local import broker
from chelu.local.broker import Choice
from chelu.local.mosquitto import Configuration


def test_mosquitto_on_the_path_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "mosquitto"
    own.write_text("#!/bin/sh\n")
    own.chmod(own.stat().st_mode | stat.S_IXUSR)
    found = broker.find_mosquitto({"PATH": str(tmp_path)})
    assert (found.executable, found.environment) == (own, {})


def test_without_apt_fetching_fails_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStartError, match=r"apt-get cannot be run .*; install mosquitto"):
        broker.find_mosquitto({"XDG_CACHE_HOME": str(tmp_path)}, Choice.FETCHED)


def test_a_cache_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "chelu").write_text("")
    with pytest.raises(CannotStartError, match="chelu cannot be written to"):
        broker.find_mosquitto({"XDG_CACHE_HOME": str(tmp_path)}, Choice.FETCHED)


def test_without_mosquitto_amqtt_stands_in_and_without_that_nothing_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(broker, "SYSTEM_DIRECTORY", str(tmp_path))
    configuration, log = Configuration(port=1), tmp_path / "log"
    environ = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    name, _ = broker.program(Choice.AUTO, configuration, directory=tmp_path, log_file=log, environ=environ)
    assert name == "amqtt"
    monkeypatch.setattr(broker, "find_spec", lambda _: None)
    with pytest.raises(CannotStartError, match="no broker can be had on this machine; install mosquitto, or name one"):
        broker.program(Choice.AUTO, configuration, directory=tmp_path, log_file=log, environ=environ)


def test_an_installed_mosquitto_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "SYSTEM_DIRECTORY", str(tmp_path))
    with pytest.raises(CannotStartError, match="mosquitto is not installed"):
        broker.find_mosquitto({"PATH": str(tmp_path)}, Choice.INSTALLED)
