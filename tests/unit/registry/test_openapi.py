"""The API's description: complete, with examples that its own schemas admit, and refusals where they can happen."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI

from services.registry.openapi import PROBLEM, described, has_example, operations, refusals
from services.registry.problems import MEDIA_TYPE

BINARY = {
    "application/octet-stream",
    "application/gzip",
    "application/x-tar",
    "application/vnd.chelu.columns",
    "application/x-ndjson",
    "text/csv",
}


@pytest.fixture(scope="module")
def document(application: FastAPI) -> dict[str, Any]:
    return application.openapi()


Described = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture(scope="module")
def everything(document: dict[str, Any]) -> Described:
    """Every parameter and every body: of what, its name or media type, its description."""
    return [
        (f"{method} {path} {where}", name, found)
        for method, path, operation in operations(document)
        for where, name, found in described(operation)
    ]


def test_every_body_and_every_parameter_has_an_example(everything: Described) -> None:
    assert len(everything) > 500
    assert [(where, name) for where, name, found in everything if not has_example(found)] == []


def test_every_example_is_what_its_schema_admits(document: dict[str, Any], everything: Described) -> None:
    @cache
    def validator(schema: str) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator({**json.loads(schema), "components": document["components"]})

    for where, name, found in everything:
        if name not in BINARY and found.get("schema") and "example" in found:
            errors = validator(json.dumps(found["schema"])).iter_errors(found["example"])
            assert [f"{error.instance_path}: {error.message}" for error in errors] == [], (where, name)


def test_every_operation_says_what_it_is_for_and_how_it_refuses(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation.get("description"), (method, path)
        assert operation.get("tags"), (method, path)
        if path != "/health":
            assert {"401", "422", "503"} <= set(operation["responses"]), (method, path)
        for status, response in operation["responses"].items():
            is_refusal = int(status) >= 400 and (path, status) != ("/health", "503")  # which says what is away
            if is_refusal:
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
