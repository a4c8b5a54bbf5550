"""What an install has besides Python: the native library, where a C compiler is, and the console's page, where it was built.

hatchling calls it for each kind of install.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the library and the page to what is built, and the platform to a wheel's name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        self._add_native(version, build_data)
        page = Path(self.root) / "console" / "dist"
        if version != "editable" and (page / "index.html").is_file():
            build_data["force_include"][str(page)] = "services/registry/page"

    def _add_native(self, version: str, build_data: dict[str, Any]) -> None:
        sys.path.insert(0, self.root)
        from chelu.native.build import build

        path = build(Path(self.root) / "chelu" / "native")
        if path and version != "editable":
            build_data["artifacts"].append(f"chelu/native/{path.name}")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
