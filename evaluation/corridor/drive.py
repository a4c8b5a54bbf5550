"""One run: an ambulance through a town's traffic, with a corridor or without, everything else alike. In a process of its own.

python -m evaluation.corridor.drive < task.json

Its siren is on in both: who is ahead of it and near takes another lane, or stops beside the road until it has passed. It stops at
red lights in both: SUMO would let it pass them, and into others. With a corridor it is led by the state of the roads, signals on
its way are asked for green as the platform asks them, and who is on its way is warned from further away.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chelu.errors import CannotStartError
from chelu.roads import sumo
from chelu.signals.stages import US
from edge.signal_plan import Granted, SignalPlan
from edge.signal_plan import Limits as PlanLimits
from evaluation.corridor.ambulance import TYPE, Ambulance
from evaluation.signals import network as networks
from evaluation.signals import trips
from evaluation.signals.drive import HOLDS_S, answer, counted_by_sumo
from evaluation.signals.programme import Limits
from evaluation.signals.safety import Watch
from evaluation.signals.world import STANDS_MPS, Scenario, World
from services.inference.city.corridor.corridor import Ask, Corridor
from services.inference.city.corridor.way import Streets
from services.inference.city.signals.catalogue import CONTROLLERS

LONGEST_WISH_S = 120.0


@dataclass(frozen=True, slots=True)
class Task:
    """at_s: when the ambulance sets out; begin, end: its roads; has_corridor: or nothing is done for it."""

    scenario: Scenario
    controller: str
    begin: str
    end: str
    at_s: float
    has_corridor: bool
    warns_m: float
    hears_m: float

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Task:
        """From what `asdict` made of one, through JSON."""
        scenario = {**document["scenario"]}
        scenario |= {name: Path(scenario[name]) for name in ("net", "route")}
        return cls(**{**document, "scenario": Scenario(**scenario)})


class Lights:
    """The plans of all lights as their agents have them: commands, wishes, limits. Rows are the layout's."""

    def __init__(self, world: World, limits: Limits, now_us: int) -> None:
        self._world, self.layout = world, world.layout
        plan_limits = PlanLimits(limits.longest_red_s, LONGEST_WISH_S)
        self.plans = [SignalPlan(one.stages, plan_limits, now_us) for one in self.layout.programmes]
        self._runs_out_s = np.full(len(self.plans), -np.inf)
        self._stage = np.zeros(len(self.plans), np.int64)
        self.granted = self.refused = 0

    def facts(self, now_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Stage and seconds of green of every junction."""
        since = [now_s - one.shown.since_us / US if one.shown.light == "green" else -1.0 for one in self.plans]
        return np.array([one.following for one in self.plans], np.int64), np.array(since)

    def command(self, decision: Any, now_s: float) -> None:
        """What the controller says, held for as long as it takes; where a vehicle has priority it is not heard."""
        is_out = now_s >= self._runs_out_s - 1e-6
        self._stage = np.where(is_out, decision.stage, self._stage)
        self._runs_out_s = np.where(is_out, now_s + decision.duration_s, self._runs_out_s)
        now_us = round(now_s * US)
        for plan, stage in zip(self.plans, self._stage.tolist(), strict=True):
            plan.prefer(stage, now_us + round(HOLDS_S * US), now_us)

    def ask(self, ask: Ask, now_us: int) -> bool:
        """A wish; whether it was granted."""
        found = self.plans[ask.signal].ask("ambulance", ask.phase, ask.from_us, ask.until_us, now_us)
        is_granted = isinstance(found, Granted)
        self.granted += is_granted
        self.refused += not is_granted
        return is_granted

    def give_back(self, signal: int) -> None:
        """It has passed."""
        self.plans[signal].give_back("ambulance")

    def show(self, now_us: int) -> None:
        """Let the plans go on, and set the heads."""
        for name, plan, programme in zip(self.layout.names, self.plans, self.layout.programmes, strict=True):
            plan.turn(now_us)
            self._world.show(name, programme.shown(plan.shown.stage, plan.shown.light, plan.following))


def drive(task: Task, tell: Callable[[float], None]) -> dict[str, Any]:
    """Run it; the figures."""
    network = networks.read(task.scenario.net)
    with tempfile.TemporaryDirectory() as scratch:
        extra = Path(scratch) / "ambulance.add.xml"
        extra.write_text(TYPE, encoding="utf-8")
        world = World(replace(task.scenario, extra=extra), network, Limits(), 200.0, Path(scratch))
        try:
            found = _drive(task, world, network, tell)
        finally:
            world.close()
        own, others = trips.split(Path(scratch) / "trips.xml", Ambulance.NAME)
        found |= {"others": asdict(others), "ambulance": asdict(own)} | counted_by_sumo(Path(scratch) / "statistics.xml")
    return found


def _drive(task: Task, world: World, network: networks.Network, tell: Callable[[float], None]) -> dict[str, Any]:
    scenario, layout = task.scenario, world.layout
    roads = Streets(sumo.read(networks.read_file("--net", scenario.net)))
    controller = CONTROLLERS[task.controller](layout.junctions)
    lights = Lights(world, Limits(), round(scenario.begin_s * US))
    ambulance = Ambulance(world.engine, roads, task, layout)
    corridor = Corridor()
    least = {
        name: min(one.least_green_s for one in programme.stages)
        for name, programme in zip(layout.names, layout.programmes, strict=True)
    }
    watch, now_s, queues = Watch(network, world.on_foot, least), scenario.begin_s, list[int]()
    while now_s < scenario.end_s:
        state, now_us = world.see(now_s, *lights.facts(now_s)), round(now_s * US)
        lights.command(controller.decide(state), now_s)
        ambulance.step(now_s)
        if task.has_corridor:
            _lead(ambulance, corridor, lights, now_us)
        lights.show(now_us)
        for name in layout.names:
            watch.see(name, world.shown(name), now_s)
        queues.append(int((state.vehicles.speed_mps < STANDS_MPS).sum()))
        now_s = world.step()
        if len(queues) % 60 == 0:
            tell((now_s - scenario.begin_s) / (scenario.end_s - scenario.begin_s))
    if ambulance.arrived_s is None:
        raise CannotStartError("the ambulance has not arrived before the end", "give it more time, or another goal")
    return {
        "travel_s": round(ambulance.arrived_s - task.at_s, 1), "stops": ambulance.stops, "own_collisions": ambulance.collisions,
        "path": ambulance.path, "granted": lights.granted, "refused": lights.refused, "reroutes": ambulance.reroutes,
        "warned": len(ambulance.warned), "breaches": asdict(watch.breaches), "queues": queues,
    }  # fmt: skip


def _lead(ambulance: Ambulance, corridor: Corridor, lights: Lights, now_us: int) -> None:
    """A second of the corridor."""
    if not ambulance.is_driving:
        for signal in corridor.end():
            lights.give_back(signal)
        return
    way = ambulance.way()
    asks, over = corridor.wishes(way, ambulance.signals, ambulance.standing(), now_us)
    for signal in over:
        lights.give_back(signal)
    for ask in asks:
        if not lights.ask(ask, now_us):
            corridor.refused(ask.signal)


def main() -> None:
    """A task from standard input."""
    answer(lambda task, tell: drive(Task.read(task), tell))


if __name__ == "__main__":
    main()
