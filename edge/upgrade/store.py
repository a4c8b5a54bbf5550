"""Packages on the device's disk: what is installed, what was before it, and switching between them.

``DIRECTORY/NAME/VERSION`` is a package's file, ``DIRECTORY/NAME/current`` a symbolic link to the one in use, ``installed.json``
says which that is and which it took the place of. A power cut leaves the one or the other in use, never none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chelu.spool.files import sync_directory
from edge import state_file
from edge.upgrade.order import Upgrade, UpgradeError

INSTALLED, PARTS, CURRENT = "installed.json", "parts", "current"
CHUNK = 1 << 20
SPARE_BYTES = 1 << 16  # of the disk, left for the agent's own small files


class Store:
    """For one thread. factory: versions of what the device had before anything was installed."""

    def __init__(self, directory: Path, factory: Mapping[str, str]) -> None:
        self._directory, self._factory = directory, factory

    def versions(self) -> dict[str, str]:
        """What is in use, by name."""
        return {**self._factory, **{name: str(it["version"]) for name, it in self._installed().items()}}

    def path(self, name: str, version: str) -> Path:
        """Where a version's file is, or would be."""
        return self._directory / name / version

    def part(self, upgrade: Upgrade) -> Path:
        """Where what has been fetched of it is; other parts are given up, and so is all that is neither in use nor was before."""
        folder = self._directory / PARTS
        folder.mkdir(parents=True, exist_ok=True)
        mine = folder / upgrade.sha256
        for other in folder.iterdir():
            if other != mine:
                other.unlink()
        return mine

    def check_room(self, upgrade: Upgrade) -> None:
        """Raise UpgradeError when the disk cannot take the rest of it."""
        part = self.part(upgrade)
        needed = upgrade.size - (part.stat().st_size if part.exists() else 0)
        free = shutil.disk_usage(self._directory).free
        if needed + SPARE_BYTES > free:
            raise UpgradeError(f"no room: {needed} bytes are needed and {free} are free")

    def check_whole(self, upgrade: Upgrade) -> None:
        """Raise UpgradeError, and give the part up, unless its SHA-256 is the one that was signed."""
        part, digest = self.part(upgrade), hashlib.sha256()
        with part.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != upgrade.sha256:
            part.unlink()
            raise UpgradeError(f"its SHA-256 is {digest.hexdigest()[:16]}…, not {upgrade.sha256[:16]}…")

    def install(self, upgrade: Upgrade) -> None:
        """Put the whole part in place and into use."""
        target = self.path(upgrade.name, upgrade.version)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.part(upgrade).replace(target)
        sync_directory(target.parent)
        self._use(upgrade.name, upgrade.version, self.versions().get(upgrade.name))

    def roll_back(self, name: str, version: str) -> None:
        """Use an earlier version again: one whose file is still here, or the factory's; UpgradeError when it is neither."""
        if self.versions().get(name) == version:
            return
        if version != self._factory.get(name) and not self.path(name, version).exists():
            raise UpgradeError(f"{name} {version} is not on this device any more")
        self._use(name, version, None)

    def forget_part(self, upgrade: Upgrade) -> None:
        """Give the room back."""
        with contextlib.suppress(OSError):
            self.part(upgrade).unlink(missing_ok=True)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _installed(self) -> dict[str, Any]:
        found = state_file.read(self._directory / INSTALLED)
        return {name: it for name, it in found.items() if isinstance(it, dict) and "version" in it}

    def _use(self, name: str, version: str, previous: str | None) -> None:
        folder = self._directory / name
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / f".{CURRENT}.new"
        link.unlink(missing_ok=True)
        if (folder / version).exists():
            link.symlink_to(version)
            os.replace(link, folder / CURRENT)
        else:
            (folder / CURRENT).unlink(missing_ok=True)  # the factory's
        state_file.write(self._directory / INSTALLED, {**self._installed(), name: {"version": version, "previous": previous}})
        self._forget_others(folder, {version, previous})

    def _forget_others(self, folder: Path, kept: set[str | None]) -> None:
        for file in folder.iterdir():
            if file.name not in kept and file.name != CURRENT and not file.name.startswith("."):
                file.unlink(missing_ok=True)
