"""A device that cooperates at the other end of a wire: the rig is the roadside, and judges what the device says to it."""

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
from tests.integration.simulators.test_device_under_test import FAIL, PASS, free_udp, verdicts

PORTS = "{hears: 127.0.0.1:5005, says: 127.0.0.1:5006}"
GIVES_WAY, REQUIREMENTS = 5, 9


def judged(directory: Path, fault: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, verdict and report of one run with this device; one that the machine could not keep up with is run again."""
    for attempt in range(4):
        hears, says, evidence = free_udp(), free_udp(), directory / str(attempt)
        file, text = directory / "scenario.yaml", source_of("lane-change-request").text
        assert PORTS in text
        file.write_text(text.replace(PORTS, f"{{hears: 127.0.0.1:{hears}, says: 127.0.0.1:{says}}}"))
        arguments = [fault, "--hears", f"127.0.0.1:{hears}", "--says", f"127.0.0.1:{says}"]
        with subprocess.Popen([sys.executable, "-m", "tests.wrong_cooperator", *arguments]) as process:
            code = command(Options(str(file), is_in_the_loop=True, output=evidence), Console(file=io.StringIO()))
            process.kill()
        document: dict[str, Any] = json.loads((evidence / "verdict.json").read_text())
        if all(one["verdict"] == PASS for one in document["each"][0]["validity"]):
            return code, document, (evidence / "report.html").read_text()
    pytest.fail("the machine never kept up")


@pytest.mark.parametrize(("fault", "code", "failed"), [("none", 0, set()), ("selfish", 1, {GIVES_WAY})])
def test_a_device_gets_the_verdicts_that_it_deserves(tmp_path: Path, fault: str, code: int, failed: set[int]) -> None:
    exit_code, document, report = judged(tmp_path, fault)
    wanted = [FAIL if row in failed else PASS for row in range(REQUIREMENTS)]
    assert (verdicts(document), exit_code) == (wanted, code), document["each"][0]
    assert "the roadside: lane_change.answer granted" in report
    assert "the device: lane_change.request" in report
