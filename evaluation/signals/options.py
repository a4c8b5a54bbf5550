"""Options that are lists, read from their text."""

from __future__ import annotations

from chelu.errors import ConfigurationError
from services.inference.city.signals.catalogue import CONTROLLERS

MOST_SEEDS = 1000


def seeds_of(text: str) -> tuple[int, ...]:
    """`5` is 1 to 5, `3,4,9` those three, `7,` the one."""
    wanted = f"a number of seeds from 1 to {MOST_SEEDS}, or seeds from 0 by commas"
    try:
        found = tuple(int(one) for one in text.split(",") if one.strip())
    except ValueError:
        raise ConfigurationError("--seeds", text, wanted) from None
    if not found or min(found) < 0 or len(set(found)) < len(found):
        raise ConfigurationError("--seeds", text, wanted)
    if "," in text:
        return found
    if not 1 <= found[0] <= MOST_SEEDS:
        raise ConfigurationError("--seeds", text, wanted)
    return tuple(range(1, found[0] + 1))


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Shares above 0, by commas."""
    wanted = "numbers above 0 and up to 10, by commas"
    try:
        found = tuple(float(one) for one in text.split(",") if one.strip())
    except ValueError:
        raise ConfigurationError(option, text, wanted) from None
    if not found or not all(0 < one <= 10 for one in found):
        raise ConfigurationError(option, text, wanted)
    return found


def names(text: str) -> tuple[str, ...]:
    """Controllers by commas; all of them without a word."""
    return tuple(one.strip() for one in text.split(",") if one.strip()) or tuple(CONTROLLERS)
