"""Ports of a site: the usual one, a free one, and none that another site is about to listen on."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chelu.errors import CannotStartError
from chelu.local import ports

CHOOSERS = 24
ELSEWHERE = """
import sys
from chelu.local.ports import Claims
claims = Claims()
print(claims.choose("x", usual=int(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def claims() -> Iterator[ports.Claims]:
    with ports.Claims() as claims:
        yield claims


@pytest.fixture
def free() -> int:
    return ports.free_port()


def test_the_usual_port_gives_way_to_a_free_one(claims: ports.Claims) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        assert claims.choose("x", usual=taken) != taken
        with pytest.raises(CannotStartError, match=f"port {taken}, asked for x"):
            claims.choose("x", usual=1, forced=taken)
    assert claims.choose("x", usual=taken) == taken
    assert claims.choose("x", usual=taken, forced=0) != taken


def test_a_free_port_is_none_that_an_outgoing_connection_could_take_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {ports.free_port() for _ in range(20)}
    assert all(port in ports.QUIET for port in chosen)
    assert len(chosen) > 1, "two sites that start at once are to choose apart"
    monkeypatch.setattr(ports, "is_free", lambda *_: False)
    assert ports.free_port() > 0


def test_of_many_sites_that_choose_at_once_each_has_ports_of_its_own(free: int) -> None:
    together = threading.Barrier(CHOOSERS)
    claims = [ports.Claims() for _ in range(CHOOSERS)]

    def choose(mine: ports.Claims) -> list[int]:
        together.wait(10)
        return [mine.choose("x", usual=free), mine.choose("y", usual=free + 1), mine.choose("z", usual=0)]

    with ThreadPoolExecutor(CHOOSERS) as threads:
        chosen = [port for three in threads.map(choose, claims) for port in three]
    for one in claims:
        one.close()
    assert len(set(chosen)) == 3 * CHOOSERS


def test_a_port_claimed_in_another_process_is_free_again_when_that_is_gone(claims: ports.Claims, free: int) -> None:
    command = [sys.executable, "-c", ELSEWHERE, str(free)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert int(other.stdout.readline()) == free
        assert claims.choose("x", usual=free) != free
        with pytest.raises(CannotStartError, match="is in use"):
            claims.choose("x", usual=1, forced=free)
        other.kill()
        other.wait(10)
    assert claims.choose("x", usual=free) == free


def test_a_server_listens_on_a_port_that_is_claimed(claims: ports.Claims, free: int) -> None:
    port = claims.choose("x", usual=free)
    with socket.create_server(("127.0.0.1", port)):
        claims.close()
        with ports.Claims() as later:
            assert later.choose("x", usual=port) != port


def test_where_nothing_can_be_claimed_free_ports_are_chosen_all_the_same(
    claims: ports.Claims, free: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "CLAIM", "/no/such/directory/{}")
    assert claims.choose("x", usual=free) == free
