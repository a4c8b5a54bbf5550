"""Packages on the device's disk: what is installed, what was before it, and switching between them.

``DIRECTORY/NAME/VERSION`` is a package's file, ``DIRECTORY/NAME/current`` a symbolic link to the one in use, ``installed.json``
says which that is and which it took the place of. A power cut leaves the one or the other in use, never none.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chelu.spool.files import sync_directory
from edge import state_file
from edge.upgrade.order import Upgrade, UpgradeError

INSTALLED, PARTS, CURRENT = "installed.json", "parts", "current"
NEXT = "next"  # in installed.json: the version of a switch that is begun
CHUNK = 1 << 20
SPARE_BYTES = 1 << 16  # of the disk, left for the agent's own small files


class Store:
    """For one thread. factory: versions of what the device had before anything was installed."""

    def __init__(self, directory: Path, factory: Mapping[str, str]) -> None:
        self._directory, self._factory = directory, factory

    def versions(self) -> dict[str, str]:
        """What is in use, by name; while a switch is begun, what was before it."""
        return {**self._factory, **{name: str(it["version"]) for name, it in self._installed().items() if "version" in it}}

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

    def put(self, upgrade: Upgrade) -> None:
        """Put the whole part in place; it is not in use."""
        target = self.path(upgrade.name, upgrade.version)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.part(upgrade).replace(target)
        sync_directory(target.parent)

    # -- switching: begun, then settled or taken back; killed in between, it is still begun --------------------------------------

    def begun(self) -> dict[str, str]:
        """Versions, by name, to which a switch was begun."""
        return {name: it[NEXT] for name, it in self._installed().items() if isinstance(it.get(NEXT), str)}

    def begin(self, name: str, version: str) -> None:
        """Link to a version whose file is here, or to the factory's; UpgradeError when it is neither."""
        if version != self._factory.get(name) and not self.path(name, version).exists():
            raise UpgradeError(f"{name} {version} is not on this device any more")
        self._keep(name, {**self._installed().get(name, {}), NEXT: version})
        self._link(name, version)

    def settle(self, name: str, *, keeps_former: bool) -> None:
        """What was begun is in use from now on; the version before it stays only for the way back to it."""
        known, former = self._installed()[name], self.versions().get(name)
        version = known[NEXT]
        previous = known.get("previous") if former == version else former if keeps_former else None
        self._keep(name, {"version": version, "previous": previous})
        self._forget_others(name)

    def link_back(self, name: str) -> str | None:
        """Link to what was in use before a switch that is begun; its version, None when there was none."""
        former = self.versions().get(name)
        self._link(name, former)
        return former

    def take_back(self, name: str) -> None:
        """Nothing is begun any more."""
        self._keep(name, {key: value for key, value in self._installed().get(name, {}).items() if key != NEXT})
        self._forget_others(name)

    def forget_part(self, upgrade: Upgrade) -> None:
        """Give the room back."""
        with contextlib.suppress(OSError):
            self.part(upgrade).unlink(missing_ok=True)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _installed(self) -> dict[str, dict[str, Any]]:
        return {name: it for name, it in state_file.read(self._directory / INSTALLED).items() if isinstance(it, dict)}

    def _keep(self, name: str, known: Mapping[str, Any]) -> None:
        installed = {**self._installed(), name: dict(known)}
        state_file.write(self._directory / INSTALLED, {each: it for each, it in installed.items() if it})

    def _link(self, name: str, version: str | None) -> None:
        folder = self._directory / name
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / f".{CURRENT}.new"
        link.unlink(missing_ok=True)
        if version is not None and (folder / version).exists():
            link.symlink_to(version)
            link.replace(folder / CURRENT)
        else:
            (folder / CURRENT).unlink(missing_ok=True)  # the factory's
        sync_directory(folder)

    def _forget_others(self, name: str) -> None:
        known = self._installed().get(name, {})
        kept = {CURRENT, known.get("version"), known.get("previous")}
        for file in (self._directory / name).iterdir():
            if file.name not in kept and not file.name.startswith("."):
                with contextlib.suppress(OSError):  # then it goes the next time
                    file.unlink()
