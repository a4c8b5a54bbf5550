"""The native library, made of this source whatever is installed; tests that need it are skipped where there is no C compiler."""

from __future__ import annotations

import ctypes

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
