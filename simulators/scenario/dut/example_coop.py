"""A device that cooperates, as small as one can be: it asks for a lane when it closes in, and lets others in. Copy it.

    python -m simulators.scenario.dut.example_coop --broker mqtt://127.0.0.1:1883 --id bench-obu --secret-file bench-obu.secret
    python -m simulators.scenario.dut.example_coop --hears 127.0.0.1:5005 --says 127.0.0.1:5006

`Cooperator` is what is tested; docs/dut.md says what each message is, docs/formats/coop.md what is in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.messages import BSM, filled, frames_of
from simulators.scenario.dut.example import run, wire_parser

Document = dict[str, Any]
ASKS_M = 45.0  # from bumper to bumper, when somebody slower is so near ahead
IN_LANE_M, CHANGED_M = 1.75, 2.5  # aside of its own line: who is in its lane, and when it has left it itself
# Its lanes as the site's MAP numbers them: it drives from node 1 to node 2, on the right one of two.
FROM, TO = ({"upstream": {"id": 1}, "downstream": {"id": 2}, "lane": lane} for lane in (2, 1))
GIVES_WAY = {"lane_change.yield": "lane_change.consent", "vru.notice": "vru.consent"}


class Cooperator:
    """Hears frames, commands and messages of cooperation one at a time, and answers with documents: (stream, document)."""

    def __init__(self) -> None:
        self._own_id, self._number = 0, 0
        self._begin()
        cv2x.decode(cv2x.encode_bsm(filled(BSM, 1)))  # the codec's first frame takes longer than a run would wait for

    def _begin(self) -> None:
        self._own: Document | None = None
        self._frame = LocalFrame(0.0, 0.0)  # where it began, and how it headed there: its lane, on a straight road
        self._ahead_deg = 0.0
        self._asked, self._is_granted, self._has_ended = 0, False, False

    def hear(self, frame: bytes) -> Iterator[tuple[str, Document]]:
        """A UPER MessageFrame from the air; the own vehicle's BSM stands for its GNSS and bus."""
        bsm = cv2x.decode(frames_of([frame], time.time_ns() // 1000)).bsm
        for one in (dict(zip(bsm, (bsm[name][row] for name in bsm), strict=True)) for row in range(len(bsm))):
            if int(one["vehicle_id"]) == self._own_id:
                if self._own is None:
                    self._frame, self._ahead_deg = LocalFrame(one["latitude_deg"], one["longitude_deg"]), one["heading_deg"]
                self._own = one
                yield from self._has_changed(one)
            elif self._own is not None and not self._asked and self.is_wanted(self._own, one):
                yield self._ask(self._own)

    def obey(self, command: Document) -> tuple[str, Document]:
        """A command, which always gets an answer."""
        if "vehicle_id" in command:  # a run begins: nothing of the one before counts
            self._own_id = int(command["vehicle_id"], 16)
            self._begin()
        return "command/ack", {"seqNum": command["seqNum"], "errorCode": 0, "time_us": time.time_ns() // 1000}

    def told(self, message: Document) -> Iterator[tuple[str, Document]]:
        """A message of cooperation: it gives way to whom it is asked for, and notes what it is granted."""
        if message["type"] == "lane_change.answer" and message["answers"] == self._asked:
            self._is_granted = message["decision"] == "granted"
        if message["type"] in GIVES_WAY:
            yield self.say(GIVES_WAY[message["type"]], answers=message["seqNum"], decision="granted")

    def is_wanted(self, own: Document, other: Document) -> bool:
        """Whether it wants another lane because of this one: slower, near, and in its lane."""
        ahead_m, aside_m = self._lies(other) - self._lies(own)
        gap_m = ahead_m - (own["length_m"] + other["length_m"]) / 2.0
        return bool(0 < gap_m < ASKS_M and abs(aside_m) < IN_LANE_M and other["speed_mps"] < own["speed_mps"])

    def say(self, kind: str, **fields: Any) -> tuple[str, Document]:
        """A message under the next number."""
        self._number += 1
        return "coop", {"type": kind, "seqNum": self._number, "time_us": time.time_ns() // 1000, **fields}

    def _ask(self, own: Document) -> tuple[str, Document]:
        asked = self.say(
            "lane_change.request",
            motion=self.motion(own),
            size={"length_m": float(own["length_m"]), "width_m": float(own["width_m"])},
            from_lane=FROM,
            to_lane=TO,
            start_in_s=1.0,
            duration_s=8.0,
            why="speed",
        )
        self._asked = asked[1]["seqNum"]
        return asked

    def _has_changed(self, own: Document) -> Iterator[tuple[str, Document]]:
        """Once it is on the other lane it says so."""
        if self._is_granted and not self._has_ended and abs(self._lies(own)[1]) > CHANGED_M:
            self._has_ended = True
            yield self.say("lane_change.outcome", answers=self._asked, outcome="done")

    def motion(self, own: Document) -> Document:
        """Where it is and how it moves."""
        place = {name: float(own[name]) for name in ("latitude_deg", "longitude_deg")}
        return {"place": place, "speed_mps": float(own["speed_mps"]), "heading_deg": float(own["heading_deg"]) % 360.0}

    def _lies(self, one: Document) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """How far ahead and aside of where it began."""
        (east, north), ahead = self._frame.to_local(one["latitude_deg"], one["longitude_deg"])[0, :2], np.radians(self._ahead_deg)
        return np.array([east * np.sin(ahead) + north * np.cos(ahead), east * np.cos(ahead) - north * np.sin(ahead)])


if __name__ == "__main__":
    run(Cooperator(), wire_parser("a device that cooperates").parse_args())
