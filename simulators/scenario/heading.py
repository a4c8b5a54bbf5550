"""What stands above the evidence of a run: the scenario's words, what it was run with, and hashes that tell it from others."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from simulators.scenario.cases import SEED, Cases
from simulators.scenario.description import Description
from simulators.scenario.devices import NONE
from simulators.scenario.evidence.header import Header, versions
from simulators.scenario.library import Source
from simulators.scenario.running_options import Options
from simulators.scenario.sweeping import digest
from simulators.scenario.values import values


def header(source: Source, options: Options, cases: Cases, began_us: int) -> Header:
    """Of a run that began at this wall time."""
    one, tested = source.description, [] if options.device == NONE else [options.device]
    if options.mode == "loop" and one.dut is not None:
        tested.append(one.dut.called)
    return Header(
        scenario=one.scenario,
        title=one.title,
        question=one.question,
        clause=one.tags.clause,
        mode=options.mode,
        began=datetime.fromtimestamp(began_us / 1e6, UTC).isoformat(timespec="seconds"),
        under_test=", ".join([*(name for name, actor in one.actors.items() if actor.under_test), *tested]),
        tags=(*one.tags.odd, *one.tags.other),
        hashes={
            "file": hashlib.sha256(source.text.encode()).hexdigest(),
            "scenario and cases": digest(one, cases),
            **{path.name: _hash(path) for path in options.recordings if path.is_file()},
        },
        seeds={"cases": SEED if options.seed is None else options.seed, **_seed_of_traffic(one, cases)},
        versions={**versions(), **_version_of_sumo(one, options)},
    )


def _version_of_sumo(description: Description, options: Options) -> dict[str, str]:
    """Where it drives: a recording is judged without it."""
    drives = description.traffic is not None and options.mode != "recording"
    return {"eclipse-sumo": version("eclipse-sumo")} if drives else {}


def _seed_of_traffic(description: Description, cases: Cases) -> dict[str, int]:
    """Nothing where there is none, or where a parameter decides about it."""
    if description.traffic is None:
        return {}
    seeds = np.unique(values(description.traffic.seed, cases.columns, len(cases)))
    return {"traffic": int(seeds[0])} if len(seeds) == 1 else {}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
