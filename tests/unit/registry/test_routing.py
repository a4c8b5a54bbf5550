"""Routers that look at an address only when it can be theirs answer what FastAPI's own would."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from services.registry.routing import Router

PATHS = ("/health", "/api/devices", "/api/devices/{name}", "/api/sites/{site}/areas", "/api/sites/{site}/{part}/all")
FILES = "/api/packages/{file:path}"
ASKED = (
    *("/health", "/api/devices", "/api/devices/a", "/api/devices/a/b", "/api/devices/", "/api", "/", "/api/sites/x"),
    *("/api/sites/x/areas", "/api/sites/x/areas/all", "/api/sites/x/roads/all", "/api/packages/a/b/c/d/e/f", "/api/packages"),
)


def answers(kind: type[APIRouter], method: str) -> list[tuple[int, str]]:
    """What an application of such routers, one for each path, says of every address."""
    app = FastAPI(redirect_slashes=False)
    for path in (*PATHS, FILES):
        router = kind()
        router.add_api_route(path, lambda path=path: path, methods=["GET"])
        app.include_router(router)

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://registry") as client:
            return [await client.request(method, path) for path in ASKED]

    return [(answer.status_code, answer.text) for answer in asyncio.run(ask())]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_answers_is_who_would_answer_without_the_glance(method: str) -> None:
    assert answers(Router, method) == answers(APIRouter, method)
    assert {code for code, _ in answers(Router, method)} == ({200, 404} if method == "GET" else {404, 405})
