"""Where a command writes what it found: seen to be writable before minutes are spent on what could not be kept."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from chelu.errors import ConfigurationError


def check_writable(paths: Mapping[str, Path | None]) -> None:
    """ConfigurationError, naming the option, for the first path that cannot be written to. What is there stays as it is."""
    for option, path in paths.items():
        if path is not None:
            _check(option, path)


def _check(option: str, path: Path) -> None:
    is_new = not path.exists()
    try:
        with path.open("ab"):
            pass
        if is_new:
            with contextlib.suppress(OSError):  # a device or somebody quicker: nothing to take back
                path.unlink()
    except OSError as error:
        raise ConfigurationError(option, str(path), f"it cannot be written ({error.strerror})") from None
