"""A site with its console open in a browser: roads, people, and a window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chelu.api import Client
from chelu.api import Site as SiteRecord
from chelu.local.plan import Options
from chelu.local.site import Site
from tests.fix_browser import ROOT, Looking
from tests.waiting import until

OPTIONS = Options(mqtt_port=0, api_port=0, database_port=0)
PLACE: dict[str, Any] = {"latitude_deg": 29.55, "longitude_deg": 106.57, "elevation_m": 250.0}
NETWORK = ROOT / "simulators" / "data" / "district.net.xml.gz"
PASSWORD = "a password for the test"
WARNED = """() => new Promise((done, fail) => {
    setTimeout(() => fail(new Error("no warning came")), 120000);
    const look = () => {
        const line = document.querySelector('li[data-application=fcw]');
        if (line) done([line.dataset.warning, Date.now()]);
        return Boolean(line);
    };
    const watcher = new MutationObserver(() => look() && watcher.disconnect());
    if (!look()) watcher.observe(document.body, {subtree: true, childList: true});
})"""
SWITCHES = {"language": ("Switch to Chinese", "切换到英文"), "theme": ("Switch between light and dark", "切换浅色与深色")}


@dataclass(frozen=True, slots=True)
class Place:
    """The site, a client of it, and the window."""

    site: Site
    client: Client
    looking: Looking
    work: Path

    @property
    def url(self) -> str:
        return self.site.endpoints.api_url

    def open(self, section: str) -> None:
        """A section of the site, without loading the page anew."""
        self.looking.page.evaluate(f"window.location.hash = '#/{section}?site=hillside'")

    def enter(self, section: str, user: str = "wang") -> None:
        """Come to a section as a visitor does: its address, then the login."""
        page = self.looking.page
        page.goto(f"{self.url}/#/{section}?site=hillside")
        page.wait_for_selector("input[name=name]")
        self.log_in(user)
        page.wait_for_selector("nav a[aria-current=page]")

    def fill_in(self, form: str = "dialog", **fields: str) -> None:
        """What a form asks for by name, typed or chosen, in this order; and send it."""
        page = self.looking.page
        for name, value in fields.items():
            field = page.locator(f"{form} [name='{name}']")
            if field.evaluate("field => field.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        page.click(f"{form} button[type=submit]")

    def log_in(self, user: str, password: str = PASSWORD) -> None:
        self.fill_in("form", name=user, password=password)

    def go(self, part: str, **asked: str) -> None:
        """A part of a section, such as register/track."""
        query = "&".join(f"{name}={value}" for name, value in {"site": "hillside", **asked}.items())
        self.looking.page.evaluate(f"window.location.hash = '#/{part}?{query}'")

    @property
    def language(self) -> str:
        """In which the page speaks now."""
        return str(self.looking.page.evaluate("document.documentElement.lang"))[:2]

    def said(self, words: dict[str, str]) -> str:
        """What the page says of this now, by language."""
        return words[self.language]

    def dress(self, language: str, theme: str) -> None:
        """Choose language and theme as a reader does."""
        page = self.looking.page
        for wanted, present, switch in (
            (language, self.language, "language"),
            (theme, page.evaluate("document.documentElement.dataset.theme"), "theme"),
        ):
            if wanted != present:
                page.click(", ".join(f"button[aria-label$='{label}']" for label in SWITCHES[switch]))

    def run_scenario(self, gaps: str, build: str) -> str:
        """From the list of tests: choose, set, run, and wait for the verdict; the run's number."""
        page = self.looking.page
        page.click("text=New test")
        page.select_option("select[name=scenario]", "cut-in")
        values = {"set.gap_m": gaps, "set.ego_kmh": "100", "set.other_kmh": "60", "set.lateral_mps": "1"}
        self.fill_in(".setting", **values, design="grid", build=build)
        page.wait_for_selector("[data-testid=verdict]", timeout=60_000)
        return str(page.evaluate("window.location.hash")).partition("run-")[2].partition("?")[0]

    def look(self, name: str, ready: str) -> None:
        """Screenshots of what is shown, in English and light, and in Chinese and dark; axe finds no serious fault in either."""
        page = self.looking.page
        for language, theme in (("en", "light"), ("zh", "dark")):
            self.dress(language, theme)
            page.wait_for_selector(ready)
            page.evaluate("document.getElementById('content').scrollTo(0, 0)")
            page.wait_for_timeout(300)  # plots are drawn
            self.looking.shot(f"{name}-{language}-{theme}")
            faults = self.looking.faults()
            assert faults == [], (name, language, theme, faults)
        self.dress("en", "light")


@dataclass(frozen=True, slots=True)
class Seen:
    """A warning on the page, and when it came there (wall clock, µs)."""

    warning_id: str
    at_us: int

    def raised(self, place: Place) -> dict[str, Any]:
        """As it was raised, once it is stored."""
        stored = until(
            lambda: [one for one in place.client.warnings() if str(one["warning_id"]) == self.warning_id], 20, "the warning's row"
        )
        return next(one for one in stored if one["state"] == "raised")


def warning_seen(place: Place) -> Seen:
    """Wait for the first forward collision warning on the open map."""
    warning_id, seen_ms = place.looking.page.evaluate(WARNED)
    return Seen(warning_id, seen_ms * 1000)


@contextmanager
def console_at(directory: Path, looking: Looking, work: Path) -> Iterator[Place]:
    """The site while this lasts; the page must have been built."""
    if not (ROOT / "console" / "dist" / "index.html").is_file():
        pytest.skip("the console is not built: console/run build")
    with Site(directory, OPTIONS) as site, Client(site.endpoints.api_url, site.layout.api_key.read_text().strip()) as client:
        client.add_site(SiteRecord(site_id="hillside", **PLACE))
        client.add_site(SiteRecord(site_id="empty", **PLACE))
        client.put_roads("hillside", NETWORK.read_bytes())
        for name, role in (("wang", "administrator"), ("guest", "viewer"), ("nobody", None)):
            roles = [{"site": None, "role": role}] if role else []
            client.people("POST", "users", json={"user_name": name, "password": PASSWORD, "roles": roles})
        yield Place(site, client, looking, work)
