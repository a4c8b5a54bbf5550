"""A device under test on a bench, over UDP and without a site: it is judged for what it does, and not for what the rig does."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from shutil import copy, copytree
from typing import Any

import pytest
from rich.console import Console

from simulators.scenario.library import TEMPLATES, source_of
from simulators.scenario.running import command
from simulators.scenario.running_options import Options
from simulators.scenario.suite.command import command as run_suite
from simulators.scenario.suite.library import SUITES
from simulators.scenario.suite.running import Request

WARNED, NOT_WARNED, AT_ONCE, READABLE, KNOWN = range(5)  # the template's three requirements, then those of any device
PASS, FAIL, ERROR, SKIPPED = "pass", "fail", "error", "skipped"
TRAFFIC = {
    "speed_kmh: 45": "speed_kmh: 90",
    "driver: {model: idm, desired_kmh: 50}": "driver: {model: none}",
    "after_s: 25": "after_s: 6",
    "vehicles_per_hour: {default: 900": "vehicles_per_hour: {default: 1500",
    "seed: {default: 1": "seed: {default: 2",
}


@contextmanager
def device(fault: str, hears: int, says: int) -> Iterator[subprocess.Popen[bytes]]:
    arguments = [fault, "--hears", f"127.0.0.1:{hears}", "--says", f"127.0.0.1:{says}"]
    process = subprocess.Popen([sys.executable, "-m", "tests.wrong_device", *arguments])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def scenario(directory: Path, hears: int, says: int, more: str = "", text: str = "") -> str:
    """The scenario with a device over UDP in the place of one at a broker."""
    text = text or source_of("standing-vehicle").text
    over_udp = f"dut:\n  udp: {{hears: 127.0.0.1:{hears}, says: 127.0.0.1:{says}}}\n  ready_s: 20\n  silent_s: 6\n{more}"
    assert "dut:\n  mqtt: {}\n" in text
    file = directory / "scenario.yaml"
    file.write_text(text.replace("dut:\n  mqtt: {}\n", over_udp))
    return str(file)


def judged(directory: Path, fault: str, more: str = "", *, is_there: bool = True, text: str = "") -> tuple[int, dict[str, Any]]:
    """Exit code and verdict of one run with this device; one that the machine could not keep up with is run again."""
    for attempt in range(4):
        hears, says = free_udp(), free_udp()
        evidence = directory / str(attempt)
        with device(fault, hears, says):
            given = scenario(directory, hears, says, more, text)
            options = Options(given, is_in_the_loop=True, output=evidence)
            code = command(options, Console(file=io.StringIO()))
        verdict = json.loads((evidence / "verdict.json").read_text())
        titles = [one["title"] for one in verdict["validity"]]
        validity = dict(zip(titles, (one["verdict"] for one in verdict["each"][0]["validity"]), strict=True))
        there, lag = validity.get("the device under test is there", PASS), validity["the rig keeps up"]
        is_late = FAIL in answered_at_once(verdict)
        if (lag == PASS or not is_there) and (there == PASS) == is_there and (fault == "late" or not is_late):
            return code, verdict
    pytest.fail("the machine never kept up")


def answered_at_once(document: dict[str, Any]) -> list[str]:
    """Verdicts on its quickness: who is not slow on purpose had no time of the machine, which the rig's own lag does not tell."""
    titles = [one["title"] for one in document["requirements"]]
    return [verdict for title, verdict in zip(titles, verdicts(document), strict=True) if title == "warned at once"]


def free_udp() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def verdicts(document: dict[str, Any]) -> list[str]:
    return [one["verdict"] for one in document["each"][0]["requirements"]]


