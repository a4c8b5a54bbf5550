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
from evaluation.signals.programme import Limits
from evaluation.signals.safety import Watch
from evaluation.signals.world import STANDS_MPS, Scenario, World
from services.inference.city.signals.catalogue import CONTROLLERS
from services.inference.city.signals.contract import Controller, State
from services.inference.city.signals.predictive import Predictive, PredictiveParameters
from services.inference.city.signals.rollout import Model

HOLDS_S = 1.5  # a command outlasts the second until the next one


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


class Lights:
    """The guards of all lights, their commands, and what the heads show. Junctions are the layout's rows."""

    def __init__(self, layout: Layout, limits: Limits, now_s: float) -> None:
        self._layout, self._now_us = layout, round(now_s * US)
        self._guards = [CommandedSignal(one.stages, limits.longest_red_s, self._now_us) for one in layout.programmes]
        self._runs_out_s = np.full(len(self._guards), now_s)
        self._stage = np.zeros(len(self._guards), np.int64)

    def facts(self, now_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Stage and seconds of green of every junction, as `State` has them."""
        stage = np.array([guard.following for guard in self._guards], np.int64)
        since_s = [now_s - guard.shown.since_us / US if guard.shown.light == "green" else -1.0 for guard in self._guards]
        return stage, np.array(since_s, np.float64)

    def follow(self, controller: Controller, state: State) -> None:
        """Let the controller decide where its last word has run out, and command."""
        decision = controller.decide(state)
        is_out = state.now_s >= self._runs_out_s - 1e-6
        self._stage = np.where(is_out, decision.stage, self._stage)
        self._runs_out_s = np.where(is_out, state.now_s + decision.duration_s, self._runs_out_s)
        self._now_us = round(state.now_s * US)
        for guard, stage in zip(self._guards, self._stage.tolist(), strict=True):
            guard.command(stage, self._now_us + round(HOLDS_S * US), self._now_us)

    def show(self, world: World) -> None:
        """Let the guards go on, and set the heads."""
        for name, guard, programme in zip(self._layout.names, self._guards, self._layout.programmes, strict=True):
            guard.turn(self._now_us)
            world.show(name, programme.shown(guard.shown.stage, guard.shown.light, guard.following))


def drive(task: Task, tell: Callable[[float], None]) -> dict[str, Any]:
    """Run it; the figures. tell(share) now and then."""
    network, scenario = networks.read(task.scenario.net), task.scenario
    with tempfile.TemporaryDirectory() as scratch:
        world = World(scenario, network, task.limits, task.reach_m, Path(scratch))
        try:
            found = _drive(task, world, network, tell)
        finally:
            world.close()
        found |= asdict(trips.read(Path(scratch) / "trips.xml")) | counted_by_sumo(Path(scratch) / "statistics.xml")
    hours = (scenario.end_s - scenario.begin_s) / 3600.0
    return found | {"throughput_per_h": round(found["completed"] / hours, 1)}


def _drive(task: Task, world: World, network: networks.Network, tell: Callable[[float], None]) -> dict[str, Any]:
    layout, begin_s, end_s = world.layout, task.scenario.begin_s, task.scenario.end_s
    controller = _controller(task, layout)
    least = {
        name: min(one.least_green_s for one in programme.stages)
        for name, programme in zip(layout.names, layout.programmes, strict=True)
    }
    watch = Watch(network, world.on_foot, least)
    lights, now_s, decides_s, queues = Lights(layout, task.limits, begin_s), begin_s, 0.0, []
    while now_s < end_s:
        state = world.see(now_s, *lights.facts(now_s))
        began = time.process_time()
        lights.follow(controller, state)
        decides_s += time.process_time() - began
        lights.show(world)
        for name in layout.names:
            watch.see(name, world.shown(name), now_s)
        queues.append(int((state.vehicles.speed_mps < STANDS_MPS).sum()))
        now_s = world.step()
        if len(queues) % 60 == 0:
            tell((now_s - begin_s) / (end_s - begin_s))
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
