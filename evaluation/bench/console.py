"""The console in a browser without a graphics card: how soon it is there, and how often 10,000 moving road users are drawn.

Everything but the traffic is real: registry, broker, database and page, and Chromium that renders in software.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from chelu.api import Client
from chelu.api import Site as SiteRecord
from chelu.cli import extra
from chelu.errors import CannotStartError
from chelu.local.plan import Options
from chelu.local.services import SERVICES, Service, module
from chelu.local.site import Site
from evaluation.bench.context import Context
from evaluation.bench.crowd import COUNT_VARIABLE, NETWORK, ORIGIN, SITE
from evaluation.bench.processes import usage
from evaluation.bench.report import Figure
from evaluation.bench.results import Findings

COUNT, BAR_PER_S, BAR_LOAD_S, BAR_LOAD_MB = 10_000, 5.0, 2.0, 1.5
WINDOW: Any = {"width": 1280, "height": 760}
SOFTWARE = ("--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader")
PATIENCE_MS = 120_000
USER = "watcher"
PARTS = (next(one for one in SERVICES if one.name == "registry"), Service("inference", module("evaluation.bench.crowd")))


def run(context: Context) -> Findings:
    """The bars of the console (docs/console.md)."""
    seconds, rounds = (3.0, 1) if context.is_quick else (10.0, 3)
    os.environ[COUNT_VARIABLE] = str(COUNT)
    with extra("dev"):
        from playwright.sync_api import sync_playwright
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chelu-console-", ignore_cleanup_errors=True)))
        site = stack.enter_context(Site(directory / "data", Options(mqtt_port=0, api_port=0, database_port=0, services=PARTS)))
        password = _register(site)
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=_chromium(), args=list(SOFTWARE))
        stack.callback(browser.close)
        page = browser.new_page(viewport=WINDOW)
        context.tell("the first load")
        loaded = _first_load(page, site.endpoints.api_url)
        _log_in(page, password)
        context.tell(f"{COUNT:,} road users on the map")
        page.wait_for_selector(f"[data-testid=map-state][data-users='{COUNT}']", timeout=PATIENCE_MS)
        page.wait_for_timeout(2000)
        drawn = [_drawn(page, seconds) for _ in range(rounds)]
    rates, costs = zip(*drawn, strict=True)
    return Findings(
        [
            Figure(
                what=f"{COUNT:,} moving road users drawn in software",
                values=rates,
                unit="frames/s",
                key="console_frames_per_s",
                bar=BAR_PER_S,
            ),
            Figure(what="processor of the browser for a frame", values=costs, unit="ms"),
            Figure(
                what="first load until one can log in",
                values=(loaded[0],),
                unit="s",
                key="console_load_s",
                bar=BAR_LOAD_S,
                is_limit=True,
            ),
            Figure(what="what it fetches", values=(loaded[1],), unit="MB", key="console_load_mb", bar=BAR_LOAD_MB, is_limit=True),
        ]
    )


def _register(site: Site) -> str:
    """The site, its roads and somebody who may look; their password."""
    password = secrets.token_urlsafe(16)
    with Client(site.endpoints.api_url, site.layout.api_key.read_text().strip()) as client:
        client.add_site(SiteRecord(site_id=SITE, **ORIGIN))
        client.put_roads(SITE, NETWORK.read_bytes())
        roles = [{"site": None, "role": "tester"}]
        client.people("POST", "users", json={"user_name": USER, "password": password, "roles": roles})
    return password


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise CannotStartError("there is no chromium on the PATH", "install it (Debian: apt install chromium)")
    return found


def _first_load(page: Any, url: str) -> tuple[float, float]:
    """Seconds until the form is there, and megabytes over the wire until then."""
    began_s = time.monotonic()
    page.goto(f"{url}/#/map?site={SITE}")
    page.wait_for_selector("input[name=name]")
    took_s = time.monotonic() - began_s
    sizes = page.evaluate("performance.getEntriesByType('resource').map(one => one.transferSize)")
    return took_s, sum(sizes) / 1e6


def _log_in(page: Any, password: str) -> None:
    page.fill("input[name=name]", USER)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")


def _drawn(page: Any, seconds: float) -> tuple[float, float]:
    """Pictures drawn a second, and the browser's processor time for each in ms."""
    count = "Number(document.querySelector('[data-testid=map-state]').dataset.drawn)"
    before, cpu_s, began_s = page.evaluate(count), _browser_s(), time.monotonic()
    page.wait_for_timeout(seconds * 1000)
    after, took_s = page.evaluate(count), time.monotonic() - began_s
    return (after - before) / took_s, 1000 * (_browser_s() - cpu_s) / max(after - before, 1)


def _browser_s() -> float:
    """Processor seconds of this process and the browser below it, the site's own parts left out."""
    import psutil

    return sum(usage(child.pid).cpu_s for child in psutil.Process().children() if "playwright" in " ".join(child.cmdline()))
