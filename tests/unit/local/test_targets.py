"""The demo sees beforehand that it can write what it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from chelu.errors import ConfigurationError
from chelu.local.targets import check_writable


def test_a_path_in_a_folder_that_is_not_there_is_refused_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--summary = .*no/x.json' is not allowed: it cannot be written"):
        check_writable({"--picture": tmp_path / "demo.png", "--summary": tmp_path / "no" / "x.json"})


def test_looking_leaves_no_file_and_keeps_one_that_is_there(tmp_path: Path) -> None:
    there = tmp_path / "demo.json"
    there.write_text("before")
    check_writable({"--summary": there, "--picture": tmp_path / "demo.png", "--other": None})
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]
    assert there.read_text() == "before"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        check_writable({"--summary": tmp_path})