@pytest.mark.parametrize(
    ("fault", "code", "wanted"),
    [
        ("none", 0, [PASS, PASS, PASS, PASS, PASS]),
        ("late", 1, [FAIL, PASS, FAIL, PASS, PASS]),
        ("missing", 1, [FAIL, PASS, SKIPPED, PASS, PASS]),
        ("false", 1, [PASS, FAIL, PASS, PASS, PASS]),
        ("stranger", 1, [PASS, PASS, PASS, PASS, FAIL]),
        ("rubbish", 1, [PASS, PASS, PASS, FAIL, PASS]),
    ],
)
def test_a_device_gets_the_verdicts_that_it_deserves(tmp_path: Path, fault: str, code: int, wanted: list[str]) -> None:
    exit_code, document = judged(tmp_path, fault)
    assert (verdicts(document), exit_code) == (wanted, code), document["each"][0]


@pytest.mark.parametrize("fault", ["dies", "hangs", "refuses"])
def test_a_device_that_is_not_there_to_the_end_is_an_error_with_evidence(tmp_path: Path, fault: str) -> None:
    exit_code, document = judged(tmp_path, fault, is_there=False)
    assert (verdicts(document), exit_code) == ([ERROR] * 5, 3), document["each"][0]
    assert "the device under test is there" in document["each"][0]["requirements"][0]["reason"]
    assert (tmp_path / "0" / "report.html").exists()


def test_a_device_that_dies_fails_where_the_scenario_says_that_it_may_not(tmp_path: Path) -> None:
    exit_code, document = judged(tmp_path, "dies", "  when_away: fail\n")
    assert (verdicts(document)[-1], exit_code) == (FAIL, 1), document["each"][0]


@pytest.mark.parametrize(("fault", "code", "verdict"), [("none", 0, PASS), ("missing", 1, FAIL)])
def test_a_device_hears_background_traffic_and_has_to_warn_of_it(tmp_path: Path, fault: str, code: int, verdict: str) -> None:
    """The one that it stands for does not look, and drives into what is slower ahead."""
    if find_spec("libsumo") is None:
        pytest.skip("libsumo is not installed (extra sumo)")
    copytree(TEMPLATES / "roads", tmp_path / "roads")
    text, _, _ = source_of("in-traffic").text.partition("requirements:")
    for old, new in TRAFFIC.items():
        assert old in text
        text = text.replace(old, new)
    owed = "requirements: [{metric: missed_warnings, of: ego, below_s: 2, equals: 0}]\n"
    exit_code, document = judged(tmp_path, fault, text=f"{text}dut:\n  mqtt: {{}}\n{owed}")
    assert verdicts(document) == [verdict, PASS, PASS], document["each"][0]
    assert exit_code == code


@pytest.mark.parametrize(("fault", "code", "verdict"), [("none", 0, PASS), ("missing", 1, FAIL)])
def test_a_suite_is_driven_with_a_device_for_whose_warnings_its_drivers_wait(
    tmp_path: Path, fault: str, code: int, verdict: str
) -> None:
    """A driver who brakes 1.2 s after the warning keeps off the vehicle ahead; one who is not warned does not."""
    suite, hears, says = suite_in(tmp_path), free_udp(), free_udp()
    dut = tmp_path / "dut.yaml"
    dut.write_text(f'udp: {{hears: "127.0.0.1:{hears}", says: "127.0.0.1:{says}"}}\nready_s: 20\nsilent_s: 6\n')
    for attempt in range(4):
        request = Request(mode="loop", dut=dut, output=tmp_path / str(attempt))
        with device(fault, hears, says):
            found = run_suite([str(suite)], request, Console(file=io.StringIO()))
        document = json.loads((tmp_path / str(attempt) / "tried" / "ccrs-stops" / "verdict.json").read_text())
        if all(one["verdict"] == PASS for one in document["each"][0]["validity"]):
            break
    assert (verdicts(document)[0], found) == (verdict, code), document["each"][0]
    assert document["header"]["under_test"] == f"ego, a device at 127.0.0.1:{hears}"


