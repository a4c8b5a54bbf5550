"""Many simulated agents in one process: their end."""

from __future__ import annotations

import threading
from pathlib import Path

from chelu.clock import SystemClock
from simulators.agents.fetching import Packages
from simulators.agents.fleet import Fleet


class Watched(Packages):
    """Packages that know whether agents could still ask for one when they were closed."""

    can_be_asked: bool | None = None

    def close(self) -> None:
        self.can_be_asked = is_there()
        super().close()


def is_there() -> bool:
    return any(thread.name == "agents" for thread in threading.enumerate())


def test_packages_are_closed_when_no_agent_can_ask_for_one_any_more(tmp_path: Path) -> None:
    packages = Watched(tmp_path, {})
    with Fleet([], [], SystemClock(), packages):
        assert is_there()
    assert packages.can_be_asked is False
