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