def suite_in(directory: Path) -> Path:
    """One scenario that ships, at one speed, and a search for which there is no time."""
    (directory / "tried").mkdir()
    copy(SUITES / "ncap" / "ccrs.yaml", directory / "tried")
    file = directory / "tried.yaml"
    turns = "turns: {along: ego_kmh, low: 30, high: 80}"
    items = f"items: [{{scenario: ccrs, name: stops, set: {{ego_kmh: 40}}}}, {{scenario: ccrs, name: turn, {turns}}}]"
    file.write_text(f"suite: tried\ntitle: Tried\nabout: One scenario.\ndevice: applications\n{items}\n")
    return file


def test_nobody_is_waited_for_once_and_then_named(tmp_path: Path) -> None:
    file = Path(scenario(tmp_path, free_udp(), free_udp()))
    file.write_text(file.read_text().replace("ready_s: 20", "ready_s: 0.5"))
    said = io.StringIO()
    options = Options(str(file), is_in_the_loop=True, repeats=3, output=tmp_path / "evidence")
    assert command(options, Console(file=said, width=200)) == 3
    assert said.getvalue().count("did not answer within 0.5 s") == 1
    assert json.loads((tmp_path / "evidence" / "verdict.json").read_text())["outcomes"] == {
        PASS: 0, SKIPPED: 0, FAIL: 0, ERROR: 3
    }  # fmt: skip


def test_a_run_that_is_interrupted_keeps_what_it_has_with_the_reason(tmp_path: Path) -> None:
    hears, says = free_udp(), free_udp()
    with device("interrupts", hears, says):
        options = Options(scenario(tmp_path, hears, says), is_in_the_loop=True, output=tmp_path / "evidence", repeats=2)
        code = command(options, Console(file=io.StringIO()))
    document = json.loads((tmp_path / "evidence" / "verdict.json").read_text())
    assert (code, document["outcomes"][ERROR]) == (3, 2)
    assert document["each"][0]["validity"][0]["reason"] == "interrupted"
    assert "the run is driven to its end: interrupted" in document["each"][0]["requirements"][0]["reason"]
    assert (tmp_path / "evidence" / "report.html").exists()


def test_what_the_radio_loses_and_delays_is_lost_and_late(tmp_path: Path) -> None:
    radio = "radio: {latency_s: 0.3, loss: 0.4, rate_hz: 5}\n"
    metrics = """requirements:
  - {name: some, metric: message_loss, of: ahead, at_least: 0.2, at_most: 0.6}
  - {name: late, metric: latency_s, of: ahead, quantile: 0.1, at_least: 0.3, at_most: 0.5}
  - {name: old, metric: age_of_information_s, of: ahead, from: 3, at_least: 0.29}
"""
    for _ in range(4):
        hears, says = free_udp(), free_udp()
        file = Path(scenario(tmp_path, hears, says))
        text = file.read_text()
        assert "requirements:\n" in text
        file.write_text(text.replace("requirements:\n", metrics) + radio)
        with device("none", hears, says):
            options = Options(str(file), is_in_the_loop=True, output=tmp_path / "evidence")
            command(options, Console(file=io.StringIO()))
        document = json.loads((tmp_path / "evidence" / "verdict.json").read_text())
        if document["each"][0]["validity"][-1]["verdict"] == PASS:
            break
    assert verdicts(document)[:3] == [PASS, PASS, PASS], document["each"][0]


def test_whoever_has_no_radio_is_seen_by_the_roadside_only(tmp_path: Path) -> None:
    for _ in range(4):
        hears, says = free_udp(), free_udp()
        file = Path(scenario(tmp_path, hears, says))
        file.write_text(file.read_text() + "radio: {penetration: 0}\n")
        with device("none", hears, says):
            options = Options(str(file), is_in_the_loop=True, output=tmp_path / "evidence")
            command(options, Console(file=io.StringIO()))
        document = json.loads((tmp_path / "evidence" / "verdict.json").read_text())
        if document["each"][0]["validity"][-1]["verdict"] == PASS:
            break
    assert verdicts(document)[WARNED] == FAIL, "the example hears no RSM, and so nobody"
