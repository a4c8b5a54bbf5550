"""Processor time and memory are counted with those of children, also of children that have ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from evaluation.bench.processes import usage, watched
from tests.waiting import until

WORK = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORK!r}]); kept = bytearray(40 << 20); sys.stdin.read()"


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_what_a_child_used_and_the_parent_holds_is_counted(parent: subprocess.Popen[bytes]) -> None:
    with watched({"parent": parent.pid}, 0.05) as watch:
        until(lambda: usage(parent.pid).rss_mb > 40, 20, "the parent to hold memory")
    assert 0.3 <= watch.cpu_s()["parent"] < 2
    assert watch.rss_mb()["parent"][-1] > 40
    assert len(watch.times_s()) == len(watch.rss_mb()["parent"]) >= 2


def test_a_process_that_is_gone_counts_nothing(parent: subprocess.Popen[bytes]) -> None:
    parent.kill()
    parent.wait()
    assert usage(parent.pid).rss_mb == 0
