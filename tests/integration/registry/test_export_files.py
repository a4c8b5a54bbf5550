"""Exports into files from a real registry: one directory, one export, and what stopped goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chelu import api_exports
from chelu.api import Client
from chelu.errors import ConfigurationError, RefusedError
from tests.fix_small_disk import SIZE_BYTES, SmallDisk
from tests.integration.registry.fix_exports import Ask, ask, content, devices, stored

__all__ = ["ask", "devices", "stored"]


def test_a_directory_holds_one_export_and_goes_on_with_it(client: Client, ask: Ask, tmp_path: Path) -> None:
    wanted = {"streams": ["bsm", "spat"], "purpose": "p", "recipient": "crew", "format": "csv"}
    export = api_exports.begin(client, tmp_path, wanted)
    whole = {name: content(client, export, name) for name in wanted["streams"]}
    (tmp_path / "bsm.csv.part").write_bytes(whole["bsm"][:12_345])
    sizes: list[int] = []
    again = api_exports.begin(client, tmp_path, wanted)
    files = api_exports.fetch(client, again, tmp_path, lambda name, size: sizes.append(size))
    assert again["export_id"] == export["export_id"]
    assert {file.name: file.read_bytes() for file in files} == {f"{name}.csv": it for name, it in whole.items()}
    assert sum(sizes) == len(whole["bsm"]) - 12_345 + len(whole["spat"])
    assert api_exports.fetch(client, again, tmp_path, lambda name, size: pytest.fail(name)) == files
    with pytest.raises(ConfigurationError, match="it has the files of export"):
        api_exports.begin(client, tmp_path, {**wanted, "format": "parquet"})


def test_what_a_full_disk_stopped_goes_on_where_there_is_room(
    client: Client, ask: Ask, small_disk: SmallDisk, tmp_path: Path
) -> None:
    wanted = {"streams": ["bsm"], "purpose": "p", "recipient": "crew", "format": "csv"}
    export = api_exports.begin(client, small_disk.path / "out", wanted)
    with pytest.raises(ConfigurationError, match=r"one with room \(No space left on device\); the same command goes on"):
        api_exports.fetch(client, export, small_disk.path / "out", lambda name, size: None)
    assert 0 < (small_disk.path / "out" / "bsm.csv.part").stat().st_size <= SIZE_BYTES
    shutil.copytree(small_disk.path / "out", tmp_path / "out")
    again = api_exports.begin(client, tmp_path / "out", wanted)
    (file,) = api_exports.fetch(client, again, tmp_path / "out", lambda name, size: None)
    assert (again["export_id"], file.read_bytes()) == (export["export_id"], content(client, export, "bsm"))


def test_a_partial_file_that_is_longer_than_the_whole_is_no_whole_file(client: Client, ask: Ask, tmp_path: Path) -> None:
    wanted = {"streams": ["spat"], "purpose": "p", "recipient": "crew", "format": "csv"}
    export = api_exports.begin(client, tmp_path, wanted)
    (tmp_path / "spat.csv.part").write_bytes(b"x" * 10_000_000)
    with pytest.raises(RefusedError, match=r"offset = 10000000 is not allowed: 0 … \d+, the file's bytes"):
        api_exports.fetch(client, export, tmp_path, lambda name, size: pytest.fail(name))
    assert not (tmp_path / "spat.csv").exists()
