"""A load that was sent is told of, whatever becomes of the platform afterwards."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from chelu.errors import ConfigurationError, UnreachableError
from simulators.load.check import Balance
from simulators.load.command import Request, conclude, run
from simulators.load.settings import LoadSettings
from tests.unit.simulators.test_load_books import REPORT


def test_what_was_sent_is_told_though_the_platform_cannot_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = Request(LoadSettings(), has_check=True, json_file=tmp_path / "load.json")

    def check() -> list[Balance]:
        raise UnreachableError("the registry", "http://127.0.0.1:1", "refused")

    with pytest.raises(UnreachableError):
        conclude(REPORT, request, Console(file=io.StringIO()), check)
    assert "sent in 10.0 s" in capsys.readouterr().out
    document = json.loads((tmp_path / "load.json").read_text())
    assert document["check"] == []
    assert document["streams"]["bsm"]["messages"] == 1000


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--json = .* it cannot be written"):
        run(Request(LoadSettings(), json_file=tmp_path / "no" / "load.json", data=tmp_path))
