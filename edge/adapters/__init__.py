"""Real sources: each module turns one kind of input into frames and hands them to the agent."""

from __future__ import annotations

from chelu.clock import Clock
from edge.adapters.frames import UdpFrames
from edge.adapters.gnss import Gnss
from edge.adapters.objects import ObjectLists
from edge.adapters.source import Ears, Source
from edge.settings import FrameSource, ObjectSource

__all__ = ["Ears", "Source", "build"]


def build(ears: Ears, clock: Clock) -> list[Source]:
    """The sources of the agent's settings; raises CannotStartError for an address that cannot be listened on."""
    sources: list[Source] = []
    for table in ears.settings.sources:
        if isinstance(table, FrameSource):
            sources.append(UdpFrames(table, ears, clock))
        elif isinstance(table, ObjectSource):
            sources.append(ObjectLists(table, ears, clock))
        else:
            sources.append(Gnss(table, ears, clock))
    return sources
