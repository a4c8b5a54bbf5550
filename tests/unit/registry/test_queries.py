"""Every route refuses a query parameter that it does not have, and says which it has; generated from the API's description."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from services.registry.openapi import operations
from services.registry.problems import MEDIA_TYPE
from services.registry.roles import NEEDS, OPEN

ROUTES = sorted({*NEEDS, *OPEN})
UNKNOWN = "no_such_thing"


def send(application: FastAPI, method: str, path: str, /, **params: str) -> httpx.Response:
    """An answer of the application itself, without a server."""

    async def sent() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://registry") as client:
            return await client.request(method, re.sub(r"{\w+}", "1", path), params=params)

    return asyncio.run(sent())


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_parameter_that_a_route_does_not_have_is_refused_by_name(application: FastAPI, method: str, path: str) -> None:
    response = send(application, method, path, **{UNKNOWN: "x"})
    assert (response.status_code, response.headers["content-type"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, MEDIA_TYPE)
    problem = response.json()
    (fault,) = problem["errors"]
    assert (fault["field"], fault["value"]) == (UNKNOWN, "'x'")
    assert problem["detail"] == f"{UNKNOWN} = 'x' is not allowed: {fault['allowed']}"
    names = sorted(application.state.queries[method, path])
    assert fault["allowed"] == (f"one of the parameters {', '.join(names)}" if names else "no parameter: there is none here")


@pytest.mark.parametrize(("method", "path"), sorted(NEEDS))
def test_the_parameters_that_a_route_has_are_let_through_to_the_question_who_asks(
    application: FastAPI, method: str, path: str
) -> None:
    known = dict.fromkeys(application.state.queries[method, path], "1")
    assert send(application, method, path, **known).status_code == HTTPStatus.UNAUTHORIZED


def test_every_route_of_the_description_is_covered_and_several_faults_are_all_said(application: FastAPI) -> None:
    described = {(method.upper(), path) for method, path, _ in operations(application.openapi())}
    assert described == set(ROUTES)
    assert application.state.queries == {
        (method.upper(), path): {given["name"] for given in operation.get("parameters", ()) if given["in"] == "query"}
        for method, path, operation in operations(application.openapi())
    }
    problem = send(application, "GET", "/api/dead-letters", divice="x", limit="5", resaon="y").json()
    assert [fault["field"] for fault in problem["errors"]] == ["divice", "resaon"]
    assert problem["detail"].endswith("one of the parameters after, device, from_us, limit, reason, to_us (and 1 more)")


def test_pages_for_people_take_whatever_is_asked(application: FastAPI) -> None:
    assert send(application, "GET", "/openapi.json", **{UNKNOWN: "x"}).status_code == HTTPStatus.OK


def test_a_nul_in_any_parameter_of_any_route_is_refused_by_name(application: FastAPI) -> None:
    value = "a\0b"
    tried = 0
    for method, path, operation in operations(application.openapi()):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query":
                response = send(application, method, path, **{parameter["name"]: value})
            elif parameter["in"] == "path":
                named = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
                response = send(application, method, named)
            else:
                continue
            tried += 1
            assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, (method, path, parameter)
            (fault,) = response.json()["errors"]
            assert (fault["field"], fault["value"]) == (parameter["name"], repr(value))
            assert fault["allowed"] == "text without control characters"
    assert tried > 400


def test_so_is_every_control_character_and_others_are_let_through_to_the_question_who_asks(application: FastAPI) -> None:
    for value in ("a\nb", "\x1f", "\x7f", "\x9f"):
        assert send(application, "GET", "/api/city/state", place=value).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    for value in ("路口\u3000北", "a b", "é", "\u00a0"):
        assert send(application, "GET", "/api/city/state", place=value).status_code == HTTPStatus.UNAUTHORIZED
