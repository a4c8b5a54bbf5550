"""What a fuzz target's reader must do, said as a sentence."""

from __future__ import annotations


def must(truth: bool, what: str) -> None:  # noqa: FBT001 - reads like assert, and stays under -O
    """AssertionError with the sentence when it is not so."""
    if not truth:
        raise AssertionError(what)
