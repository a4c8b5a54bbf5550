"""mqtts: a broker behind TLS is believed only with the right certificate."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chelu.bus import Session
from chelu.bus.swift import SwiftSession
from chelu.clock import SystemClock
from chelu.errors import UnreachableError
from tests.fix_broker import RunningBroker


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost that is its own authority, and its key beside it."""
    if not shutil.which("openssl"):
        pytest.skip("the openssl command is not installed")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost -keyout key.pem -out ca.pem"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "ca.pem"


@pytest.fixture
def port(broker: RunningBroker, certificate: Path) -> Iterator[int]:
    """Ends TLS and hands everything to the broker."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, context, broker.port))
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(server: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        with contextlib.suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as client:
            _relay(client, port)


def _relay(client: socket.socket, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as upstream:
        back = threading.Thread(target=_pump, args=(upstream, client))
        back.start()
        _pump(client, upstream)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", [Session, SwiftSession])
def test_messages_pass_through_tls(port: int, certificate: Path, kind: type[Session]) -> None:
    url = f"mqtts://localhost:{port}?ca={certificate}"
    session = kind(url, client_id="tls-1", clock=SystemClock(), subscriptions=["tls/1"])
    session.start()
    session.wait_connected(10)
    payload = bytes(200_000)  # more than one TLS record
    assert session.publish("tls/1", payload, qos=1).wait(10)
    assert session.drain(1, 10)[0].payload == payload
    session.stop()


# paho leaves the socket of a failed handshake to the garbage collector, which closes it and says so.
@pytest.mark.filterwarnings("ignore:.*unclosed <ssl.SSLSocket.*", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", [Session, SwiftSession])
def test_a_certificate_nobody_vouches_for_is_no_connection(port: int, kind: type[Session]) -> None:
    session = kind(f"mqtts://localhost:{port}", client_id="tls-2", clock=SystemClock())
    session.start()
    with pytest.raises(UnreachableError, match=r"(?i)certificate verify failed"):
        session.wait_connected(1)
    assert not session.is_connected
    session.stop()
