"""Makes the native library; called when Chelu is installed (hatch_build.py). Imports nothing but the standard library."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from chelu.native import library_name, sources

FLAGS = ("-std=c11", "-O3", "-Wall", "-Wextra", "-Wpedantic", "-fPIC", "-shared", "-D_POSIX_C_SOURCE=200809L")
COMPILERS = ("cc", "gcc", "clang")


def compiler() -> list[str] | None:
    """The command of this machine's C compiler: $CC, else the first that is there."""
    if asked := os.environ.get("CC"):
        return shlex.split(asked)
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    return [found] if found else None


def build(directory: Path) -> Path | None:
    """Make the library in `directory` unless it is there already; None when this machine cannot."""
    path = directory / library_name()
    command = compiler()
    if path.is_file() or command is None:
        return path if path.is_file() else None
    with tempfile.TemporaryDirectory(dir=directory, prefix=".build-") as name:
        made = Path(name) / path.name
        if trouble := compiled(command, made):
            print(f"chelu: no native code, numpy will do its work: {trouble}")
            return None
        made.replace(path)  # at once: a process that loads it meanwhile sees all of it or nothing
    for old in directory.glob("chelu-*.so"):
        if old != path:
            old.unlink()
    return path


def compiled(command: list[str], path: Path, *flags: str) -> str:
    """Compile into this file; answers what went wrong, empty if nothing."""
    try:
        done = subprocess.run(  # noqa: S603 - the machine's own compiler
            [*command, *FLAGS, *flags, "-o", str(path), *map(str, sources()), "-lm"], capture_output=True, text=True, check=False
        )
    except OSError as error:
        return f"{shlex.join(command)}: {error.strerror}"
    return f"{shlex.join(command)}: {done.stderr.strip() or f'exit code {done.returncode}'}" if done.returncode else ""
