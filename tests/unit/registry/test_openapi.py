"""The API's description: complete, with examples that its own schemas admit, and refusals where they can happen."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from chelu.clock import VirtualClock
from services.registry.app import create_app
from services.registry.openapi import PROBLEM, operations, refusals
from services.registry.parts import Parts
from services.registry.problems import MEDIA_TYPE
from services.registry.throttle import Throttle

BINARY = {"application/gzip", "application/x-tar", "application/vnd.chelu.columns", "application/x-ndjson", "text/csv"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The description needs no part of the application to run."""
    throttle = Throttle(limit=1, window_s=1)
    nothing: Any = None
    return create_app(Parts(nothing, nothing, VirtualClock(0), nothing, None, throttle, throttle)).openapi()


def contents(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Every body of a request or a response: where, its media type, its description."""
    found = []
    for method, path, operation in operations(document):
        holders = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for name, holder in holders.items():
            found += [(f"{method} {path} {name}", media, content) for media, content in holder.get("content", {}).items()]
    return found


def test_every_body_and_every_parameter_has_an_example(document: dict[str, Any]) -> None:
    described = contents(document)
    assert len(described) > 400
    assert [where for where, _, content in described if "example" not in content and "examples" not in content] == []
    parameters = [each for _, _, operation in operations(document) for each in operation.get("parameters", ())]
    assert [each["name"] for each in parameters if "example" not in each and "examples" not in each] == []


def test_every_example_is_what_its_schema_admits(document: dict[str, Any]) -> None:
    shared = {"components": document["components"]}
    for where, media, content in contents(document):
        if media not in BINARY and content.get("schema"):
            validator = jsonschema_rs.Draft202012Validator({**content["schema"], **shared})
            problems = [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(content["example"])]
            assert problems == [], where
    for method, path, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if "example" in parameter:
                validator = jsonschema_rs.Draft202012Validator({**parameter["schema"], **shared})
                assert validator.is_valid(parameter["example"]), (method, path, parameter)


def test_every_operation_says_what_it_is_for_and_how_it_refuses(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation.get("description"), (method, path)
        assert operation.get("tags"), (method, path)
        if path != "/health":
            assert {"401", "422", "503"} <= set(operation["responses"]), (method, path)
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/health":
                assert response["content"][MEDIA_TYPE]["schema"] == {"$ref": "#/components/schemas/Problem"}, (
                    method,
                    path,
                    status,
                )
    assert document["components"]["schemas"]["Problem"] == PROBLEM


def test_refusals_are_those_that_can_happen() -> None:
    change = {"parameters": [{"name": "If-Match"}], "requestBody": {}}
    assert refusals("patch", "/api/sites/{site_id}", change) == ["401", "403", "404", "409", "412", "413", "422", "428", "503"]
    assert refusals("get", "/api/sites", {}) == ["401", "403", "422", "503"]
    assert "429" in refusals("post", "/api/login", {"requestBody": {}})
