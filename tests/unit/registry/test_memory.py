"""What the registry's process no longer needs it gives back: asked of a process of its own, since it holds for all of one."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import psutil, pyarrow as pa
from services.registry.memory import give_back

give_back()
for megabytes in (1, 4, 16):  # glibc's own rule: after one of 16 was freed, smaller ones are kept
    bytearray(megabytes * 2**20)
before = psutil.Process().memory_info().rss
kept = []
for _ in range(20):
    large, small = bytearray(2**20), bytes(1000)
    kept.append(small)
    del large
print(pa.default_memory_pool().backend_name, (psutil.Process().memory_info().rss - before) // 2**20)
"""


def test_large_pieces_are_given_back_and_arrow_keeps_none() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "system 0\n"
