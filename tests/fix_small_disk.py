"""A disk so small that it is really full soon: a tmpfs of one megabyte, where we may mount one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SIZE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """`fill` it to the last byte, `free` it again."""

    path: Path

    def fill(self, *, leave_bytes: int = 0) -> None:
        """Take all the room but `leave_bytes`, in whole pages."""
        room = shutil.disk_usage(self.path).free - leave_bytes
        with (self.path / "ballast").open("ab", buffering=0) as ballast:
            ballast.write(bytes(max(0, room)))

    def free(self) -> None:
        """Give back what `fill` took."""
        (self.path / "ballast").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Skips where mounting is not allowed."""
    path = tmp_path / "small-disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(path)]
    if not shutil.which("mount") or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield SmallDisk(path)
    subprocess.run(["umount", "-l", str(path)], check=True)
