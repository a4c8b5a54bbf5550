"""One run that another program asks for: `python -m simulators.scenario.asked`, on standard input, answered on standard output.

The registry has it run so, in a process of its own that it can end. The request is a line of JSON; so is each line of the answer:
`{"scenarios": …}`, or `{"cases": n}`, `{"done": n}` …, and `{"document": …, "files": …}`; between them a paced run tells its
motion (`simulators.scenario.paced`). A refusal is `{"refused": …}` with field, value and what is allowed. When standard input
ends, whoever asked is gone, and so is this.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TextIO

from chelu.clock import SystemClock
from chelu.errors import CheluError, ConfigurationError
from simulators.scenario import paced
from simulators.scenario.cases import COUNT, SEED, Cases, Design, Request, cases_of, parameter_given, repeated
from simulators.scenario.description import Description
from simulators.scenario.devices import NONE, Kind
from simulators.scenario.evidence.document import document
from simulators.scenario.evidence.motion import playback
from simulators.scenario.evidence.report import SHOWN_RUNS
from simulators.scenario.evidence.shown import Evidence, worst
from simulators.scenario.evidence.writing import write
from simulators.scenario.heading import header
from simulators.scenario.judging import judge_driven
from simulators.scenario.library import source_of, templates
from simulators.scenario.reading import read_file, refuse_impossible
from simulators.scenario.running_options import Options
from simulators.scenario.sweeping import chunks, sweep, traces_of
from simulators.scenario.trace import Trace
from simulators.scenario.verdict import Verdicts

MOST_CASES = 5000  # each is a line of the document that is kept
FIELDS = {"--device": "device", "--design": "design", "--count": "count", "--seed": "seed", "--set": "set", "grid": "design"}
Tell = Callable[[Mapping[str, Any]], None]


def main() -> int:
    """Read the request, answer it; 0 even when it is refused, since that is an answer."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever else is printed here is no answer
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_whoever_asked, args=(sys.stdin,), daemon=True).start()

    def tell(answer: Mapping[str, Any]) -> None:
        answers.write(json.dumps(answer, ensure_ascii=False, allow_nan=False) + "\n")

    try:
        tell(catalogue()) if request.get("what") == "catalogue" else run(request, tell)
    except CheluError as error:
        tell({"refused": refusal(error)})
    return 0


def _leave_with_whoever_asked(asking: TextIO) -> None:
    asking.read()
    os._exit(1)


def catalogue() -> dict[str, Any]:
    """What can be run: the scenarios that ship, what varies in each, and what can be tested in memory."""
    devices = sorted(point.name for kind in Kind for point in entry_points(group=kind))
    return {"scenarios": [_described(name, read_file(path)) for name, path in templates().items()], "devices": [NONE, *devices]}


def _described(name: str, one: Description) -> dict[str, Any]:
    parameters = [
        {"name": key, **each.model_dump(include={"default", "low", "high", "step", "unit"}), "choices": list(each.choices)}
        for key, each in one.parameters.items()
    ]
    under_test = [name for name, actor in one.actors.items() if actor.under_test]
    return {
        "scenario": name,
        "title": one.title,
        "question": one.question,
        "clause": one.tags.clause,
        "under_test": under_test,
        "parameters": parameters,
    }


def run(request: Mapping[str, Any], tell: Tell) -> None:
    """Run, judge, write the evidence into the directory that was named, and tell the verdict."""
    options = _options(request)
    options.check()
    source = source_of(options.what)
    cases = _cases(options, source.description)
    refuse_impossible(source.text, source.file, source.description, cases)
    tell({"cases": len(cases)})
    began, directory = SystemClock().wall_us(), Path(request["directory"])
    if request.get("is_paced"):
        trace = paced.driven(source.description, cases, options.device, SystemClock(), tell)
        verdicts, shown = judge_driven(trace, source.description), [0]
        tell({"done": 1})
    else:
        verdicts, trace, shown = _swept(source.description, cases, options, directory / "chunks", tell)
    about = header(source, options, cases, began)
    report, *files = write(directory, trace, verdicts, about, parameters=cases.columns, runs=shown)
    evidence = Evidence(about, verdicts, cases.columns, trace, tuple(shown))
    played = [(f"run-{one.run}.columns", playback(one)) for one in worst(evidence, SHOWN_RUNS)]
    for name, content in played:
        (directory / name).write_bytes(content)
    names = [report.name, *(name for name, _ in played), *(file.name for file in files)]
    tell({"document": document(evidence), "files": names})


def _swept(
    description: Description, cases: Cases, options: Options, scratch: Path, tell: Tell
) -> tuple[Verdicts, Trace, list[int]]:
    """As fast as it goes: the verdicts of all cases, and the traces of the worst."""
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        tell({"done": done})

    verdicts = sweep(description, cases, scratch, device=options.device, tell=advance)
    if verdicts is None:  # which only a shard is
        raise ConfigurationError("shard", options.shard, "none")
    shown = verdicts.worst_runs(SHOWN_RUNS)
    return verdicts, traces_of(description, cases, chunks(description, cases, scratch, options.device), shown), shown


def _options(request: Mapping[str, Any]) -> Options:
    if request["scenario"] not in templates():  # a path would be a file of this machine
        raise ConfigurationError("scenario", request["scenario"], "one of " + ", ".join(templates()))
    return Options(
        what=request["scenario"],
        given=[f"{name}={text}" for name, text in request.get("set", {}).items()],
        design=request.get("design", Design.DEFAULT),
        count=request.get("count"),
        seed=request.get("seed"),
        repeats=request.get("repeats", 1),
        device=request.get("device", NONE),
    )


def _cases(options: Options, description: Description) -> Cases:
    fixed = dict(parameter_given(text, description) for text in options.given)
    count, seed = COUNT if options.count is None else options.count, SEED if options.seed is None else options.seed
    cases = repeated(cases_of(description, Request(Design(options.design), count, seed, fixed)), options.repeats)
    if len(cases) > MOST_CASES:
        raise ConfigurationError("design", f"{len(cases):,} cases", f"at most {MOST_CASES:,} here; more: chelu scenario run")
    return cases


def refusal(error: CheluError) -> dict[str, str]:
    """An error as a request's field, what was found there and what is allowed."""
    if isinstance(error, ConfigurationError):
        return {"field": FIELDS.get(error.key, error.key), "value": str(error.value), "allowed": error.allowed}
    return {"field": "scenario", "value": "", "allowed": str(error)}


if __name__ == "__main__":
    sys.exit(main())
