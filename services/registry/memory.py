"""Lets the registry's process give memory back: an export's pages are some megabytes each, come and go, and would leave holes.

Arrow's own pool keeps what it has had, and glibc stops giving large pieces back once some were freed: 31 MiB of 54 that an export
as Parquet took beside the registry itself.
"""

from __future__ import annotations

import pyarrow as pa

from chelu import memory


def give_back() -> None:
    """From now on, and what making the application left behind at once; without glibc as far as that goes."""
    pa.set_memory_pool(pa.system_memory_pool())
    memory.give_back()
