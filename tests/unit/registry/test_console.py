"""The console's files as they are served: packed, kept, bound to the registry's own address, and none from outside the folder."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from services.registry import console, problems

PAGE, SCRIPT, PICTURE = "<!doctype html><title>Chelu</title>", "console.log('road');" * 100, bytes(range(64))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "dist"
    (place / "assets").mkdir(parents=True)
    (place / "index.html").write_text(PAGE)
    (place / "icon.svg").write_text("<svg/>")
    (place / "assets" / "page-1a2b.js").write_text(SCRIPT)
    (place / "assets" / "sign-3c4d.png").write_bytes(PICTURE)
    (tmp_path / "secret.txt").write_text("not for the page")
    return place


@dataclass(frozen=True, slots=True)
class Asking:
    """The application, asked without a socket."""

    app: FastAPI

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://site.example") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(ask())


def client_of(folder: Path | None) -> Asking:
    app = FastAPI()
    console.install(app, folder)
    problems.install(app)
    return Asking(app)


@pytest.fixture
def client(folder: Path) -> Asking:
    return client_of(folder)


def test_the_page_is_asked_for_each_time_and_may_load_nothing_from_elsewhere(client: Asking) -> None:
    page = client.get("/")
    assert page.text == PAGE
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe" not in policy
    again = client.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_has_its_hash_in_the_name_is_kept_for_ever_and_packed(client: Asking) -> None:
    script = client.get("/assets/page-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert script.text == SCRIPT
    assert script.headers["content-encoding"] == "gzip"
    assert int(script.headers["content-length"]) < len(SCRIPT) / 5
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"].startswith("text/javascript")
    plain = client.get("/assets/page-1a2b.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert (plain.text, plain.headers.get("content-encoding")) == (SCRIPT, None)
    picture = client.get("/assets/sign-3c4d.png", headers={"Accept-Encoding": "gzip"})
    assert (picture.content, picture.headers.get("content-encoding")) == (PICTURE, None)


@pytest.mark.parametrize("name", ["..%2Fsecret.txt", "%2E%2E", "gone-5e6f.js", ".hidden", "page-1a2b.js%00"])
def test_other_names_are_not_there(client: Asking, name: str) -> None:
    answer = client.get(f"/assets/{name}")
    assert answer.status_code == 404
    assert "not for the page" not in answer.text


def test_a_page_that_is_built_anew_is_the_one_that_is_served(client: Asking, folder: Path) -> None:
    first = client.get("/")
    (folder / "index.html").write_text(PAGE + "<p>new</p>")
    second = client.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert second.text == PAGE + "<p>new</p>"


def test_without_a_built_page_the_address_leads_to_the_documents() -> None:
    answer = client_of(None).get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
