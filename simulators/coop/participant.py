"""A vehicle, or somebody on foot, with a unit of its own: drives along a path through a real agent, asks, and hears the answers.

What it hears comes from its agent over UDP, as the unit's own software gets it. It keeps to advised speeds, and says whether it
gives way when it is asked. One thread of its own drives it; `ask`, `heard` and `speed_mps` are for any thread.
"""

from __future__ import annotations

import itertools
import json
import math
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from chelu.clock import Clock
from chelu.geo import LocalFrame
from chelu.topics import Kind
from edge.agent import Agent
from edge.bsm import BsmWriter
from edge.nmea import Fix
from edge.routing import Heard
from edge.settings import EdgeSettings, Vehicle

PERIOD_S = 0.1
_CONSENTS = {"lane_change.yield": "lane_change.consent", "vru.notice": "vru.consent"}
_FIRST = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Course:
    """A path in the site's local metres (k, 3) and where on it one begins, how fast."""

    points: np.ndarray[tuple[int, int], np.dtype[np.float64]]
    begin_m: float
    speed_mps: float

    def at(self, way_m: float) -> tuple[tuple[float, float, float], float]:
        """Place and heading."""
        step = np.hypot(*np.diff(self.points[:, :2], axis=0).T)
        along = np.concatenate([[0.0], np.cumsum(step)])
        way = float(np.clip(way_m, 0.0, along[-1] - 1e-3))
        leg = int(np.searchsorted(along, way, side="right")) - 1
        east, north, up = (float(np.interp(way, along, self.points[:, axis])) for axis in range(3))
        towards = self.points[leg + 1] - self.points[leg]
        return (east, north, up), math.degrees(math.atan2(towards[0], towards[1])) % 360


class Participant:
    """Entered, it drives. consents: what it says when it is asked to give way; None: nothing."""

    def __init__(
        self,
        name: str,
        broker: str,
        course: Course,
        frame: LocalFrame,
        spool: Path,
        clock: Clock,
        *,
        vehicle_id: int,
        obeys: bool = True,
        consents: bool | None = True,
        credential_file: Path | None = None,
    ) -> None:
        self.name, self.course, self._frame, self._clock = name, course, frame, clock
        self.speed_mps, self._way_m, self._obeys, self._consents = course.speed_mps, course.begin_m, obeys, consents
        self._ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ear.bind(("127.0.0.1", 0))
        self._ear.settimeout(0)
        sink = f"127.0.0.1:{self._ear.getsockname()[1]}"
        about: dict[str, Any] = {
            "kind": Kind.OBU, "id": name, "broker": broker, "warning_sink": sink, "spool": {"directory": spool},
            "credential_file": credential_file,
        }  # fmt: skip
        self.agent = Agent(EdgeSettings.check(about, source=name), clock)
        self._bsm = BsmWriter(vehicle_id, Vehicle())
        self._numbers = itertools.count(next(_FIRST) * 1000)
        self._heard: list[dict[str, Any]] = []
        self._asked: dict[int, dict[str, Any]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"drives {name}", daemon=True)

    def __enter__(self) -> Self:
        self.agent.start()
        self.agent.wait_connected(10)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.agent.stop()
        self._ear.close()

    @property
    def way_m(self) -> float:
        """How far along its path it is."""
        return self._way_m

    def heard(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What it was told so far, warnings left out."""
        return [one for one in list(self._heard) if kind in {None, one.get("type")}]

    def motion(self) -> dict[str, Any]:
        """Where it is now, as messages have it."""
        place, heading = self.course.at(self._way_m)
        latitude, longitude, elevation = (float(one[0]) for one in self._frame.to_geodetic([place]))
        there = {"latitude_deg": latitude, "longitude_deg": longitude, "elevation_m": elevation}
        return {"place": there, "speed_mps": round(self.speed_mps, 2), "heading_deg": round(heading, 3) % 360}

    def ask(self, kind: str, **body: Any) -> int:
        """Say something; its number. A number given is used again, which makes it a repetition."""
        number = int(body.pop("seqNum", 0)) or next(self._numbers)
        document = self._asked.get(number) or {"type": kind, "seqNum": number, "time_us": self._clock.wall_us(), **body}
        self._asked[number] = document
        self.agent.report("coop", document)
        return number

    # -- its own thread ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        last_s = self._clock.monotonic_s()
        while not self._stopping.is_set():
            now_s = self._clock.monotonic_s()
            self._way_m += self.speed_mps * (now_s - last_s)
            last_s = now_s
            self._say_where()
            self._listen()
            self._stopping.wait(max(0.0, PERIOD_S - (self._clock.monotonic_s() - now_s)))

    def _say_where(self) -> None:
        place, heading = self.course.at(self._way_m)
        latitude, longitude, elevation = (float(one[0]) for one in self._frame.to_geodetic([place]))
        now_us = self._clock.wall_us()
        frame = self._bsm.write(Fix(now_us, latitude, longitude, elevation, self.speed_mps, heading))
        self.agent.hear([Heard(frame, now_us)])

    def _listen(self) -> None:
        while (document := _received(self._ear)) is not None:
            if "type" in document:
                self._heard.append(document)
                self._react(document)

    def _react(self, document: Mapping[str, Any]) -> None:
        """Keep to the advised speed, stop where a right is taken back, say whether it gives way."""
        kind, advised = document["type"], document.get("speed_mps")
        if self._obeys and advised is not None and document.get("decision") == "granted":
            self.speed_mps = max(float(advised), 0.5)
        if self._obeys and kind == "vru.notice":
            self.speed_mps = min(self.speed_mps, 1.0)
        if kind in _CONSENTS and self._consents is not None:
            decision = "granted" if self._consents else "refused"
            self.ask(_CONSENTS[kind], answers=document["seqNum"], decision=decision)


def _received(ear: socket.socket) -> dict[str, Any] | None:
    try:
        payload = ear.recv(65_536)
    except BlockingIOError:
        return None
    found: dict[str, Any] = json.loads(payload)
    return found


def straight(begin: Sequence[float], end: Sequence[float], speed_mps: float, begin_m: float = 0.0) -> Course:
    """From one place to another."""
    return Course(np.array([begin, end], np.float64), begin_m, speed_mps)
