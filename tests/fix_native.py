"""The native library, made of these sources whatever is installed; without a C compiler its tests are skipped."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
import numpy.typing as npt
import pytest

from chelu import native
from chelu.native import build


@pytest.fixture(scope="session")
def native_code(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    command = build.compiler()
    if command is None:
        pytest.skip("this machine has no C compiler")
    path = tmp_path_factory.mktemp("native") / native.library_name()
    assert build.compiled(command, path, "-Werror") == ""
    return native.opened(path)


@pytest.fixture(scope="session")
def last_memory() -> npt.NDArray[np.uint8]:
    """Memory behind which there is none: to read a byte too many kills the process."""
    memory = mmap.mmap(-1, 3 * mmap.PAGESIZE)
    whole = np.frombuffer(memory, np.uint8)
    address = whole.__array_interface__["data"][0] + 2 * mmap.PAGESIZE
    assert ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(address), mmap.PAGESIZE, 0) == 0
    return whole[: 2 * mmap.PAGESIZE]
