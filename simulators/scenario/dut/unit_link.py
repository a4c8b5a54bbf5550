"""How the rig reaches a roadside unit under test: over UDP, or at its site's broker under its own id."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from chelu.api import Device
from chelu.bus import Received, Session
from chelu.clock import Clock
from chelu.codec.envelope import Envelope, split
from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.topics import Kind, Payload, find, row
from simulators.replay import Session as ReplaySession
from simulators.scenario.dut.at_broker import at_broker
from simulators.scenario.dut.bench import Bench
from simulators.scenario.dut.links import AIR, COMMAND, FRAME, Link, Nowhere, UdpLink
from simulators.scenario.dut.said import Said
from simulators.scenario.platform import DEFAULT_ORIGIN
from simulators.scene import Origin

SENDS = tuple(row(f"rsu/{{id}}/{stream}/up") for stream in ("rsm", "spat", "map", "rsi"))
SAYS = (*SENDS, row("{kind}/{id}/state"), row("{kind}/{id}/command/down/ack"))


class UnitLink(Link, ReplaySession, Protocol):
    """A way to a unit that stands in for a replay's session: what vehicles say goes to the unit alone."""


@dataclass(frozen=True, slots=True)
class There:
    """Where a unit is tested: the way to it, what it is called, and where the road lies."""

    link: UnitLink
    device: str
    origin: Origin

    @property
    def frame(self) -> LocalFrame:
        """The road's own metres."""
        return LocalFrame(self.origin.latitude_deg, self.origin.longitude_deg, self.origin.elevation_m)


@contextmanager
def unit_link(bench: Bench) -> Iterator[There]:
    """For all runs. ConfigurationError for a device that is no roadside unit."""
    if bench.device.udp is not None:
        with UdpLink(bench.device.udp.hears, bench.device.udp.says, bench.clock, has_frames=True) as link:
            yield There(link, f"at {bench.device.udp.hears}", DEFAULT_ORIGIN)
        return
    with at_broker(bench, _filters) as found:
        place = Origin(found.site.latitude_deg, found.site.longitude_deg, found.site.elevation_m)
        yield There(BrokerUnitLink(found.session, found.record, bench.clock), found.record.device_id, place)


def _filters(record: Device) -> list[str]:
    if record.kind is not Kind.RSU:
        raise ConfigurationError("dut.mqtt.device", record.device_id, f"a roadside unit: it is registered as {record.kind}")
    return [one.topic(Kind.RSU, record.device_id) for one in SAYS]


class BrokerUnitLink(Nowhere):
    """The session of the gateway that the unit hangs on. Its frames come in the envelope that the register has for it."""

    def __init__(self, session: Session, record: Device, clock: Clock) -> None:
        super().__init__(clock)
        self._session, self._record = session, record
        self._connection = session.connections

    @property
    def is_whole(self) -> bool:
        return self._session.is_connected and self._session.connections == self._connection

    def hand_over(self, frame: bytes) -> None:
        self._session.publish(AIR.topic(Kind.RSU, self._record.device_id), frame, qos=AIR.qos)

    def command(self, document: Mapping[str, Any]) -> None:
        self._session.publish(COMMAND.topic(Kind.RSU, self._record.device_id), json.dumps(document).encode(), qos=COMMAND.qos)

    def tell(self, document: Mapping[str, Any]) -> None:
        """Nothing is: it is tested for what it sees."""

    def heard(self, wait_s: float) -> list[Said]:
        received = self._session.drain(1000, wait_s)
        self._session.acknowledge(received)
        return [said for one in received if not one.retained for said in self._said(one)]

    def _said(self, one: Received) -> Iterator[Said]:
        match = find(one.topic)
        if match is None or match.device != self._record.device_id or match.topic not in SAYS:
            return
        if match.topic.payload is not Payload.FRAMES:
            yield Said(match.topic.stream, one.payload, one.arrival_us)
            return
        frames, rejects = split([one.payload], [Envelope(self._record.envelope)], [False], np.array([one.arrival_us], np.int64))
        yield from (Said(FRAME, frames.frame(number), one.arrival_us) for number in range(len(frames)))
        yield from (Said(FRAME, one.payload, one.arrival_us) for _ in rejects.index)  # counts as what cannot be read
