"""The example devices that decide, with a fault: `python -m tests.wrong_deciders FAULT …`, the rest as the examples' options."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from simulators.scenario.dut.example import run, wire_parser
from simulators.scenario.dut.example_driving import Decider, Follower
from simulators.scenario.dut.example_signals import OnDemand

FAULT_S = 2.0  # of the scenario's time
SLOW_S = 0.3


class Blind(Follower):
    """Sees nobody, and no light."""

    def ahead(self, step: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
        yield from ()


class ColourBlind(Follower):
    """Takes red for green."""

    def ahead(self, step: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
        yield from super().ahead({**step, "lights": []})


class Drifts(Follower):
    """Comes off its lane."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {"acceleration_mps2": super().decide(step)["acceleration_mps2"], "lateral_mps": 0.1}


class Rough(Follower):
    """Brakes and lets go by turns."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        answer, beat = super().decide(step), round(step["time_s"] / 0.02) % 2
        return {**answer, "acceleration_mps2": answer["acceleration_mps2"] - beat}


class Slow(Follower):
    """Takes its time, once."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        if step["time_s"] == FAULT_S:
            time.sleep(SLOW_S)
        return super().decide(step)


class Rubbish(Follower):
    """Wants what cannot be, once."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {"acceleration_mps2": "hard"} if step["time_s"] == FAULT_S else super().decide(step)


class Interrupts(Follower):
    """Presses Ctrl-C where it was started, in mid-run."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        if step["time_s"] == FAULT_S:
            os.kill(os.getppid(), signal.SIGINT)
        return super().decide(step)


class Dies(Follower):
    """Dies in mid-run, without a word."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        if step["time_s"] >= FAULT_S:
            os._exit(1)
        return super().decide(step)


class BothGreen(OnDemand):
    """Lets both go."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {"shows": {one["name"]: "green" for one in step["signals"]}}


class NeverTurns(OnDemand):
    """Green stays where it is."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {"shows": {}}


class Blinks(OnDemand):
    """Gives the side road two seconds."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        shows = super().decide(step)["shows"]
        if shows["side_road"] == "green" and step["time_s"] - self._since_s > 2.0:
            shows["side_road"] = "red"
        return {"shows": shows}


class NoYellow(OnDemand):
    """Goes from green to red at once."""

    def decide(self, step: Mapping[str, Any]) -> dict[str, Any]:
        return {"shows": {name: "red" if light == "yellow" else light for name, light in super().decide(step)["shows"].items()}}


FAULTS: dict[str, type[Any]] = {
    "none": Follower,
    "blind": Blind,
    "colour-blind": ColourBlind,
    "drifts": Drifts,
    "rough": Rough,
    "slow": Slow,
    "rubbish": Rubbish,
    "dies": Dies,
    "interrupts": Interrupts,
    "on-demand": OnDemand,
    "both-green": BothGreen,
    "never-turns": NeverTurns,
    "blinks": Blinks,
    "no-yellow": NoYellow,
}

if __name__ == "__main__":
    made = FAULTS[sys.argv[1]]
    run(Decider(made), wire_parser("one that is wrong").parse_args(sys.argv[2:]))
