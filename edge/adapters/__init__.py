"""Real sources: each module turns one kind of input into frames and hands them to the agent."""

from __future__ import annotations

from chelu.clock import Clock
from edge.adapters.frames import UdpFrames
from edge.adapters.gnss import Gnss
from edge.adapters.objects import ObjectLists
from edge.adapters.source import Ears, Household, Source
from edge.settings import FrameSource, GnssSource, ObjectSource
from edge.vehicles.server import VehicleGateway

__all__ = ["Ears", "Source", "build"]


def build(ears: Household, clock: Clock) -> list[Source]:
    """The sources of the agent's settings; raises CannotStartError for an address that cannot be listened on."""
    sources: list[Source] = []
    for table in ears.settings.sources:
        if isinstance(table, FrameSource):
            sources.append(UdpFrames(table, ears, clock))
        elif isinstance(table, ObjectSource):
            sources.append(ObjectLists(table, ears, clock))
        elif isinstance(table, GnssSource):
            sources.append(Gnss(table, ears, clock))
        elif ears.children is not None:
            sources.append(VehicleGateway(table, ears.children, ears.tally, clock))
    return sources
