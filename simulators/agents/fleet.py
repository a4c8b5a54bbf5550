"""Simulated agents at the broker: each with a session and a credential of its own, all in one thread of this process."""

from __future__ import annotations

import heapq
import json
import threading
from collections.abc import Sequence
from typing import Self

import numpy as np

from chelu import topics
from chelu.bus import packets
from chelu.bus.messages import Will
from chelu.clock import Clock
from chelu.topics import Kind
from simulators.agents.agent import Fetch, SimulatedAgent, Word
from simulators.agents.fetching import Packages
from simulators.agents.traits import Trait
from simulators.load.connection import Account
from simulators.load.loop import Loop

TURN_S = 0.02
LEAVING_S = 5.0  # longest wait until the good-byes are out
ALIVE_S = 60.0  # between two signs of life of an agent: the run_status_s that it has from the factory
CONNECT_S = 30.0
KIND = Kind.RSU
DOWN = tuple(topics.row(f"{{kind}}/{{id}}/{name}/down") for name in ("config", "command", "upgrade"))
UP = {row.stream: row for row in topics.of_kind(KIND, from_device=True) if not row.is_by_serial}


def filters_of(device_id: str) -> tuple[str, ...]:
    """What an agent hears."""
    return tuple(row.topic(KIND, device_id) for row in DOWN)


def will_of(device_id: str) -> Will:
    """What the broker says of an agent that is lost."""
    row = UP["state"]
    return Will(row.topic(KIND, device_id), SimulatedAgent.offline("connection lost").payload(), row.qos, row.retained)


def agents_of(
    names: Sequence[str], traits: Sequence[Trait], *, seed: int, late_s: float, versions: dict[str, str]
) -> list[SimulatedAgent]:
    """Agents that have these versions from the factory."""
    chances = [np.random.default_rng([seed, 12, number]).random for number in range(len(names))]
    return [
        SimulatedAgent(name, trait, chance, late_s, versions=dict(versions))
        for name, trait, chance in zip(names, traits, chances, strict=True)
    ]


class Fleet:
    """The agents, while it is entered; accounts in the agents' order, with `filters_of` each. Look at `agents` at its end."""

    def __init__(
        self, agents: Sequence[SimulatedAgent], accounts: Sequence[Account], clock: Clock, packages: Packages, *, seed: int = 0
    ) -> None:
        self.agents, self._clock, self._packages = list(agents), clock, packages
        self._loop = Loop(accounts, clock, seed=seed)
        self._later: list[tuple[float, int, int, Word]] = []  # a heap: when, tie, agent, what
        self._said = self._lived = 0  # messages, and signs of life among them
        self._begun_s = clock.monotonic_s()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agents", daemon=True)
        self.heard = self.lost_sessions = 0

    def __enter__(self) -> Self:
        self._loop.connect_all(CONNECT_S + len(self.agents) / 100)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()  # who might still have a package fetched
        self._packages.close()
        self._take_leave()
        self._loop.close()

    @property
    def said(self) -> int:
        """Messages so far."""
        return self._said

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._loop.turn(TURN_S)
            arrived, spoken_to = self._loop.take_news()
            for number in arrived:
                self._say(number, self.agents[number].online(self._clock.wall_us()))
            for number in spoken_to:
                self._hear(number)
            for number, order, trouble in self._packages.ended():
                self._say(number, self.agents[number].fetched(order, trouble, self._clock.wall_us()))
            self._say_later()
            self._say_alive()
            self.lost_sessions = self._loop.losses

    def _hear(self, number: int) -> None:
        connection, agent = self._loop.connections[number], self.agents[number]
        heard, connection.heard = connection.heard, []
        for topic, payload in heard:
            self.heard += 1
            answers = agent.told(topic, payload, self._clock.wall_us())
            self._say(number, [word for word in answers if isinstance(word, Word)])
            for fetch in answers:
                if isinstance(fetch, Fetch):
                    self._packages.fetch(number, agent.device_id, fetch.order, json.dumps(fetch.order).encode())

    def _say(self, number: int, words: Sequence[Word]) -> None:
        now_s = self._clock.monotonic_s()
        for word in words:
            self._said += 1
            if word.in_s:
                heapq.heappush(self._later, (now_s + word.in_s, self._said, number, word))
            else:
                self._publish(number, word)

    def _say_later(self) -> None:
        while self._later and self._later[0][0] <= self._clock.monotonic_s():
            _, _, number, word = heapq.heappop(self._later)
            self._publish(number, word)

    def _say_alive(self) -> None:
        """One after the other, so that each has said so once in `ALIVE_S`."""
        due = int((self._clock.monotonic_s() - self._begun_s) / ALIVE_S * len(self.agents))
        for turn in range(self._lived, due):
            number = turn % len(self.agents)
            self._say(number, self.agents[number].alive(self._clock.wall_us()))
        self._lived = due

    def _take_leave(self) -> None:
        """Good-byes, as of any agent that is stopped; what is not out in time the broker never hears."""
        for number, agent in enumerate(self.agents):
            self._say(number, [agent.offline("stopped", self._clock.wall_us())])
        until_s = self._clock.monotonic_s() + LEAVING_S
        while any(one.has_unsent for one in self._loop.connections) and self._clock.monotonic_s() < until_s:
            self._loop.turn(TURN_S)

    def _publish(self, number: int, word: Word) -> None:
        connection, row = self._loop.connections[number], UP[word.stream]
        if not connection.is_ready:
            return  # lost with the session: it is asked again
        packet_id = int(connection.numbers(1)[0])
        topic = row.topic(KIND, self.agents[number].device_id)
        packet = packets.publish(topic, word.payload(), qos=1, retain=row.retained, packet_id=packet_id)
        self._loop.send(number, memoryview(packet), lambda _: None)
