"""What a source is, and which one a table of the configuration asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edge.routing import Heard
from edge.settings import EdgeSettings, Position
from edge.tally import Tally
from edge.vehicles.children import Children


class Ears(Protocol):
    """Who listens to sources: the agent. Called from the sources' threads."""

    settings: EdgeSettings
    tally: Tally
    device_id: bytes
    position: Position | None

    def hear(self, heard: Sequence[Heard]) -> int:
        """Take frames; never waits. Returns how many were taken; the others were counted."""


class Household(Ears, Protocol):
    """The agent of a device that may have children."""

    children: Children | None


class Source(Protocol):
    """Started and stopped by whoever runs the agent."""

    def start(self) -> None: ...

    def stop(self) -> None:
        """End its thread; harmless when it was never started."""
