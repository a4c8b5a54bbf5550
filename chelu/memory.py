"""What a process does with memory that it has freed: keeps it, for work on large arrays, or gives it back, for one that runs on.

A page that is touched for the first time costs half a microsecond to three; glibc gives arrays of some megabytes back as soon as
they are freed, so that the next of the same size pays for all of its pages again (docs/performance.md has what that comes to).
Both hold for the whole process and all of its threads from when they are called on, and do nothing without glibc.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # mallopt(3)
KEPT_BYTES = 1 << 30  # of free memory at the end of the heap
ARRAY_BYTES = 32 * 1024 * 1024  # the most that glibc takes: larger pieces are the system's own, and go back to it
LARGE_BYTES = 256 * 1024


def keep() -> None:
    """Keep what is freed for what comes next. For work that ends: a process never becomes smaller than it once was."""
    _set((M_ARENA_MAX, 1), (M_TRIM_THRESHOLD, KEPT_BYTES), (M_MMAP_THRESHOLD, ARRAY_BYTES))  # threads share one heap


def give_back() -> None:
    """Give pieces of `LARGE_BYTES` and more back when they are freed, and at once what was left behind until now."""
    _set((M_MMAP_THRESHOLD, LARGE_BYTES))
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def _set(*options: tuple[int, int]) -> None:
    if (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)) is not None:
        for option, value in options:
            mallopt(option, value)
