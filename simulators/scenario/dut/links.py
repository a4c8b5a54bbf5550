"""How the rig reaches a device under test: over the site's broker, or over UDP without one.

Both take the place of a replay's session, so that what the device says is kept aside while the replay goes on.
"""

from __future__ import annotations

import json
import socket
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from chelu.bus import Posts, Publication, Received, Session
from chelu.clock import Clock
from chelu.endpoint import host_and_port
from chelu.errors import CannotStartError
from chelu.topics import Kind, find, row
from simulators.scenario.dut.said import Said
from simulators.scenario.track.hub import Hub

AIR, COMMAND = row("{kind}/{id}/air/down"), row("{kind}/{id}/command/down")
COOP_UP, COOP_DOWN = row("{kind}/{id}/coop/up"), row("{kind}/{id}/coop/down")
SAYS = (row("obu/{id}/warning/up"), row("{kind}/{id}/state"), row("{kind}/{id}/command/down/ack"), COOP_UP)
STREAMS = frozenset(one.stream for one in SAYS)
COOP, TOLD = COOP_UP.stream, "told"  # what a device says of cooperation, and what the platform says to it
FRAME = "frame"  # what a roadside unit sends over the air
LARGEST_DATAGRAM = 65_507
_POLL_S = 0.1


class Link(Protocol):
    """A device's ear and mouth. Called from the run's thread only."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing can have been lost on the rig's own side until now."""

    def hand_over(self, frame: bytes) -> None:
        """What it would hear now over the air."""

    def command(self, document: Mapping[str, Any]) -> None:
        """Tell it something that it has to answer."""

    def tell(self, document: Mapping[str, Any]) -> None:
        """A message of cooperation, in the roadside's place."""

    def heard(self, wait_s: float) -> list[Said]:
        """What it has said since; waits at most so long for the first word."""


class BrokerLink:
    """The session of the gateway that the device hangs on; what others are told goes to the replay, as ever."""

    def __init__(self, session: Session, device_id: str) -> None:
        self._session, self._device_id = session, device_id
        self._aside = deque[Said]()
        self._connection = session.connections

    @property
    def is_whole(self) -> bool:
        return self._session.is_connected and self._session.connections == self._connection

    def hand_over(self, frame: bytes) -> None:
        self._session.publish(AIR.topic(Kind.OBU, self._device_id), frame, qos=AIR.qos)

    def command(self, document: Mapping[str, Any]) -> None:
        self._session.publish(COMMAND.topic(Kind.OBU, self._device_id), json.dumps(document).encode(), qos=COMMAND.qos)

    def tell(self, document: Mapping[str, Any]) -> None:
        self._session.publish(COOP_DOWN.topic(Kind.OBU, self._device_id), json.dumps(document).encode(), qos=COOP_DOWN.qos)

    def heard(self, wait_s: float) -> list[Said]:
        self.drain(1000, 0.0 if self._aside else wait_s)
        said = list(self._aside)
        self._aside.clear()
        return said

    # -- a replay's session --------------------------------------------------------------------------------------------------

    def publish_all(self, posts: Posts) -> Publication:
        return self._session.publish_all(posts)

    def publish(self, topic: str, payload: bytes, *, qos: int) -> Publication:
        return self._session.publish(topic, payload, qos=qos)

    def wait_connected(self, timeout_s: float) -> None:
        self._session.wait_connected(timeout_s)

    def drain(self, limit: int, wait_s: float) -> list[Received]:
        """What is not the device's; the rig keeps nothing that would have to be durable, so all is acknowledged at once."""
        received = self._session.drain(limit, wait_s)
        self._session.acknowledge(received)
        return [one for one in received if not self._is_aside(one)]

    def acknowledge(self, received: list[Received]) -> None:
        """Done in `drain`."""

    def _is_aside(self, one: Received) -> bool:
        match = find(one.topic)
        if match is None or match.device != self._device_id or match.topic not in (*SAYS, COOP_DOWN):
            return False
        if not one.retained:  # what was said before we came is not said of this run
            stream = TOLD if match.topic == COOP_DOWN else match.topic.stream
            self._aside.append(Said(stream, one.payload, one.arrival_us))
        return True


