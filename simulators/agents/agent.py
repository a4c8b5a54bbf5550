"""One simulated agent: documents in, documents out, and the truth about it. Pure; time and chance are passed in.

What it says is like what `edge` says (docs/edge.md), but for what its trait makes of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulators.agents.traits import Trait

LOSS = 0.3  # of a lossy agent's messages, each way
FACTORY = {"heartbeat_s": 10.0, "run_status_s": 60.0, "log_level": "INFO", "muted_streams": []}
STRAY_NUMBER = 2**40
LOCAL_ERROR = 2


@dataclass(frozen=True, slots=True)
class Word:
    """What it says on a stream, so many seconds from now."""

    stream: str
    document: dict[str, Any]
    in_s: float = 0.0

    def payload(self) -> bytes:
        """As JSON."""
        return json.dumps(self.document, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Fetch:
    """A package that it has to fetch before it can say more."""

    order: dict[str, Any]


@dataclass(slots=True)
class SimulatedAgent:
    """device_id and trait; config, versions: the truth; heard, done: numbers of orders it has had, and has carried out."""

    device_id: str
    trait: Trait
    chance: Callable[[], float]
    late_s: float = 0.0
    config: dict[str, Any] = field(default_factory=lambda: dict(FACTORY))
    versions: dict[str, str] = field(default_factory=dict)
    heard: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    lost: int = 0
    ends: dict[int, dict[str, Any]] = field(default_factory=dict)  # of upgrades, by number

    def told(self, topic: str, payload: bytes, time_us: int) -> list[Word | Fetch]:
        """What it does about one message."""
        if self._is_lost():
            return []
        document = json.loads(payload)
        self.heard.add(document["seqNum"])
        if self.trait is Trait.SILENT:
            return []
        return [
            each
            for each in self._answers(topic.split("/")[2], document, time_us)
            if isinstance(each, Fetch) or not self._is_lost()
        ]

    def online(self, time_us: int) -> list[Word]:
        """What it says when it connects."""
        info = {"config": self._said_config(), "versions": self._said_versions(), "time_us": time_us}
        return [Word("state", {"state": "online", "time_us": time_us}), Word("info", info)]

    def alive(self, time_us: int) -> list[Word]:
        """What it says now and then, so that it is known to be there: that it runs, and nothing of its machine."""
        return [Word("run-status", {"time_us": time_us, "runningInfo": {}})]

    def fetched(self, order: dict[str, Any], trouble: str, time_us: int) -> list[Word]:
        """What it says when it has tried to fetch and check a package; trouble: why it could not."""
        if not trouble:
            self.versions[order["name"]] = order["version"]
        return [each for each in self._ended(order, trouble, time_us) if not self._is_lost()]

    @staticmethod
    def offline(reason: str, time_us: int | None = None) -> Word:
        """Its good-bye; without a time, its last will, which is written before its hour."""
        time = {} if time_us is None else {"time_us": time_us}
        return Word("state", {"state": "offline", "reason": reason, **time})

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _is_lost(self) -> bool:
        is_lost = self.trait is Trait.LOSSY and self.chance() < LOSS
        self.lost += is_lost
        return is_lost

    def _answers(self, topic: str, document: dict[str, Any], time_us: int) -> Iterator[Word | Fetch]:
        number = document["seqNum"]
        if self.trait is Trait.STRAY:
            yield Word(f"{topic}/ack", {"seqNum": STRAY_NUMBER + number, "errorCode": 0})
        if topic == "upgrade":
            yield from self._upgraded(document, time_us)
            return
        answer = {"seqNum": number, "errorCode": 0, "time_us": time_us}
        if topic == "config":
            answer |= self._configured(document)
        self.done |= set() if answer["errorCode"] or self.trait is Trait.LIAR else {number}
        yield from self._said(Word(f"{topic}/ack", answer))

    def _configured(self, document: dict[str, Any]) -> dict[str, Any]:
        if self.trait is Trait.FULL:
            return {"errorCode": LOCAL_ERROR, "errorDesc": "configuration.json cannot be written (No space left on device)"}
        if self.trait is not Trait.LIAR:
            self.config = {**FACTORY, **{name: value for name, value in document.items() if name not in {"seqNum", "ack"}}}
        return {"config": self._said_config()}

    def _said(self, word: Word) -> Iterator[Word]:
        word = Word(word.stream, word.document, self.late_s if self.trait is Trait.LATE else 0.0)
        yield word
        if self.trait is Trait.DOUBLE:
            yield word
            yield Word(word.stream, {**word.document, "errorCode": LOCAL_ERROR, "errorDesc": "on second thoughts, no"})

    def _upgraded(self, order: dict[str, Any], time_us: int) -> Iterator[Word | Fetch]:
        number = order["seqNum"]
        yield Word("upgrade/ack", {"seqNum": number, "errorCode": 0, "state": "received"})
        if number in self.ends:
            yield Word("upgrade-status", self.ends[number])
        elif order["action"] == "rollback":
            self.versions[order["name"]] = order["version"]
            yield from self._ended(order, "", time_us)
        elif self.trait is Trait.FULL:
            yield from self._ended(order, f"no room: {order['bytes']} bytes are needed and 17 are free", time_us)
        elif self.trait in {Trait.LIAR, Trait.PRETENDER}:
            yield from self._ended(order, "", time_us)
        else:
            yield Fetch(order)

    def _ended(self, order: dict[str, Any], trouble: str, time_us: int) -> Iterator[Word]:
        about = {"seqNum": order["seqNum"], "name": order["name"], "version": order["version"], "time_us": time_us}
        versions = self._said_versions()
        if self.trait is Trait.PRETENDER and not trouble:
            versions[order["name"]] = order["version"]
        end = {
            **about,
            "state": "failed" if trouble else "done",
            "errorCode": LOCAL_ERROR if trouble else 0,
            "versions": versions,
        }
        end |= {"errorDesc": trouble[:128]} if trouble else {}
        self.ends[order["seqNum"]] = end
        if not trouble and self.versions.get(order["name"]) == order["version"]:
            self.done.add(order["seqNum"])
        yield from self._said(Word("upgrade-status", end))

    def _said_config(self) -> dict[str, Any]:
        return dict(self.config)

    def _said_versions(self) -> dict[str, str]:
        return dict(self.versions)
