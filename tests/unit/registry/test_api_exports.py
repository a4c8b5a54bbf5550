"""An export's files on this side: what has no room is said, and keeps what it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from chelu import api_exports
from chelu.api import Client
from chelu.errors import ConfigurationError, UnreachableError

EXPORT = {"export_id": 1, "format": "csv", "selection": {"streams": ["bsm"]}}


class Registry:
    """Sends the same bytes whoever asks."""

    def pieces(self, path: str, **query: Any) -> Iterator[bytes]:
        assert path == "/api/exports/1/content/bsm"
        yield b"time_us,speed_mps\n"[query["offset"] :]


def test_a_full_disk_is_said_and_the_same_command_goes_on(tmp_path: Path) -> None:
    client, partial = cast("Client", Registry()), tmp_path / "bsm.csv.part"
    partial.symlink_to("/dev/full")
    with pytest.raises(ConfigurationError, match=r"one with room \(No space left on device\); the same command goes on"):
        api_exports.fetch(client, EXPORT, tmp_path, lambda name, size: None)
    partial.unlink()
    partial.write_bytes(b"time_us,")
    (file,) = api_exports.fetch(client, EXPORT, tmp_path, lambda name, size: None)
    assert file.read_bytes() == b"time_us,speed_mps\n"


@pytest.mark.parametrize("note", ["", "{", "[]", '{"export_id": 1}', '{"export_id": "one", "wanted": {}}'])
def test_a_directory_with_somebody_elses_note_is_refused_and_left_as_it_is(tmp_path: Path, note: str) -> None:
    (tmp_path / "export.json").write_text(note)
    with pytest.raises(ConfigurationError, match=r"one whose export\.json an export has written"):
        api_exports.begin(cast("Client", Registry()), tmp_path, {})
    assert (tmp_path / "export.json").read_text() == note


@pytest.mark.parametrize("name", ["taken", "taken/below"])
def test_a_directory_that_is_a_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(ConfigurationError, match="a directory, or a name that nothing has"):
        api_exports.begin(cast("Client", Registry()), tmp_path / name, {})


class Restarting:
    """Breaks off after some bytes, and is then away for `away_s` of a clock that pauses alone move."""

    def __init__(self, away_s: float) -> None:
        self.now_s, self.away_s, self.back_s = 0.0, away_s, 0.0
        self.breaks = 1

    def pause(self, seconds: float) -> None:
        self.now_s += seconds

    def clock(self) -> float:
        return self.now_s

    def pieces(self, path: str, **query: Any) -> Iterator[bytes]:
        rest = b"time_us,speed_mps\n"[query["offset"] :]
        if self.now_s < self.back_s:
            raise UnreachableError("the registry", "here", "Connection refused")
        if self.breaks:
            self.breaks -= 1
            self.back_s = self.now_s + self.away_s
            yield rest[:4]
            raise UnreachableError("the registry", "here", "peer closed connection")
        yield rest

    def fetch(self, directory: Path) -> list[Path]:
        patience = api_exports.Patience(clock=self.clock, pause=self.pause)
        return api_exports.fetch(cast("Client", self), EXPORT, directory, lambda name, size: None, patience)


def test_an_export_goes_on_by_itself_when_the_registry_was_away_for_a_minute(tmp_path: Path) -> None:
    registry = Restarting(60.0)
    (file,) = registry.fetch(tmp_path)
    assert file.read_bytes() == b"time_us,speed_mps\n"
    assert 60.0 <= registry.now_s < 66.0, "it asks every few seconds at the least"


def test_a_registry_that_stays_away_is_said_after_two_minutes_and_what_came_is_kept(tmp_path: Path) -> None:
    registry = Restarting(3600.0)
    with pytest.raises(UnreachableError, match="Connection refused"):
        registry.fetch(tmp_path)
    assert 120.0 <= registry.now_s < 130.0
    assert (tmp_path / "bsm.csv.part").read_bytes() == b"time"


def test_one_that_breaks_off_again_and_again_and_sends_some_each_time_is_waited_for(tmp_path: Path) -> None:
    registry = Restarting(100.0)
    registry.breaks = 2
    (file,) = registry.fetch(tmp_path)
    assert file.read_bytes() == b"time_us,speed_mps\n"
