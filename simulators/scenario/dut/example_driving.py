"""A driving function under test, as small as one can be: it follows, keeps its lane and stops at red. Copy it, put yours in.

    python -m simulators.scenario.dut.example_driving --hears 127.0.0.1:5005 --says 127.0.0.1:5006

`Follower` is what is tested; in memory it is the device `example-driving`. docs/dut.md says what each message is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

from simulators.scenario.deciding.documents import driving_alone
from simulators.scenario.dut.example import run, wire_parser

Document = dict[str, Any]
HEADWAY_S, STANDING_M, SPEEDING_UP_MPS2, COMFORTABLE_MPS2, HARDEST_MPS2 = 1.3, 3.0, 1.5, 2.5, 8.0
RAMP_MPS3 = 20.0  # how fast its acceleration changes


class Follower:
    """Drives as the intelligent driver model does; knows one step at a time."""

    def __init__(self) -> None:
        self._desired_mps, self._before = 0.0, (0.0, 0.0)  # time and acceleration of the step before

    def decide(self, step: Mapping[str, Any]) -> Document:
        """How it speeds up until it is asked again."""
        ego, now_s = step["ego"], step["time_s"]
        speed = ego["speed_mps"]
        if now_s == 0.0:
            self._desired_mps, self._before = max(speed, 0.1), (0.0, 0.0)
        free = 1.0 - (speed / self._desired_mps) ** 4
        wanted = SPEEDING_UP_MPS2 * free
        for gap_m, other_mps in self.ahead(step):
            closing = speed * (speed - other_mps) / (2.0 * math.sqrt(SPEEDING_UP_MPS2 * COMFORTABLE_MPS2))
            keeps = STANDING_M + max(speed * HEADWAY_S + closing, 0.0)
            wanted = min(wanted, SPEEDING_UP_MPS2 * (free - (keeps / max(gap_m, 0.1)) ** 2))
        then_s, then = self._before
        ramp = RAMP_MPS3 * (now_s - then_s)
        wanted = min(max(wanted, -HARDEST_MPS2, then - ramp), then + ramp)
        self._before = now_s, wanted
        return {"acceleration_mps2": wanted, "lane": ego["lane"]}

    def ahead(self, step: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
        """Gap and speed of all that lies in its path: whoever is on its way within its width, and stop lines that show red."""
        ego = step["ego"]
        for one in step["objects"]:
            beside = abs(one["aside_m"] - ego["aside_m"]) - (one["width_m"] + ego["width_m"]) / 2.0
            gap = one["along_m"] - ego["along_m"] - (one["length_m"] + ego["length_m"]) / 2.0
            if one["way"] == ego["way"] and beside < 0.3 and gap > -ego["length_m"] and one["along_m"] > ego["along_m"]:
                yield gap, one["speed_mps"]
        yield from ((one["distance_m"], 0.0) for one in step["lights"] if one["shows"] != "green" and self._can_stop(step, one))

    @staticmethod
    def _can_stop(step: Mapping[str, Any], light: Mapping[str, Any]) -> bool:
        return bool(light["shows"] == "red" or step["ego"]["speed_mps"] ** 2 / 2.0 / COMFORTABLE_MPS2 < light["distance_m"])


class Decider:
    """What a device that decides hears and says: commands, of which it decides about steps; nothing from the air."""

    def __init__(self, make: type[Any]) -> None:
        self._make, self._tested = make, make()

    def hear(self, _frame: bytes) -> list[tuple[str, Document]]:
        """Nobody sends it any."""
        return []

    def told(self, _message: Document) -> list[tuple[str, Document]]:
        """Nobody cooperates with it."""
        return []

    def obey(self, command: Document) -> tuple[str, Document]:
        """A command, which always gets an answer; that to a step is what it decides."""
        answer = {"seqNum": command["seqNum"], "errorCode": 0, "time_us": time.time_ns() // 1000}
        if command.get("action") == "ready":  # a run begins: nothing of the one before counts
            self._tested = self._make()
        elif command.get("action") == "step":
            answer |= self._tested.decide(command)
        return "command/ack", answer


in_memory = driving_alone(Follower)

if __name__ == "__main__":
    run(Decider(Follower), wire_parser("a driving function that follows").parse_args(), kind="vehicle")
