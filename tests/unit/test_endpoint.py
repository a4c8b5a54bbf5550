"""HOST:PORT is read in one place, and what is none is said with what is allowed."""

from __future__ import annotations

import socket

import pytest

from chelu.endpoint import family_of, host_and_port


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("localhost:1", ("localhost", 1)),
        ("127.0.0.1:65535", ("127.0.0.1", 65535)),
        ("[::1]:9000", ("::1", 9000)),
    ],
)
def test_host_and_port_are_told_apart(text: str, found: tuple[str, int]) -> None:
    assert host_and_port(text) == found


@pytest.mark.parametrize("text", ["", "localhost", ":9000", "[]:9000", "a:0", "a:65536", "a:-1", "a:1e3", "a:²", "a: 9"])
def test_what_is_none_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"^HOST:PORT with a port of 1 to 65535$"):
        host_and_port(text)


def test_any_free_port_is_0_where_that_is_allowed() -> None:
    assert host_and_port("::1:0", least_port=0) == ("::1", 0)
    assert (family_of("::1"), family_of("10.0.0.1")) == (socket.AF_INET6, socket.AF_INET)
