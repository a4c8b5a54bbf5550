"""Scenario tests through the platform: actors speak over a real broker, and what they are told decides."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.e2e.conftest import Running

ERROR = 3  # the rig did not keep up: no verdict
TRIES = 4


def valid(running: Running, *arguments: str) -> CompletedProcess[str]:
    """A run that the machine kept up with: one that it did not is an error, and says nothing about what is tested."""
    for _ in range(TRIES):
        done = running.chelu("scenario", "run", *arguments, "--through-platform")
        if done.returncode != ERROR:
            return done
        assert "the rig keeps up" in done.stdout, done.stdout + done.stderr
    pytest.fail(f"no valid run in {TRIES}: {done.stdout}")


@pytest.mark.parametrize("scenario", ["collision", "decks", "green-light", "red-light-violation"])
def test_who_must_be_warned_is_and_nobody_else(running: Running, scenario: str) -> None:
    done = valid(running, scenario)
    assert f"{scenario}: pass" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0


def test_each_case_is_judged_by_itself(running: Running) -> None:
    done = valid(running, "collision", "--design", "grid", "--set", "apart_s=0,3", "--set", "ego_kmh=50", "--set", "other_kmh=40")
    assert "pass 1 skipped 1" in done.stdout, done.stdout + done.stderr  # three seconds apart they miss one another: none is owed


def test_a_scenario_without_a_site_says_what_to_start(running: Running, tmp_path: Path) -> None:
    done = running.chelu("scenario", "run", "collision", "--through-platform", "--data", str(tmp_path / "nowhere"))
    assert done.returncode == ERROR
    assert "chelu up" in done.stderr
