"""uvicorn around the application: one bound socket, a ready file, and a clean end on SIGTERM and SIGINT."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvicorn
from fastapi import FastAPI

from chelu.errors import CannotStartError
from services.registry.patience import PatientHttp, allow_connections

LOG = logging.getLogger(__name__)
END_S = 5
KEEP_ALIVE_S = 60  # longer than clients keep idle connections, so that none is closed under a request
MAX_HEARD_BYTES = 65_536  # from those who watch, who have nothing to say
PATIENCE_S = 60.0  # a slow reader is thinned, not cut off: it sees a ping only behind all that waits for it
TICKS = 10  # of 0.1 s, between looks at the certificate
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Server(uvicorn.Server):
    """A server that says when it is ready, and for which being told to end is not a failure."""

    def __init__(self, config: uvicorn.Config, ready_file: Path | None) -> None:
        super().__init__(config)
        self._ready_file = ready_file
        self._certificate = _stamp(config)

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn's own, every 0.1 s; now and then a certificate that was renewed is taken up for connections to come."""
        if counter % TICKS == 0 and (now := _stamp(self.config)) != self._certificate:
            self._certificate = now
            with contextlib.suppress(OSError):  # half of it is there: it will have changed again
                cast("ssl.SSLContext", self.config.ssl).load_cert_chain(str(self.config.ssl_certfile))
                LOG.info("took up the renewed certificate %s", self.config.ssl_certfile)
        return await super().on_tick(counter)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._ready_file is not None:
            self._ready_file.touch()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's own, but the signal is not raised again at the end: exit code 0."""
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _stamp(config: uvicorn.Config) -> float:
    """When the certificate was written; 0 without one."""
    try:
        return Path(config.ssl_certfile).stat().st_mtime if config.ssl_certfile else 0.0
    except OSError:
        return 0.0


def serve(app: FastAPI, *, host: str, port: int, ready_file: Path | None, certificate: Path | None = None) -> None:
    """Serve until a signal. Called from the main thread; CannotStartError when the address is not to be had."""
    bound = bind(host, port)
    allow_connections()
    LOG.info("listening on %s://%s:%d", "https" if certificate else "http", host, bound.getsockname()[1])
    config = uvicorn.Config(
        app,
        http=PatientHttp,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=END_S,
        timeout_keep_alive=KEEP_ALIVE_S,
        ssl_certfile=certificate,
        ws_per_message_deflate=False,  # a picture costs more to pack than to send
        ws_max_size=MAX_HEARD_BYTES,
        ws_ping_timeout=PATIENCE_S,
    )
    _load(config)
    with bound:
        Server(config, ready_file).run(sockets=[bound])
    LOG.info("ended")


def _load(config: uvicorn.Config) -> None:
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        remedy = "run `chelu certs init`, or mend CHELU_REGISTRY_CERTIFICATE_FILE"
        raise CannotStartError(f"the certificate {config.ssl_certfile} cannot be used ({error})", remedy) from None


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        remedy = "set CHELU_REGISTRY_HOST and CHELU_REGISTRY_PORT to an address that is free here"
        raise CannotStartError(f"{host}:{port} cannot be listened on ({error.strerror})", remedy) from None
    return bound
