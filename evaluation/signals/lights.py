"""The lights of a run, second by second: a controller's last word, what the heads show, and whether that was safe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from chelu.signals.stages import US, Shown
from evaluation.signals.layout import Layout
from evaluation.signals.network import Network
from evaluation.signals.safety import Watch
from evaluation.signals.world import STANDS_MPS, World
from services.inference.city.signals.contract import Decision, State

HOLDS_S = 1.5  # a command outlasts the second until the next one
TELL_EVERY_S = 60


class Signal(Protocol):
    """One light, as whatever guards it has it."""

    @property
    def shown(self) -> Shown:
        """What is shown now."""

    @property
    def following(self) -> int:
        """The stage that is green next, during a change; that shown, in a green."""

    def turn(self, now_us: int) -> Shown | None:
        """Go on as far as the time has come."""


SignalT = TypeVar("SignalT", bound=Signal)


class Lights(Generic[SignalT]):
    """All lights of a layout. `signals`: their guards, in the layout's order."""

    def __init__(self, layout: Layout, signals: Sequence[SignalT], now_s: float) -> None:
        self.layout, self.signals = layout, signals
        self._runs_out_s = np.full(len(signals), now_s)
        self._stage = np.zeros(len(signals), np.int64)

    def facts(self, now_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Stage and seconds of green of every junction, as `State` has them."""
        stage = np.array([one.following for one in self.signals], np.int64)
        since_s = [now_s - one.shown.since_us / US if one.shown.light == "green" else -1.0 for one in self.signals]
        return stage, np.array(since_s, np.float64)

    def commands(self, decision: Decision, now_s: float) -> list[tuple[SignalT, int, int]]:
        """Signal, stage and the command's end in µs: what was decided, where the word before has run out; elsewhere that word."""
        is_out = now_s >= self._runs_out_s - 1e-6
        self._stage = np.where(is_out, decision.stage, self._stage)
        self._runs_out_s = np.where(is_out, now_s + decision.duration_s, self._runs_out_s)
        until_us = round(now_s * US) + round(HOLDS_S * US)
        return [(signal, stage, until_us) for signal, stage in zip(self.signals, self._stage.tolist(), strict=True)]

    def show(self, world: World, now_us: int) -> None:
        """Let the guards go on, and set the heads."""
        for name, signal, programme in zip(self.layout.names, self.signals, self.layout.programmes, strict=True):
            signal.turn(now_us)
            world.show(name, programme.shown(signal.shown.stage, signal.shown.light, signal.following))


def watch_over(network: Network, world: World) -> Watch:
    """Who looks at the heads, with the least greens of the layout's programmes."""
    layout = world.layout
    least_s = {
        name: min(one.least_green_s for one in programme.stages)
        for name, programme in zip(layout.names, layout.programmes, strict=True)
    }
    return Watch(network, world.on_foot, least_s)


def run_through(
    world: World, lights: Lights[SignalT], watch: Watch, act: Callable[[State], None], tell: Callable[[float], None]
) -> list[int]:
    """The seconds of a world's scenario; how many vehicles stood in each. act: decides and commands; tell: of the share done."""
    begin_s, end_s = world.scenario.begin_s, world.scenario.end_s
    now_s, queues = begin_s, list[int]()
    while now_s < end_s:
        state = world.see(now_s, *lights.facts(now_s))
        act(state)
        lights.show(world, round(now_s * US))
        for name in world.layout.names:
            watch.see(name, world.shown(name), now_s)
        queues.append(int((state.vehicles.speed_mps < STANDS_MPS).sum()))
        now_s = world.step()
        if len(queues) % TELL_EVERY_S == 0:
            tell((now_s - begin_s) / (end_s - begin_s))
    return queues
