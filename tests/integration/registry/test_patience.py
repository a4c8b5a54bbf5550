"""Connections that say nothing, or little, on a real server: they are closed, and keep nobody else out."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.requests import HTTPConnection

from chelu.local.ports import LOOPBACK
from services.registry import patience, problems
from services.registry.body_limit import BodyLimit
from services.registry.patience import PatientHttp
from tests.waiting import until

HEAD_S = 0.4
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
STALLED = 300


async def is_known(connection: HTTPConnection) -> bool:
    return "authorization" in connection.headers


async def count(request: Request) -> Response:
    return Response(str(len(await request.body())))


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that has less patience than ours, of which strangers may have a little."""
    monkeypatch.setattr(patience, "HEAD_S", HEAD_S)
    monkeypatch.setattr("services.registry.body_limit.STRANGERS_S", HEAD_S)

    app = FastAPI()
    app.add_route("/", count, methods=["GET", "POST"])
    app.add_middleware(BodyLimit, strangers=1000, limit=10_000, larger={}, is_known=is_known)
    problems.install(app)
    server = uvicorn.Server(uvicorn.Config(app, http=PatientHttp, lifespan="off", log_config=None, port=0))
    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        until(lambda: server.started, 20, "the server to be ready")
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def connect(port: int) -> Iterator[Callable[[], socket.socket]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection((LOOPBACK, port), timeout=20))


Connect = Callable[[], socket.socket]


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


@pytest.mark.parametrize("said", [b"", b"GET / HT", REQUEST[:-2]])
def test_who_does_not_finish_a_request_is_told_so_and_closed(connect: Connect, said: bytes) -> None:
    connection = connect()
    connection.sendall(said)
    assert rest(connection).startswith(b"HTTP/1.1 408 ")


def test_a_letter_now_and_then_gains_no_time(connect: Connect) -> None:
    connection = connect()
    letters = iter(REQUEST[:-2] * 100)
    while not select.select([connection], [], [], HEAD_S / 10)[0]:
        connection.sendall(bytes([next(letters)]))
    assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("before", [b"", REQUEST])
def test_a_head_without_end_is_refused(connect: Connect, before: bytes) -> None:
    connection = connect()
    connection.sendall(before + b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 12_000)
    assert b"HTTP/1.1 431 " in rest(connection)


def test_between_requests_a_connection_may_rest_longer(connect: Connect) -> None:
    connection = connect()
    for _ in range(2):
        connection.sendall(REQUEST)
        found = b""
        while not found.endswith(b"\r\n\r\n0"):
            found += connection.recv(1000)
        assert found.startswith(b"HTTP/1.1 200 OK")
        assert not select.select([connection], [], [], 2 * HEAD_S)[0], "it is neither told anything nor closed"


def test_connections_that_stall_keep_nobody_out(connect: Connect, port: int) -> None:
    for _ in range(STALLED):
        connect().sendall(b"GET /")
    assert httpx.get(f"http://{LOOPBACK}:{port}/", timeout=20).status_code == 200


@pytest.mark.parametrize(("headers", "status"), [("", b"408"), ("Authorization: Bearer k\r\n", b"200")])
def test_a_body_that_takes_long_is_taken_from_who_is_known(connect: Connect, headers: str, status: bytes) -> None:
    connection = connect()
    connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 4\r\n\r\nab".encode())
    if status == b"200":
        assert not select.select([connection], [], [], 2 * HEAD_S)[0]
        connection.sendall(b"cd")
    assert connection.recv(1000).startswith(b"HTTP/1.1 " + status)