class HubLink:
    """One device of a gateway's session that is asked, and hears nothing over the air."""

    def __init__(self, hub: Hub, session: Session, device_id: str) -> None:
        self._hub, self._session, self._device_id = hub, session, device_id
        self._connection = session.connections

    @property
    def is_whole(self) -> bool:
        return self._session.is_connected and self._session.connections == self._connection

    def hand_over(self, frame: bytes) -> None:
        """Nothing is: who decides is told what is where."""

    def command(self, document: Mapping[str, Any]) -> None:
        self._hub.command(self._device_id, document)

    def tell(self, document: Mapping[str, Any]) -> None:
        """Nothing is: who decides is asked what it decides."""

    def heard(self, wait_s: float) -> list[Said]:
        return [said for device, said in self._hub.heard(wait_s) if device == self._device_id]


class Nowhere:
    """A replay's session that leads nowhere: what is said goes to the device alone, frame by frame."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._settled = clock, threading.Condition()

    def publish_all(self, posts: Posts) -> Publication:  # noqa: ARG002
        publication = Publication(self._settled)
        publication.is_acknowledged = True
        return publication

    def wait_connected(self, timeout_s: float) -> None:
        """There is nobody to be connected to."""

    def drain(self, limit: int, wait_s: float) -> list[Received]:  # noqa: ARG002
        self._clock.sleep(wait_s)
        return []

    def acknowledge(self, received: list[Received]) -> None:
        """Nothing is ever received."""


class UdpLink(Nowhere):
    """Datagrams, where there is no broker and no site. A thread of its own reads them, so that their times are true."""

    def __init__(self, hears: str, says: str, clock: Clock, *, has_frames: bool = False) -> None:
        """has_frames: whether the device sends frames, too: datagrams that do not begin as a document."""
        super().__init__(clock)
        self._to, self._has_frames = host_and_port(hears), has_frames
        self._out, self._in = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        try:
            self._in.bind(host_and_port(says))
        except OSError as error:
            self._in.close()
            self._out.close()
            what = f"dut.udp.says = {says} cannot be listened on ({error.strerror})"
            raise CannotStartError(what, "name a free port of this machine, or stop who has it") from None
        self._in.settimeout(_POLL_S)
        self._said = deque[Said]()
        self._changed, self._stopping = threading.Condition(), threading.Event()
        self._thread = threading.Thread(target=self._read, name="device under test", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._in.close()
        self._out.close()

    @property
    def is_whole(self) -> bool:
        return self._thread.is_alive()

    def hand_over(self, frame: bytes) -> None:
        self._send(frame)

    def command(self, document: Mapping[str, Any]) -> None:
        self._send(json.dumps(document).encode())

    def tell(self, document: Mapping[str, Any]) -> None:
        self._send(json.dumps({"stream": COOP, **document}).encode())

    def heard(self, wait_s: float) -> list[Said]:
        with self._changed:
            self._changed.wait_for(lambda: self._said, wait_s)
            said = list(self._said)
            self._said.clear()
        return said

    def _send(self, datagram: bytes) -> None:
        try:
            self._out.sendto(datagram, self._to)
        except OSError:  # nobody listens there (yet): that it answers nothing is what counts
            return

    # -- its own thread ------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        while not self._stopping.is_set():
            try:
                payload = self._in.recv(LARGEST_DATAGRAM)
            except TimeoutError:
                continue
            is_frame = self._has_frames and not payload.startswith(b"{")
            said = Said(FRAME if is_frame else stream_of(payload), payload, self._clock.wall_us())
            with self._changed:
                self._said.append(said)
                self._changed.notify_all()


def stream_of(datagram: bytes) -> str:
    """Which stream a datagram of the device belongs to: `stream` in it says so; one that says none that there is is a warning."""
    try:
        stream = json.loads(datagram)["stream"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "warning"
    return stream if isinstance(stream, str) and stream in STREAMS else "warning"


def filters(device_id: str) -> Sequence[str]:
    """What the rig listens to, of this device and of what is said to it."""
    return [one.topic(Kind.OBU, device_id) for one in (*SAYS, COOP_DOWN)]
