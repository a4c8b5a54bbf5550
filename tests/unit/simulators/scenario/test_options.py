"""Options that would have no effect are refused, and exit codes tell what could not be run from what failed."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from chelu.clock import SystemClock
from chelu.errors import CannotStartError, CheluError, ConfigurationError, MissingExtraError, UnreachableError
from simulators.scenario.chunks import WorkerLostError
from simulators.scenario.cli import app
from simulators.scenario.cli_codes import Coded, code_of
from simulators.scenario.dut.links import UdpLink
from simulators.scenario.verdict import worst_code


def said(*arguments: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert code_of(caught.value) == 2
    return caught.value


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "cut-in", "--through-platform", "--device", "applications"],
        ["run", "cut-in", "--in-the-loop", "--workers", "2"],
        ["run", "cut-in", "--through-platform", "--shard", "0/2"],
        ["run", "cut-in", "--replay", "track.csv", "--device", "applications"],
        ["run", "cut-in", "--actor", "ego=bus-1"],
        ["run", "cut-in", "--track", "track.json"],
        ["run", "cut-in", "--start", "3"],
        ["run", "cut-in", "--origin", "29.5,106.5"],
        ["run", "cut-in", "--build", "2.1"],
        ["run", "cut-in", "--site", "hillside"],
        ["run", "cut-in", "--data", "somewhere"],
        ["run", "cut-in", "--count", "20"],
        ["run", "cut-in", "--seed", "7", "--design", "grid"],
        ["boundary", "cut-in", "--along", "gap_m", "--set", "gap_m=5"],
        ["suite", "run", "r157", "--device", "applications"],
        ["suite", "run", "robot", "--build", "2.1"],
        ["import", "x.xosc", "--json", "all.json"],
        ["import", "x.xosc", "--report", "--output", "somewhere"],
        ["runs", "--verdict", "fail", "show", "3"],
    ],
    ids=" ".join,
)
def test_an_option_without_effect_is_refused(arguments: list[str]) -> None:
    error = said(*arguments)
    assert error.key in arguments
    assert "go" in error.allowed or "another parameter" in error.allowed or "says itself" in error.allowed


def test_a_misspelt_name_is_told_with_the_nearest() -> None:
    assert "nearest: cut-in" in said("run", "cut-inn").allowed
    assert "nearest: ego_kmh" in said("run", "cut-in", "--set", "ego_kph=5").allowed
    assert "nearest: mountain" in said("suite", "run", "mountains").allowed


def test_a_case_that_cannot_be_is_refused_with_the_line() -> None:
    with pytest.raises(
        CheluError, match=r"cut-in:\d+: actors.other.start.speed_kmh = 'other_kmh': 0 to 400, and not -5"
    ) as caught:
        CliRunner().invoke(app, ["run", "cut-in", "--set", "other_kmh=-5"], catch_exceptions=False)
    assert code_of(caught.value) == 2


def test_the_rig_s_failures_are_not_what_is_tested() -> None:
    assert code_of(UnreachableError("broker", "localhost:1", "refused")) == 3
    assert code_of(CannotStartError("no broker", "start one")) == 3
    assert code_of(WorkerLostError(3, 3)) == 3
    assert code_of(MissingExtraError("ray", "ray")) == 2
    assert code_of(CheluError("anything")) == 2
    assert [worst_code(codes) for codes in ([0, 1, 4], [0, 4], [3, 1], [])] == [1, 4, 3, 0]


def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        says = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotStartError, match=f"dut.udp.says = {says} cannot be listened on") as caught:
            UdpLink("127.0.0.1:9", says, SystemClock())
    assert code_of(caught.value) == 3


def test_a_fault_of_the_program_is_an_error_and_not_a_fail() -> None:
    broken = typer.Typer(cls=Coded)

    @broken.command()
    def breaks() -> None:
        raise ZeroDivisionError("a fault")

    @broken.command()
    def fills() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(Path("/out")))

    found = CliRunner().invoke(broken, ["breaks"])
    assert found.exit_code == 3
    assert "ZeroDivisionError: a fault" in found.stderr
    with pytest.raises(CannotStartError, match="/out cannot be used") as caught:
        CliRunner().invoke(broken, ["fills"], catch_exceptions=False)
    assert caught.value.exit_code == 3
