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

from chelu.errors import CannotStartError
from chelu.roads import sumo
from chelu.signals.stages import US
from edge.signal_plan import Granted, SignalPlan
from edge.signal_plan import Limits as PlanLimits
from evaluation.corridor.ambulance import TYPE, Ambulance
from evaluation.signals import network as networks
from evaluation.signals import trips
from evaluation.signals.drive import answer, counted_by_sumo
from evaluation.signals.layout import Layout
from evaluation.signals.lights import Lights, run_through, watch_over
from evaluation.signals.programme import Limits
from evaluation.signals.world import Scenario, World
from services.inference.city.corridor.corridor import Ask, Corridor
from services.inference.city.corridor.way import Streets
from services.inference.city.signals.catalogue import CONTROLLERS
from services.inference.city.signals.contract import State

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


class Wished(Lights[SignalPlan]):
    """All lights as their agents have them: commands, wishes, limits; and how many wishes were granted and refused."""

    def __init__(self, layout: Layout, limits: Limits, now_s: float) -> None:
        plan_limits = PlanLimits(limits.longest_red_s, LONGEST_WISH_S)
        super().__init__(layout, [SignalPlan(one.stages, plan_limits, round(now_s * US)) for one in layout.programmes], now_s)
        self.granted = self.refused = 0

    def ask(self, ask: Ask, now_us: int) -> bool:
        """A wish; whether it was granted."""
        found = self.signals[ask.signal].ask("ambulance", ask.phase, ask.from_us, ask.until_us, now_us)
        is_granted = isinstance(found, Granted)
        self.granted += is_granted
        self.refused += not is_granted
        return is_granted

    def give_back(self, signal: int) -> None:
        """It has passed."""
        self.signals[signal].give_back("ambulance")


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
    lights = Wished(layout, Limits(), scenario.begin_s)
    ambulance, corridor = Ambulance(world.engine, roads, task, layout), Corridor()

    def act(state: State) -> None:
        now_us = round(state.now_s * US)
        for plan, stage, until_us in lights.commands(controller.decide(state), state.now_s):
            plan.prefer(stage, until_us, now_us)  # where a vehicle has priority the controller is not heard
        ambulance.step(state.now_s)
        if task.has_corridor:
            _lead(ambulance, corridor, lights, now_us)

    watch = watch_over(network, world)
    queues = run_through(world, lights, watch, act, tell)
    if ambulance.arrived_s is None:
        raise CannotStartError("the ambulance has not arrived before the end", "give it more time, or another goal")
    return {
        "travel_s": round(ambulance.arrived_s - task.at_s, 1), "stops": ambulance.stops, "own_collisions": ambulance.collisions,
        "path": ambulance.path, "granted": lights.granted, "refused": lights.refused, "reroutes": ambulance.reroutes,
        "warned": len(ambulance.warned), "breaches": asdict(watch.breaches), "queues": queues,
    }  # fmt: skip


def _lead(ambulance: Ambulance, corridor: Corridor, lights: Wished, now_us: int) -> None:
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
