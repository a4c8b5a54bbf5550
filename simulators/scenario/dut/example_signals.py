"""A signal controller under test, as small as one can be: green goes to whoever waits. Copy it, put yours in.

    python -m simulators.scenario.dut.example_signals --hears 127.0.0.1:5005 --says 127.0.0.1:5006

`OnDemand` is what is tested; in memory it is the device `example-signals`. docs/dut.md says what each message is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.scenario.deciding.documents import signals_alone
from simulators.scenario.dut.example import run, wire_parser
from simulators.scenario.dut.example_driving import Decider

GREEN_S, LONGEST_GREEN_S, YELLOW_S, ALL_RED_S = 6.0, 20.0, 3.0, 2.0


class OnDemand:
    """One signal after the other has green: at least `GREEN_S`, at most `LONGEST_GREEN_S` while another one is asked for."""

    def __init__(self) -> None:
        self._green, self._since_s, self._next = 0, 0.0, 0

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        """What every signal shows from now on."""
        signals, now_s = step["signals"], step["time_s"]
        lasted_s = now_s - self._since_s
        if self._green == self._next:
            wanted = self._wanted(signals)
            is_free = signals[self._green]["approaching"] == 0
            if wanted != self._green and lasted_s >= (GREEN_S if is_free else LONGEST_GREEN_S):
                self._next, self._since_s, lasted_s = wanted, now_s, 0.0
        elif lasted_s >= YELLOW_S + ALL_RED_S - 1e-9:
            self._green, self._since_s = self._next, now_s
        light = "green" if self._green == self._next else "yellow" if lasted_s < YELLOW_S - 1e-9 else "red"
        return {"shows": {one["name"]: light if number == self._green else "red" for number, one in enumerate(signals)}}

    def _wanted(self, signals: list[dict[str, Any]]) -> int:
        """Who waited longest for it, else who comes; the one that has it if nobody else does."""
        others = [number for number, one in enumerate(signals) if number != self._green and one["approaching"]]
        return max(others, key=lambda number: (signals[number]["waited_s"], -number), default=self._green)


in_memory = signals_alone(OnDemand)

if __name__ == "__main__":
    run(Decider(OnDemand), wire_parser("a signal controller that goes by demand").parse_args(), kind="signal")
