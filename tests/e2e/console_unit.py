"""The roadside unit of the console's tests: an agent with the secret that was shown, and the traffic that it hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from chelu.geo import LocalFrame
from chelu.local.ports import free_port
from tests.e2e.conftest import AgentProcess
from tests.e2e.console_place import PLACE, Place
from tests.e2e.console_street import Street

RSU = "rsu-gate"
PERIOD_S = 0.1


def unit_of(place: Place, secret: str) -> AgentProcess:
    """Its agent, which is not started yet."""
    config, port = place.work / "edge.toml", free_port()
    (place.work / "secret").write_text(secret)
    config.write_text(
        f'kind = "rsu"\nid = "{RSU}"\nbroker = "{place.site.endpoints.mqtt_url}"\ncredential_file = "secret"\nheartbeat_s = 1\n'
        f'[[sources]]\ntype = "frames"\nlisten = "127.0.0.1:{port}"\n'
    )
    return AgentProcess(config, port)


@contextmanager
def driving(agent: AgentProcess) -> Iterator[float]:
    """The street's traffic in real time while this lasts; when it began (wall clock, s)."""
    street, ending = Street(LocalFrame(PLACE["latitude_deg"], PLACE["longitude_deg"], PLACE["elevation_m"])), threading.Event()
    began_s = time.time()

    def drive() -> None:
        while not ending.wait(PERIOD_S):
            agent.hear(street.frames(time.time() - began_s, time.time_ns() // 1000))

    thread = threading.Thread(target=drive)
    thread.start()
    try:
        yield began_s
    finally:
        ending.set()
        thread.join()
