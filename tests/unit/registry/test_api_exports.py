"""An export's files on this side: what has no room is said, and keeps what it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from chelu import api_exports
from chelu.api import Client
from chelu.errors import ConfigurationError

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
