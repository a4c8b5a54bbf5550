"""A device under test that is in the register, adopted at its site's broker while it is tested."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from chelu.api import Client, Device, Site
from chelu.bus import Session
from simulators.connection import adopting
from simulators.scenario.dut.bench import Bench


@dataclass(frozen=True, slots=True)
class AtBroker:
    """The device's record, its site, and the session of the gateway that it hangs on meanwhile."""

    record: Device
    site: Site
    session: Session


@contextmanager
def at_broker(bench: Bench, filters: Callable[[Device], Sequence[str]]) -> Iterator[AtBroker]:
    """filters: what of it is listened to. It hangs on the gateway `SITE-track`, as on the track."""
    with Client.find(dict(bench.environ)) as client:
        record = client.device(bench.device.called)
        site = client.site(record.site_id)
        gateway = f"{site.site_id}-track"
        with adopting(client, site, gateway, [record], bench.clock, bench.environ, filters(record)) as session:
            yield AtBroker(record, site, session)
