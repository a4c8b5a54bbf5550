"""Devices that decide at the other end of a wire: the same verdicts as in memory, and what the rig says of those that go away."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from simulators.scenario.library import source_of
from simulators.scenario.running import command
from simulators.scenario.running_options import Options

PASS, FAIL, ERROR = "pass", "fail", "error"


def free_udp() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def device(module: list[str], hears: int, says: int) -> Iterator[subprocess.Popen[bytes]]:
    arguments = ["--hears", f"127.0.0.1:{hears}", "--says", f"127.0.0.1:{says}"]
    process = subprocess.Popen([sys.executable, "-m", *module, *arguments])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def judged(directory: Path, name: str, module: list[str], more: str = "", repeats: int = 1) -> tuple[int, dict[str, Any], str]:
    """Exit code, verdict and what was said, of one run with this device."""
    hears, says = free_udp(), free_udp()
    text = source_of(name).text
    assert 'udp: {hears: "127.0.0.1:5005", says: "127.0.0.1:5006"}' in text
    text = text.replace("127.0.0.1:5005", f"127.0.0.1:{hears}").replace("127.0.0.1:5006", f"127.0.0.1:{says}")
    file, said = directory / "scenario.yaml", io.StringIO()
    file.write_text(text.replace("\ndut:\n", f"\ndut:\n  ready_s: 30\n{more}"))
    with device(module, hears, says):
        options = Options(str(file), is_in_the_loop=True, output=directory / "evidence", repeats=repeats)
        code = command(options, Console(file=said, width=200))
    return code, json.loads((directory / "evidence" / "verdict.json").read_text()), said.getvalue()


def verdicts(document: dict[str, Any]) -> list[str]:
    return [one["verdict"] for one in document["each"][0]["requirements"]]


def values(document: dict[str, Any]) -> list[float | None]:
    return [one["value"] for one in document["each"][0]["requirements"]]


@pytest.mark.parametrize(("name", "example"), [("driving-function", "example_driving"), ("signal-control", "example_signals")])
def test_an_example_over_the_wire_decides_as_it_does_in_memory(tmp_path: Path, name: str, example: str) -> None:
    code, over_wire, _ = judged(tmp_path, name, [f"simulators.scenario.dut.{example}"])
    assert code == 0, over_wire["each"][0]
    alone = tmp_path / "alone"
    in_memory = Options(str(tmp_path / "scenario.yaml"), device=example.replace("_", "-"), output=alone)
    assert command(in_memory, Console(file=io.StringIO())) == 0
    there = values(json.loads((alone / "verdict.json").read_text()))
    assert values(over_wire)[: len(there)] == pytest.approx(there, abs=1e-2)


@pytest.mark.parametrize(("fault", "row"), [("blind", 0), ("rubbish", 6)])
def test_one_that_drives_wrong_fails_what_it_does_wrong(tmp_path: Path, fault: str, row: int) -> None:
    code, document, _ = judged(tmp_path, "driving-function", ["tests.wrong_deciders", fault])
    assert (code, verdicts(document)[row]) == (1, FAIL)


def test_time_waits_for_a_slow_one_and_its_slowness_is_measured(tmp_path: Path) -> None:
    asked = "  silent_s: 10\n"
    text = "requirements:\n  - {name: is quick, metric: device_answer_s, at_most: 0.1}\n"
    hears = source_of("driving-function").text
    assert "requirements:\n" in hears
    file = tmp_path / "scenario.yaml"
    file.write_text(hears.replace("requirements:\n", text))
    code, document, _ = judged(tmp_path, str(file), ["tests.wrong_deciders", "slow"], asked)
    assert (code, verdicts(document)[0]) == (1, FAIL)
    assert set(verdicts(document)[1:]) == {PASS}, "the scenario's time stood still meanwhile"


def test_one_that_dies_leaves_what_was_driven_until_then(tmp_path: Path) -> None:
    code, document, said = judged(tmp_path, "driving-function", ["tests.wrong_deciders", "dies"], "  silent_s: 1.5\n")
    assert (code, set(verdicts(document))) == (3, {ERROR})
    assert "is away since 2.00 s of run 0" in said
    assert (tmp_path / "evidence" / "report.html").exists()


def test_in_real_time_what_was_answered_last_holds(tmp_path: Path) -> None:
    text = source_of("driving-function").text.replace("end: {after_s: 45}", "end: {after_s: 3}")
    text = text.replace("time_s: 7", "time_s: 2")
    text = text[: text.index("  - {name: stops at red")]
    file = tmp_path / "short.yaml"
    file.write_text(text)
    for _ in range(4):  # a busy machine may be late itself
        code, document, _ = judged(tmp_path, str(file), ["tests.wrong_deciders", "slow"], "  time: real\n  silent_s: 10\n")
        if document["each"][0]["validity"][-1]["verdict"] == PASS:
            break
    assert code == 0, document["each"][0]


def test_a_run_that_is_interrupted_keeps_what_it_has(tmp_path: Path) -> None:
    code, document, said = judged(tmp_path, "driving-function", ["tests.wrong_deciders", "interrupts"], repeats=3)
    assert (code, document["outcomes"]) == (3, {PASS: 0, "skipped": 0, FAIL: 0, ERROR: 3})
    assert "interrupted in run 0" in said
    assert (tmp_path / "evidence" / "report.html").exists()
