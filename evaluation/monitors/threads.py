"""The monitors' work on several threads: it is numpy's, eight parts of nine without the interpreter's lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from chelu.quality.monitors.window import Begin, Result, at_once


@contextlib.contextmanager
def together(threads: int) -> Iterator[Begin]:
    """Who begins parts of the work on so many threads; their results are the same on any number."""
    if threads == 1:
        yield at_once
        return

    def begin(part: Callable[[], Result], /) -> Callable[[], Result]:
        return pool.submit(part).result

    with ThreadPoolExecutor(threads) as pool:
        yield begin
