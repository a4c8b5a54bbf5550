"""One run of one controller: SUMO, the controllers, and at every light a guard between them. Runs in a process of its own.

python -m evaluation.signals.drive < task.json > result.json
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from chelu.errors import CheluError
from chelu.signals.commanded import CommandedSignal
from chelu.signals.stages import US
from evaluation.signals import network as networks
from evaluation.signals import trips
from evaluation.signals.layout import Layout
from evaluation.signals.lights import Lights, run_through, watch_over
from evaluation.signals.programme import Limits
from evaluation.signals.world import Scenario, World
from services.inference.city.signals.catalogue import CONTROLLERS
from services.inference.city.signals.contract import Controller, State
from services.inference.city.signals.predictive import Predictive, PredictiveParameters
from services.inference.city.signals.rollout import Model


@dataclass(frozen=True, slots=True)
class Task:
    """A scenario and who controls it; model: other weights of the predictive controller than those learned."""

    scenario: Scenario
    controller: str
    limits: Limits
    reach_m: float
    model: Model | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Task:
        """From what `asdict` made of one, through JSON."""
        scenario: dict[str, Any] = {**document["scenario"]}
        scenario |= {name: Path(scenario[name]) for name in ("net", "route", "state") if scenario.get(name)}
        model = Model(**document["model"]) if document.get("model") else None
        return cls(Scenario(**scenario), document["controller"], Limits(**document["limits"]), document["reach_m"], model)


def drive(task: Task, tell: Callable[[float], None], controller: Callable[[Layout], Controller] | None = None) -> dict[str, Any]:
    """Run it; the figures. tell(share) now and then; controller: makes another one than the task names."""
    network, scenario = networks.read(task.scenario.net), task.scenario
    with tempfile.TemporaryDirectory() as scratch:
        world = World(scenario, network, task.limits, task.reach_m, Path(scratch))
        try:
            found = _drive(task, world, network, tell, (controller or partial(_controller, task))(world.layout))
        finally:
            world.close()
        found |= asdict(trips.read(Path(scratch) / "trips.xml")) | counted_by_sumo(Path(scratch) / "statistics.xml")
    hours = (scenario.end_s - scenario.begin_s) / 3600.0
    return found | {"throughput_per_h": round(found["completed"] / hours, 1)}


def _drive(
    task: Task, world: World, network: networks.Network, tell: Callable[[float], None], controller: Controller
) -> dict[str, Any]:
    layout, scenario = world.layout, task.scenario
    watch, decides_s = watch_over(network, world), 0.0
    begin_us = round(scenario.begin_s * US)
    guards = [CommandedSignal(one.stages, task.limits.longest_red_s, begin_us) for one in layout.programmes]
    lights = Lights(layout, guards, scenario.begin_s)

    def act(state: State) -> None:
        nonlocal decides_s
        began, now_us = time.process_time(), round(state.now_s * US)
        for guard, stage, until_us in lights.commands(controller.decide(state), state.now_s):
            guard.command(stage, until_us, now_us)
        decides_s += time.process_time() - began

    queues = run_through(world, lights, watch, act, tell)
    return {
        "lights": len(world.lights),
        "controlled": len(layout.names),
        "queue": round(float(np.mean(queues)), 3),
        "queue_most": max(queues),
        "decides_ms": round(1000.0 * decides_s / len(queues), 3),
        "breaches": asdict(watch.breaches),
    }


def _controller(task: Task, layout: Layout) -> Controller:
    if task.model is not None:
        return Predictive(layout.junctions, PredictiveParameters(task.model, task.reach_m))
    return CONTROLLERS[task.controller](layout.junctions)


def counted_by_sumo(file: Path) -> dict[str, int]:
    """SUMO's own counts of what must not happen."""
    root = ElementTree.parse(file).getroot()  # noqa: S314 (SUMO wrote it just now)
    wanted = {
        "teleports": ("teleports", "total"),
        "collisions": ("safety", "collisions"),
        "emergency_stops": ("safety", "emergencyStops"),
    }
    return {name: int(one.get(key, "0")) for name, (tag, key) in wanted.items() for one in root.findall(tag)}


def answer(run: Callable[[Any, Callable[[float], None]], Mapping[str, Any]]) -> None:
    """What a task from standard input came to: progress and the result on standard output, a line each; 1 when it failed.

    run: takes the task as JSON has it, and whom to tell the share that is done.
    """
    try:
        found = run(json.load(sys.stdin), lambda share: print(json.dumps({"share": round(share, 3)}), flush=True))
    except CheluError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        sys.exit(1)
    print(json.dumps({"result": found}), flush=True)


def main() -> None:
    """A task from standard input."""
    answer(lambda task, tell: drive(Task.read(task), tell))


if __name__ == "__main__":
    main()
