"""Chromium for tests of the console: the system's, by Playwright; without either, tests that ask for it skip and say so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SCREENSHOTS = "CHELU_TEST_SCREENSHOTS"  # the directory that keeps them; else pytest's own
WINDOW = {"width": 1280, "height": 760}
SOFTWARE = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader")
SERIOUS = ("serious", "critical")
PATIENCE_MS = 60_000  # others use the machine


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A running browser."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("there is no chromium on the PATH (Debian: apt install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (the extra dev has it)")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=executable, args=list(SOFTWARE))
        yield browser
        browser.close()


@dataclass(slots=True)
class Looking:
    """One window, what it asked for, and what went wrong in it."""

    page: Any
    directory: Path
    addresses: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def shot(self, name: str) -> Path:
        """Keep a screenshot."""
        path = self.directory / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def faults(self) -> list[str]:
        """What axe finds serious in what is shown now (WCAG 2.1 A and AA)."""
        axe = (ROOT / "console" / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
        self.page.evaluate(axe)
        found = self.page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
        return [
            f"{one['id']} ({one['impact']}): {[node['html'][:200] for node in one['nodes'][:3]]}"
            for one in found["violations"]
            if one["impact"] in SERIOUS
        ]

    def text(self) -> str:
        """What is shown."""
        return str(self.page.inner_text("body"))


@pytest.fixture(scope="module")
def looking(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looking]:
    """A window of a fresh visitor."""
    directory = Path(os.environ.get(SCREENSHOTS) or tmp_path_factory.mktemp("screenshots")).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(viewport=WINDOW, locale="en-GB", color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    found = Looking(page, directory)
    page.on("request", lambda request: found.addresses.append(request.url))
    page.on("pageerror", lambda error: found.errors.append(str(error)))
    yield found
    context.close()
