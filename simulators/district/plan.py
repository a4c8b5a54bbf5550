"""The district's plan: streets, expressways and ramps put together, ready for netconvert."""

from __future__ import annotations

from simulators.district.expressways import carriageways, ramps
from simulators.district.plain import Plain
from simulators.district.streets import grid


def district() -> Plain:
    """The whole network, ready for netconvert."""
    plain = Plain()
    grid(plain)
    carriageways(plain)
    ramps(plain)
    return plain
