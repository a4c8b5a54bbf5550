"""`chelu drill`: the drills one after the other, each on a site of its own, and what they came to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from chelu.clock import SystemClock
from chelu.errors import ConfigurationError
from chelu.local import interrupts
from evaluation.drills import disengagement, permit, stop
from evaluation.drills.stage import Stage, staged
from evaluation.drills.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    drills: Sequence[str]
    agents: int = 1000
    silent: int = 5
    presses: int = 5
    rounds: int = 10
    json_file: Path | None = None


def drills_of(request: Request) -> Mapping[str, Callable[[Stage], Verdict]]:
    """The drills that are asked for, all unless some are named; ConfigurationError for one that there is not."""
    known: Mapping[str, Callable[[Stage], Verdict]] = {
        "stop": lambda stage: stop.run(stage, agents=request.agents, silent=request.silent, presses=request.presses),
        "permit": lambda stage: permit.run(stage, rounds=request.rounds),
        "disengagement": disengagement.run,
    }
    if unknown := [name for name in request.drills if name not in known]:
        raise ConfigurationError("drill", unknown[0], f"one of {', '.join(known)}")
    return {name: known[name] for name in request.drills or known}


def run(request: Request, console: Console) -> int:
    """Do the drills; 1 when something did not hold."""
    verdicts = []
    with interrupts.once():
        for name, drill in drills_of(request).items():
            console.print(f"{name}: starting a site …")
            with staged(SystemClock()) as stage:
                verdict = drill(stage)
            console.print("\n".join(verdict.lines), markup=False, highlight=False)
            verdicts.append(verdict)
    if request.json_file:
        request.json_file.write_text(json.dumps([asdict(one) for one in verdicts], indent=2) + "\n", encoding="utf-8")
    failures = [f"{one.drill}: {failure}" for one in verdicts for failure in one.failures]
    console.print(f"{len(failures)} things do not hold" if failures else "all holds", highlight=False)
    return 1 if failures else 0
