"""Drives that are kept: found again, and what prevents one said."""

from __future__ import annotations

from pathlib import Path

import pytest

from chelu.errors import CannotStartError, CheluError
from evaluation import drives


def test_a_drive_that_is_there_is_not_driven_again(tmp_path: Path) -> None:
    (tmp_path / "about.json").touch()
    assert drives.kept("evaluation.no_such_module", tmp_path, "about.json", remedy="none") == tmp_path


def test_a_drive_that_failed_is_said_with_its_reason_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CannotStartError, match=r"the drive failed \(.*no_such_module.*\); install the extra sumo") as failed:
        drives.kept("evaluation.no_such_module", tmp_path, "about.json", remedy="install the extra sumo")
    assert failed.value.remedy == "install the extra sumo"


def test_a_drive_that_takes_too_long_is_ended_with_a_sentence(tmp_path: Path) -> None:
    """It once was a traceback, half an hour later."""
    with pytest.raises(CannotStartError, match=r"the drive took longer than 0 s; drive less"):
        drives.kept("evaluation.no_such_module", tmp_path, "about.json", remedy="none", most_s=0.0)


def test_what_prevents_a_drive_ends_its_process_with_a_sentence() -> None:
    def drive() -> None:
        raise CheluError("there is no demand")

    with pytest.raises(SystemExit, match="state: there is no demand"):
        drives.run("state", drive)
