"""A roadside unit under test at the other end of a wire: judged for what it sends, and not while it is away."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from simulators.scenario.library import source_of
from simulators.scenario.running import command
from simulators.scenario.running_options import Options
from tests.integration.simulators.test_device_under_test import ERROR, FAIL, PASS, free_udp, verdicts

REQUIREMENTS = 13  # the template's, and that of any device
PORTS = "{hears: 127.0.0.1:5005, says: 127.0.0.1:5006}"


def judged(directory: Path, fault: str, *, is_there: bool = True) -> tuple[int, dict[str, Any]]:
    """Exit code and verdict of one run with this unit; one that the machine could not keep up with is run again."""
    for attempt in range(4):
        hears, says = free_udp(), free_udp()
        file, evidence = directory / "scenario.yaml", directory / str(attempt)
        text = source_of("roadside-unit").text.replace("after_s: 6", "after_s: 4")
        file.write_text(text.replace(f"udp: {PORTS}", f"udp: {{hears: 127.0.0.1:{hears}, says: 127.0.0.1:{says}}}"))
        arguments = [fault, "--hears", f"127.0.0.1:{hears}", "--says", f"127.0.0.1:{says}"]
        with subprocess.Popen([sys.executable, "-m", "tests.wrong_unit", *arguments]) as process:
            options = Options(str(file), is_in_the_loop=True, output=evidence)
            code = command(options, Console(file=io.StringIO()))
            process.kill()
        document: dict[str, Any] = json.loads((evidence / "verdict.json").read_text())
        validity = {
            one["title"]: row["verdict"] for one, row in zip(document["validity"], document["each"][0]["validity"], strict=True)
        }
        is_late = document["each"][0]["requirements"][2]["verdict"] == FAIL  # a unit of this machine, which is busy
        if (validity["the rig keeps up"] == PASS and (fault == "late" or not is_late)) or not is_there:
            return code, document
    pytest.fail("the machine never kept up")


@pytest.mark.parametrize(("fault", "code", "failed"), [("none", 0, set()), ("late", 1, {2}), ("false", 1, {5})])
def test_a_unit_gets_the_verdicts_that_it_deserves(tmp_path: Path, fault: str, code: int, failed: set[int]) -> None:
    exit_code, document = judged(tmp_path, fault)
    wanted = [FAIL if row in failed else PASS for row in range(REQUIREMENTS)]
    assert (verdicts(document), exit_code) == (wanted, code), document["each"][0]


def test_a_unit_that_dies_is_an_error_with_evidence(tmp_path: Path) -> None:
    exit_code, document = judged(tmp_path, "dies", is_there=False)
    assert (verdicts(document), exit_code) == ([ERROR] * REQUIREMENTS, 3), document["each"][0]
    assert (tmp_path / "0" / "report.html").exists()
