"""What is wrong with a simulated agent, and which of many have it. Pure: the seed decides."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import numpy as np

from chelu.errors import ConfigurationError


class Trait(enum.StrEnum):
    """Each agent has one."""

    HONEST = "honest"
    LOSSY = "lossy"  # of what it is told and of what it says, three in ten are lost
    SILENT = "silent"  # it hears, and never answers
    STRAY = "stray"  # it answers what it was never sent, beside what it was
    DOUBLE = "double"  # it says everything twice, the second time the contrary
    LATE = "late"  # it answers after the time is over
    LIAR = "liar"  # it says that it is done, and is not
    PRETENDER = "pretender"  # it says so of a package too, version and all, and has not fetched it
    FULL = "full"  # its disk has no room


def read_faults(texts: Sequence[str]) -> dict[Trait, float]:
    """``lossy=0.05`` …: shares of the agents; ConfigurationError naming ``--fault``."""
    found: dict[Trait, float] = {}
    for text in texts:
        name, _, share = text.partition("=")
        try:
            found[Trait(name)] = float(share)
        except ValueError:
            allowed = f"NAME=SHARE, NAME one of {', '.join(it for it in Trait if it is not Trait.HONEST)}"
            raise ConfigurationError("--fault", text, allowed) from None
    if not all(0 <= share <= 1 for share in found.values()) or sum(found.values()) > 1:
        raise ConfigurationError("--fault", " ".join(texts), "shares of 0 … 1, together at most 1")
    return found


def spread(count: int, shares: Mapping[Trait, float], seed: int) -> list[Trait]:
    """The trait of each of `count` agents; the same for the same seed."""
    traits = [trait for trait, share in shares.items() for _ in range(round(share * count))][:count]
    traits += [Trait.HONEST] * (count - len(traits))
    order = np.random.default_rng([seed, 11]).permutation(count)
    return [traits[place] for place in order.tolist()]
