"""What a test plays itself: a device that says what it is told to, and a web server that takes or refuses."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chelu.api import Client, NewDevice
from chelu.topics import Kind
from services.registry.alarms import signing
from tests.integration.registry.test_broker import Peer

SITE = "hillside"


class Puppet:
    """A device by hand: it says what it is told to."""

    def __init__(self, client: Client, port: int, device_id: str, kind: Kind = Kind.OBU, **fields: Any) -> None:
        new = NewDevice(device_id=device_id, kind=kind, site_id=SITE, **fields)
        secret = client.add_devices([new])[0].secret
        self.root, self.peer = f"{kind}/{device_id}", Peer(port, device_id, secret)

    def say(self, stream: str, document: Mapping[str, Any], *, qos: int = 1) -> None:
        self.peer.mqtt.publish(f"{self.root}/{stream}/up", json.dumps(document), qos=qos).wait_for_publish(10)

    def beat(self, **more: Any) -> None:
        self.say("heartbeat", {"time_us": time.time_ns() // 1000, "start_id": "s", "sent": {}, **more})


@contextlib.contextmanager
def going_on(work: Callable[[], object], every_s: float) -> Iterator[None]:
    """Have something done again and again."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every_s):
            work()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass
class Receiver:
    """A real HTTP server on a port that it keeps: `status` is what it answers; down, nobody listens."""

    port: int = 0
    status: int = 204
    taken: list[tuple[dict[str, Any], str, bytes]] = field(default_factory=list)
    refused: int = 0
    server: ThreadingHTTPServer | None = None

    def up(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status < 300:
                    receiver.taken.append((json.loads(body), self.headers[signing.HEADER], body))
                else:
                    receiver.refused += 1
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def down(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def subjects(self) -> list[tuple[str, str]]:
        return [(body["subject"], body["event"]) for body, _, _ in self.taken if body["event"] != "trial"]
