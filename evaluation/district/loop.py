"""The closed loop, in step: SUMO drives a second, everybody on the road speaks, inference decides, the signals obey, and so on.

Simulated time is a clock that all processes of the site share. It stands still while a second is being worked on, so what comes
of a run does not hang on how fast the machine is, and a run is as fast as the machine. How long each part had to be waited for is
measured. With a pace, time runs no faster than so many times ours.

    at T        SUMO has driven until T: vehicles and roadside units speak
    at T + ½    the controllers look and decide; signals get their commands, and their clocks go on
    then        heads show what stood at T, and SUMO drives on to T + 1
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from chelu.bus import Session
from chelu.clock import Clock, SharedClock
from chelu.signals.stages import US
from evaluation.district.heads import TURN_S, Head
from evaluation.district.town import Town
from evaluation.district.voices import Voices
from evaluation.signals.safety import Watch
from evaluation.signals.world import World

HALF_US = US // 2
LONGEST_WAIT_S = 1.0  # for a decision, and for the signals: then the town goes on without


@dataclass(slots=True)
class Tally:
    """What a run has cost and given. waits_ms: from everybody having spoken to the decision, a value a second."""

    seconds: int = 0
    undecided: int = 0
    waits_ms: list[float] = field(default_factory=list)
    drives_ms: list[float] = field(default_factory=list)
    vehicles: list[int] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)  # as inference says them
    signals: list[Mapping[str, object]] = field(default_factory=list)  # as they were told last


@dataclass(slots=True)
class Loop:
    """One run; owned by one thread. time: the machine's own clock. pace: times as fast as ours at most; 0: as fast as it goes."""

    world: World
    town: Town
    voices: Voices
    heads: Mapping[str, Head]
    shared: SharedClock
    time: Clock
    onlooker: Session
    watch: Watch
    pace: float = 0.0
    tally: Tally = field(default_factory=Tally)
    _began: tuple[float, int] | None = None

    def second(self, time_us: int) -> None:
        """Work on the second that ends at an instant; the clock stands half a second after it then."""
        self._await_heads(time_us - US)
        for light, head in self.heads.items():
            shown = head.at(time_us - US)
            self.world.show(light, shown)
            self.watch.see(light, shown, (time_us - US) / US)
        began_s = self.time.monotonic_s()
        self.world.step()
        seen = self.town.seen()
        self.shared.set(time_us)
        self.voices.say(seen, time_us)
        spoken_s = self.time.monotonic_s()
        self.shared.set(time_us + HALF_US)
        self._await(time_us + HALF_US)
        self.tally.seconds += 1
        self.tally.vehicles.append(len(seen) - int(seen.is_on_foot.sum()))
        self.tally.drives_ms.append(1000.0 * (spoken_s - began_s))
        self.tally.waits_ms.append(1000.0 * (self.time.monotonic_s() - spoken_s))
        self._keep_pace(time_us)

    def run(self, from_us: int, seconds: int, tell: Callable[[int], None]) -> None:
        """So many seconds from an instant on; tell(seconds done) after each."""
        for number in range(1, seconds + 1):
            self.second(from_us + number * US)
            tell(number)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _await_heads(self, time_us: int) -> None:
        """Until every signal has gone on to an instant, or for the longest wait: what is too late then is counted as late."""
        until_s = self.time.monotonic_s() + LONGEST_WAIT_S
        while self.time.monotonic_s() < until_s and not all(head.has_come_to(time_us) for head in self.heads.values()):
            self.time.sleep(TURN_S / 5)

    def _await(self, time_us: int) -> None:
        """Until the controllers have decided on this instant, or for the longest wait."""
        until_s = self.time.monotonic_s() + LONGEST_WAIT_S
        while (left_s := until_s - self.time.monotonic_s()) > 0:
            for message in self.onlooker.drain(100, min(left_s, 0.05)):
                said = json.loads(message.payload)
                self.tally.counts, self.tally.signals = said["counts"], said["signals"]
                if said["time_us"] >= time_us:
                    return
        self.tally.undecided += 1

    def _keep_pace(self, time_us: int) -> None:
        if not self.pace:
            return
        now_s = self.time.monotonic_s()
        began_s, began_us = self._began = self._began or (now_s, time_us)
        self.time.sleep(began_s + (time_us - began_us) / US / self.pace - now_s)


def percentiles(values: list[float]) -> dict[str, float]:
    """Median, 99 % and most."""
    if not values:
        return {"p50": 0.0, "p99": 0.0, "most": 0.0}
    p50, p99, most = np.percentile(values, [50, 99, 100]).tolist()
    return {"p50": round(p50, 2), "p99": round(p99, 2), "most": round(most, 2)}
