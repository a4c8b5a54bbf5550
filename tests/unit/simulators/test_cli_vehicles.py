"""What `chelu vehicles` refuses before it opens a connection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chelu.errors import ConfigurationError
from simulators.cli_vehicles import vehicles

NO_PROCESS = 2**22 + 1  # above what Linux numbers processes with


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "gateway is missing: HOST:PORT, or --list FILE to write a list only"),
        ({"gateway": "127.0.0.1"}, "gateway = '127.0.0.1' is not allowed: HOST:PORT with a port of 1 to 65535"),
        ({"gateway": "127.0.0.1:99999"}, "gateway = '127.0.0.1:99999' is not allowed: HOST:PORT with a port of 1 to 65535"),
        ({"gateway": "127.0.0.1:1", "seconds": float("nan")}, "--seconds = nan is not allowed: above 0 and at most 1000000"),
        (
            {"gateway": "127.0.0.1:1", "watch": NO_PROCESS},
            f"--watch = {NO_PROCESS} is not allowed: the number of a process that runs here",
        ),
        ({"write_list": Path("/nowhere/x")}, "--list = '/nowhere/x' is not allowed: a file in a directory that is there"),
        (
            {"gateway": "127.0.0.1:1", "acknowledged": Path("/")},
            "--acknowledged = '/' is not allowed: a file in a directory that is there",
        ),
    ],
)
def test_what_cannot_work_is_one_sentence(given: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        vehicles(**given)
    assert str(refused.value) == sentence
