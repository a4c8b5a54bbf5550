"""A thousand devices in one process: each with its own session at the broker, answering what it is told, as an agent would.

For what has to hold for many at once: an emergency stop, a campaign. Each is online, answers commands, and remembers whether it
is stopped; one that is `silent` hears and does not answer. Belongs to one thread of its own, which `Swarm` starts.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from chelu import topics
from chelu.bus import packets
from chelu.bus.messages import Address
from chelu.clock import Clock
from chelu.topics import Kind
from simulators.load.connection import Account
from simulators.load.loop import Loop

COMMAND = topics.row("{kind}/{id}/command/down")
ANSWER = topics.row("{kind}/{id}/command/down/ack")
STATE = topics.row("{kind}/{id}/state")
TURN_S = 0.02
BAD_PARAMETER = 1
MOVES: Mapping[str, bool] = {"stop": True, "release": False}


@dataclass(frozen=True, slots=True)
class Member:
    """One device of the swarm."""

    kind: Kind
    device_id: str
    secret: str = field(repr=False)
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One command as it reached a device: when, by the machine's clock."""

    device_id: str
    command: str
    number: int
    heard_us: int


class Swarm:
    """Enter it to connect all. `told` and `stopped` may be read by any thread."""

    def __init__(self, broker_url: str, members: Sequence[Member], clock: Clock, *, timeout_s: float = 60.0) -> None:
        address = Address.read(broker_url)
        accounts = [
            Account(address, it.device_id, it.device_id, it.secret, (COMMAND.topic(it.kind, it.device_id),)) for it in members
        ]
        self._members, self._clock, self._timeout_s = members, clock, timeout_s
        self._loop = Loop(accounts, clock)
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="swarm", daemon=True)
        self._error: BaseException | None = None
        self._start_id = secrets.token_hex(8)
        self._newest = [0] * len(members)  # numbers of orders to stop or go on, in which an older one does not count
        self.told: list[Told] = []
        self.stopped: set[str] = set()

    def __enter__(self) -> Self:
        self._loop.connect_all(self._timeout_s)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._thread.join()
        self._loop.close()
        if self._error is not None:
            raise self._error

    @property
    def standing(self) -> int:
        """How many sessions stand."""
        return self._loop.ready

    # -- its own thread ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._leaving.is_set():
                came, heard = self._loop.take_news()
                for number in came:
                    self._say_online(number)
                for number in heard:
                    self._hear(number)
                self._loop.turn(TURN_S)
        except BaseException as error:  # noqa: BLE001 - raised where the swarm ends
            self._error = error

    def _say_online(self, number: int) -> None:
        member = self._members[number]
        document = {"state": "online", "start_id": self._start_id, "time_us": self._clock.wall_us()}
        self._publish(number, STATE.topic(member.kind, member.device_id), document, retain=True)

    def _hear(self, number: int) -> None:
        connection, member = self._loop.connections[number], self._members[number]
        heard, connection.heard = connection.heard, []
        for _, payload in heard:
            now_us = self._clock.wall_us()
            order = json.loads(payload)
            self.told.append(Told(member.device_id, order["command"], order["seqNum"], now_us))
            if not member.is_silent:
                self._publish(number, ANSWER.topic(member.kind, member.device_id), self._answer(number, order))

    def _answer(self, number: int, order: Mapping[str, Any]) -> dict[str, Any]:
        member, sequence, command = self._members[number], int(order["seqNum"]), str(order["command"])
        if command == "ping":
            return {"seqNum": sequence, "errorCode": 0}
        if command not in MOVES:
            return {"seqNum": sequence, "errorCode": BAD_PARAMETER, "errorDesc": f"command = {command!r} is not allowed"}
        if sequence >= self._newest[number]:
            self._newest[number] = sequence
            (self.stopped.add if MOVES[command] else self.stopped.discard)(member.device_id)
        return {"seqNum": sequence, "errorCode": 0, "is_stopped": member.device_id in self.stopped}

    def _publish(self, number: int, topic: str, document: Mapping[str, Any], *, retain: bool = False) -> None:
        connection = self._loop.connections[number]
        packet_id = int(connection.numbers(1)[0])
        payload = json.dumps(document, separators=(",", ":")).encode()
        packet = packets.publish(topic, payload, qos=1, retain=retain, packet_id=packet_id)
        self._loop.send(number, memoryview(packet), lambda _: None)
