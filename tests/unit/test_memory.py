"""Memory that is kept or given back: asked of processes of their own, since it holds for all of one."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource
import threading
from chelu import memory

def touched(bytes_each):  # pages anew, of ten arrays one after the other
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        bytearray(bytes_each)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

memory.{function}()
touched(8 << 20)  # the first finds none that were there before
found = [touched(8 << 20)]
thread = threading.Thread(target=lambda: found.append(touched(8 << 20)))
thread.start(), thread.join()
print(*found)
"""
PAGES = 10 * (8 << 20) // 4096


def touched(function: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(function=function)], capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_what_is_kept_is_not_touched_anew_by_any_thread() -> None:
    assert max(touched("keep")) < PAGES // 20


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_what_is_given_back_is_touched_anew() -> None:
    assert min(touched("give_back")) >= PAGES
