"""mosquitto from the distribution's own packages, fetched and unpacked into a directory without being root or installing.

apt checks the packages' signatures; about 1 MB. Where apt has no package lists (a fresh container), lists of our own are fetched.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from chelu.errors import CannotStartError

PACKAGE = "mosquitto"
DEPTH = 3  # mosquitto → its libraries → theirs
TIMEOUT_S = 180

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A program below an unpacked tree, and the variables it needs to find its libraries there."""

    executable: Path
    environment: dict[str, str]


def mosquitto(directory: Path) -> Unpacked:
    """The mosquitto unpacked below `directory`, fetched unless it is there; CannotStartError when apt cannot deliver it."""
    tree = directory / PACKAGE
    with _locked(directory):
        if not (tree / "usr/sbin/mosquitto").exists():
            log.info("fetching %s's packages into %s", PACKAGE, directory)
            _fetch(directory, tree)
    return _describe(tree)


def missing_libraries(ldd: str) -> list[str]:
    """The shared objects that `ldd`'s output says are not found."""
    return re.findall(r"^\s*(\S+) => not found", ldd, re.MULTILINE)


def library_packages(depends: str) -> list[str]:
    """The packages with shared libraries that ``apt-cache depends`` names, alternatives included, libc apart."""
    names = re.findall(r"^\s*\|?(?:Pre)?Depends: (lib[^\s<>]+)$", depends, re.MULTILINE)
    return [name for name in dict.fromkeys(names) if name != "libc6"]


class _locked:  # noqa: N801 - reads as a verb in `with`
    """One process at a time fetches into a directory; the lock goes with the process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._file = (self._directory / "lock").open("w")
        except OSError as error:
            raise CannotStartError(
                f"{self._directory} cannot be written to ({error.strerror})", "make room or change its owner"
            ) from None
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _fetch(directory: Path, tree: Path) -> None:
    work = directory / "unpacking"
    shutil.rmtree(work, ignore_errors=True)
    (work / "tree").mkdir(parents=True)
    options = _download(directory, work, [PACKAGE], [])
    known = [PACKAGE]
    for _ in range(DEPTH):
        if not _missing(work / "tree"):
            break
        depends = "".join(_run(["apt-cache", *options, "depends", name], work) for name in known)
        known = [name for name in library_packages(depends) if not _is_installed(name)]
        _download(directory, work, known, options)
    if missing := _missing(work / "tree"):
        raise CannotStartError(
            f"mosquitto's packages lack {', '.join(missing)}", "install mosquitto with: sudo apt install mosquitto"
        )
    shutil.rmtree(tree, ignore_errors=True)
    (work / "tree").rename(tree)
    shutil.rmtree(work, ignore_errors=True)


def _download(directory: Path, work: Path, names: list[str], options: list[str]) -> list[str]:
    """Fetch and unpack packages; returns the apt options that worked."""
    try:
        _run(["apt-get", *options, "download", *names], work)
    except CannotStartError:
        if options:
            raise
        options = _own_lists(directory / "apt")
        _run(["apt-get", *options, "update"], work)
        _run(["apt-get", *options, "download", *names], work)
    for package in work.glob("*.deb"):
        _run(["dpkg", "-x", package.name, "tree"], work)
        package.unlink()
    return options


def _own_lists(directory: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    pairs = {
        "Dir::State::lists": directory / "lists",
        "Dir::Cache": directory / "cache",
        "Debug::NoLocking": 1,
        "APT::Sandbox::User": "root",
    }
    return [word for name, value in pairs.items() for word in ("-o", f"{name}={value}")]


def _missing(tree: Path) -> list[str]:
    unpacked = _describe(tree)
    return missing_libraries(_run(["ldd", str(unpacked.executable)], tree, unpacked.environment))


def _describe(tree: Path) -> Unpacked:
    directories = sorted(
        {str(path.parent) for pattern in ("usr/lib/*/lib*.so*", "lib/*/lib*.so*") for path in tree.glob(pattern)}
    )
    return Unpacked(tree / "usr/sbin/mosquitto", {"LD_LIBRARY_PATH": os.pathsep.join(directories)} if directories else {})


def _is_installed(name: str) -> bool:
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", name], capture_output=True, text=True, check=False)  # noqa: S603, S607
    return "ok installed" in done.stdout


def _run(command: list[str], directory: Path, environment: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the command is ours
            command,
            cwd=directory,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotStartError(f"{command[0]} cannot be run ({error})", "install mosquitto and put it on the PATH") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CannotStartError(f"{command[0]} could not deliver mosquitto ({last})", "install mosquitto and put it on the PATH")
    return done.stdout
