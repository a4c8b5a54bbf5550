"""JSON that the API reads: what is nested too deep or says a thing twice is refused on every route, and by its field."""

from __future__ import annotations

import asyncio
import json
import re
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from chelu.codec.documents import DEEPEST
from services.registry import bodies, stored_json
from services.registry.openapi import operations
from services.registry.problems import MEDIA_TYPE, ProblemError


def nested(deep: int) -> str:
    return "[" * deep + "]" * deep


def within(levels: int) -> Any:
    """What stands for the rest of a value that is nested deeper, in so many lists."""
    return json.loads("[" * levels + json.dumps(stored_json.SHORTENED) + "]" * levels)


def send(application: FastAPI, method: str, path: str, body: str) -> httpx.Response:
    async def sent() -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://registry") as client:
            return await client.request(method, re.sub(r"{\w+}", "1", path), content=body.encode(), headers=headers)

    return asyncio.run(sent())


def taking_json(application: FastAPI) -> list[tuple[str, str]]:
    found = []
    for method, path, operation in operations(application.openapi()):
        if "application/json" in operation.get("requestBody", {}).get("content", {}):
            found.append((method.upper(), path))
    return found


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        (f'{{"a": 1, "deep": {{"a": {nested(300)}}}}}', "deep", f"lists and objects nested more than {DEEPEST} deep"),
        (f'{{"deep": {nested(DEEPEST)}}}', "deep", f"lists and objects nested more than {DEEPEST} deep"),
        (f"[1, {nested(DEEPEST)}]", "[1]", f"lists and objects nested more than {DEEPEST} deep"),
        ('{"a": [{"name": 1, "other": 2, "name": 3}]}', "name", "2 values in one object"),
        ('{"\\ud800": 1, "\\ud800": 2}', "\\ud800", "2 values in one object"),
        ('{"a": "\\ud83d\\ude00", "b": [{"x": "\\udc00"}]}', "b[0].x", "'\\udc00'"),
        ('[1, {"\\ud800": 2}]', "[1]", "'\\ud800'"),
        ('"\\ud800"', "(document)", "'\\ud800'"),
    ],
)
def test_every_route_that_takes_json_refuses_it_nested_too_deep_or_with_a_name_twice(
    application: FastAPI, body: str, field: str, says: str
) -> None:
    routes = taking_json(application)
    assert len(routes) > 40
    for method, path in routes:
        response = send(application, method, path, body)
        assert (response.status_code, response.headers["content-type"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, MEDIA_TYPE), path
        (fault,) = response.json()["errors"]
        assert (fault["field"], fault["value"]) == (field, says), path


@pytest.mark.parametrize("deep", [990, 5000, 200_000])
def test_what_python_cannot_read_is_refused_as_well(application: FastAPI, deep: int) -> None:
    response = send(application, "POST", "/api/sites", f'{{"deep": {nested(deep)}}}')
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "nested" in response.json()["detail"]


def test_what_is_nested_as_deep_as_is_allowed_is_read() -> None:
    for text in (f'{{"deep": {nested(DEEPEST - 1)}}}', nested(DEEPEST), "[" + nested(3) + ("," + nested(3)) * 100 + "]", "5"):
        assert bodies.read(text.encode()) == json.loads(text)
    with pytest.raises(ProblemError):
        bodies.read(nested(DEEPEST + 1).encode())
    with pytest.raises(json.JSONDecodeError):
        bodies.read(b"{")


@pytest.mark.parametrize("deep", [DEEPEST, 300, 800, 5000])
def test_what_was_stored_deeper_is_read_shortened_and_says_so(deep: int) -> None:
    text = f'{{"a [\\" {{": [1, {nested(deep)}, "]}}"], "b": {nested(deep)}, "c": [{{"d": 2}}]}}'
    read = stored_json.read(text.encode())
    assert (read['a [" {'][0], read['a [" {'][2], read["c"]) == (1, "]}", [{"d": 2}])
    assert read['a [" {'][1] == within(DEEPEST - 2)
    assert read["b"] == within(DEEPEST - 1)


def test_what_is_no_deeper_is_read_as_it_is() -> None:
    for text in ('{"a": [1, "x", null, {"b": 2.5}]}', nested(DEEPEST), "[" + ",".join([nested(5)] * 50) + "]", '"x"', "7"):
        assert stored_json.read(text) == json.loads(text)
