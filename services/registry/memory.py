"""Lets the registry's process give memory back: an export's pages are some megabytes each, come and go, and would leave holes.

Arrow's own pool keeps what it has had, and glibc stops giving large pieces back once some were freed: 31 MiB of 54 that an export
as Parquet took beside the registry itself.
"""

from __future__ import annotations

import ctypes

import pyarrow as pa

M_MMAP_THRESHOLD = -3  # mallopt(3)
LARGE_BYTES = 256 * 1024  # pieces of this size and more are the system's again when they are freed


def give_back() -> None:
    """From now on, and what making the application left behind at once; without glibc as far as that goes."""
    pa.set_memory_pool(pa.system_memory_pool())
    library = ctypes.CDLL(None)
    if (mallopt := getattr(library, "mallopt", None)) is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        library.malloc_trim(0)
