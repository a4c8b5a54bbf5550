"""Errors from another process: they come as they were raised there."""

from __future__ import annotations

import pickle

import pytest

from chelu.errors import CannotStartError, CheluError, ConfigurationError, MalformedError, MissingExtraError, UnreachableError


@pytest.mark.parametrize(
    "error",
    [
        CheluError("a sentence"),
        ConfigurationError("--set", 4, "1 to 3", source="tried.yaml"),
        CannotStartError("the disk is full", "make room"),
        MissingExtraError("sumo", "libsumo"),
        MalformedError("undecodable", "no frame"),
        UnreachableError("the broker", "mqtt://127.0.0.1", "refused"),
    ],
)
def test_an_error_is_itself_on_the_other_side(error: CheluError) -> None:
    error.exit_code = 3
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert vars(found) == vars(error)
