"""`chelu certs`: what a person sees of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from chelu.cli import build


@pytest.mark.parametrize("columns", ["120", "200"])
def test_the_files_that_are_to_be_copied_are_shown_whole(tmp_path: Path, columns: str) -> None:
    result = CliRunner().invoke(build(), ["certs", "init", "--data", str(tmp_path)], env={"COLUMNS": columns})
    assert result.exit_code == 0, result.output
    assert str(tmp_path / "tls" / "ca.crt") in result.output
