"""The command as a whole."""

from __future__ import annotations

import re

from typer.testing import CliRunner

from chelu.cli import build


def test_the_version_is_told() -> None:
    result = CliRunner().invoke(build(), ["--version"])
    assert result.exit_code == 0
    assert re.fullmatch(r"chelu \d+\.\d+\.\d+\S* \(with(out)? native code.*\)\n", result.output)


def test_help_names_every_command() -> None:
    words = CliRunner().invoke(build(), ["--help"]).output.split()
    assert {"up", "down", "status", "logs", "site", "device", "edge", "replay", "decode", "encode", "demo", "bench"} <= set(words)
