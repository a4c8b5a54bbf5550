"""What the roadside and a device under test that cooperates say to one another: played, read and kept.

In the roadside's place the rig says what the scenario has it say. Over the broker the platform answers as in production, and the
rig listens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chelu.clock import Clock
from chelu.codec.documents import parse_object
from chelu.coop.catalogue import Direction, check
from chelu.errors import MalformedError, NotAllowedError
from chelu.geo import LocalFrame
from chelu.messages import Batch
from simulators.scenario.dut.description import Saying
from simulators.scenario.dut.said import LARGEST_BYTES, Said
from simulators.scenario.trace import Floats, Trace

FIRST_NUMBER = 2_000_000_000  # of what the rig says: far above those that a platform has come to
NO_NUMBER = -1
BEFORE_S = 1.0  # a message may tell of where its sender was so long before it arrived
MOST_PENDING = 1000  # answers that are still to be said: a device that floods the rig gets no more


@dataclass(frozen=True, slots=True)
class Exchange:
    """One message. answers: NO_NUMBER where it answers nothing; place: latitude and longitude, NaN where it names none.

    document: all of it but its time, in one form: the same message said again is the same.
    """

    is_device: bool
    kind: str
    number: int
    answers: int
    decision: str
    place: tuple[float, float]
    time_us: int
    document: str


def read_exchange(said: Said, direction: Direction) -> Exchange:
    """The message; MalformedError for a document that is none, or that this side may not say."""
    if len(said.payload) > LARGEST_BYTES:
        raise MalformedError("overlong", f"{len(said.payload)} bytes where {LARGEST_BYTES} are allowed")
    document = parse_object(said.payload)
    document.pop("stream", None)  # of a datagram
    try:
        check(document, direction)
    except NotAllowedError as error:
        raise MalformedError("undecodable", str(error)) from None
    return exchange(document, said.arrival_us, is_device=direction is Direction.UP)


def exchange(document: Mapping[str, Any], time_us: int, *, is_device: bool) -> Exchange:
    """Of a document that is one."""
    place = (document.get("motion") or {}).get("place") or {}
    return Exchange(
        is_device=is_device,
        kind=str(document["type"]),
        number=int(document["seqNum"]),
        answers=NO_NUMBER if document.get("answers") is None else int(document["answers"]),
        decision=str(document.get("decision", "")),
        place=(float(place.get("latitude_deg", np.nan)), float(place.get("longitude_deg", np.nan))),
        time_us=time_us,
        document=json.dumps({name: value for name, value in document.items() if name != "time_us"}, sort_keys=True),
    )


@dataclass(slots=True)
class Counterpart:
    """The roadside in one run, as a scenario has it. Belongs to the run's thread.

    tell: says a document to the device. exchanges: all that both have said so far, in the order in which the rig knew of it.
    """

    script: Sequence[Saying]
    tell: Callable[[Mapping[str, Any]], None]
    clock: Clock
    exchanges: list[Exchange] = field(default_factory=list)
    _pending: list[tuple[int, Saying, int]] = field(default_factory=list)  # when (µs), what, in answer to which number
    _answered: set[tuple[str, int]] = field(default_factory=set)
    _number: int = FIRST_NUMBER
    _is_begun: bool = False

    def turn(self, anchor_us: int, heard: Sequence[Exchange]) -> None:
        """Take in what was said since, and say what is due. anchor_us: the run's beginning."""
        if not self._is_begun:
            self._is_begun = True
            self._pending += [(anchor_us + round(one.at_s * 1e6), one, 0) for one in self.script if one.at_s is not None]
        for one in heard:
            self.exchanges.append(one)
            self._answer(one)
        now_us = self.clock.wall_us()
        due = sorted((one for one in self._pending if one[0] <= now_us), key=lambda one: one[0])
        self._pending = [one for one in self._pending if one[0] > now_us]
        for _, saying, answers in due:
            self._say(saying, answers)

    def _answer(self, one: Exchange) -> None:
        """A message said again is answered once."""
        if not one.is_device or (one.kind, one.number) in self._answered or len(self._pending) >= MOST_PENDING:
            return
        self._answered.add((one.kind, one.number))
        for saying in self.script:
            if saying.answers == one.kind:
                self._pending.append((one.time_us + round(saying.after_s * 1e6), saying, one.number))

    def _say(self, saying: Saying, answers: int) -> None:
        self._number += 1
        time_us = self.clock.wall_us()
        document = saying.document(number=self._number, time_us=time_us, answers=answers)
        self.tell(document)
        self.exchanges.append(exchange(document, time_us, is_device=False))


def rows_of(exchanges: Sequence[Exchange], anchor_us: int, trace: Trace, actor: int, frame: LocalFrame) -> Batch:
    """As `Trace.cooperation`, of one run that began at anchor_us; actor: for whom the device stands."""
    time_s = np.array([(one.time_us - anchor_us) / 1e6 for one in exchanges], np.float64)
    places = np.array([one.place for one in exchanges], np.float64).reshape(-1, 2)
    return Batch(
        {
            "run": np.zeros(len(exchanges), np.int64),
            "time_s": time_s,
            "is_device": np.array([one.is_device for one in exchanges], np.bool_),
            "kind": np.array([one.kind for one in exchanges], "U40"),
            "number": np.array([one.number for one in exchanges], np.int64),
            "answers": np.array([one.answers for one in exchanges], np.int64),
            "decision": np.array([one.decision for one in exchanges], "U8"),
            "off_m": _off_m(time_s, frame.to_local(places[:, 0], places[:, 1])[:, :2], trace, actor),
            "is_stray": np.array(_strays(exchanges), np.bool_),
        }
    )


def _off_m(time_s: Floats, xy: Floats, trace: Trace, actor: int) -> Floats:
    """How far a place is from where the actor was in the last second: clocks do not matter, nor how long it was on its way."""
    own = trace.xy[:, 0, actor]
    off = np.hypot(own[:, None, 0] - xy[:, 0], own[:, None, 1] - xy[:, 1])
    is_then = (trace.time_s[:, None] >= time_s - BEFORE_S) & (trace.time_s[:, None] <= np.maximum(time_s, 0.0) + trace.step_s)
    least = np.min(np.where(is_then, off, np.inf), axis=0, initial=np.inf)
    return np.where(np.isfinite(xy[:, 0]), least, np.nan)


def _strays(exchanges: Sequence[Exchange]) -> list[bool]:
    """Which messages of the device answer what was never said, to it or by it, or stand under a number that it used before."""
    told, own, found = set[int](), dict[int, str](), list[bool]()
    for one in exchanges:
        if not one.is_device:
            told.add(one.number)
            found.append(False)
            continue
        is_again = own.setdefault(one.number, one.document) != one.document
        is_unasked = one.answers != NO_NUMBER and one.answers not in told and one.answers not in own
        found.append(is_again or is_unasked)
    return found
