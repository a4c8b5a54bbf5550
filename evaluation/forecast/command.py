"""`chelu train forecast` and `chelu evaluate forecast`."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from chelu.errors import ConfigurationError
from chelu.local import interrupts
from chelu.local.targets import check_writable
from evaluation.forecast.judge import Forecaster, judge, judged_steps
from evaluation.forecast.tables import read
from evaluation.forecast.training import FULL, SHORT, Plan, train_model
from services.inference.city.forecast.model import ForecastModel
from services.inference.city.forecast.readings import Readings
from services.inference.city.forecast.simple import METHODS

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Request:
    """train, test: tables; model: a file made before, instead of training; step_s: of tables that tell no time.

    plots: where fans of the model are drawn; quantity: what is read, as they name it.
    """

    train: Path
    test: Path
    json: Path | None
    model: Path | None
    step_s: int | None
    has_trees: bool
    plan: Plan
    plots: Path | None = None
    quantity: str = "reading"


def plan_of(*, is_quick: bool, seed: int) -> Plan:
    """How much is trained."""
    plan = SHORT if is_quick else FULL
    return Plan(plan.epochs, plan.members, seed)


def run_training(data: Path, out: Path, step_s: int | None, plan: Plan, console: Console) -> int:
    """Train and write the model; 0, or 130 when interrupted, with what was there before untouched."""
    check_writable({"--out": out})
    readings = read(data, step_s=step_s)
    console.print(sentence(data, readings), soft_wrap=True)
    try:
        with interrupts.once(), _progress(console, "training") as tell, tempfile.TemporaryDirectory(dir=out.parent) as beside:
            made = Path(beside) / out.name
            train_model(readings, made, plan, tell)
            made.replace(out)
    except KeyboardInterrupt:
        console.print("[yellow]interrupted: nothing was written")
        return INTERRUPTED
    console.print(f"written: {out} ({out.stat().st_size / 1000:.0f} kB)", soft_wrap=True)
    return 0


def run_judging(request: Request, console: Console) -> int:
    """Train unless a model is given, judge all methods on the other table, print and write what they are worth."""
    check_writable({"--json": request.json})
    learned, test = read(request.train, step_s=request.step_s), read(request.test, step_s=request.step_s)
    _check(learned, test, request)
    for file, readings in ((request.train, learned), (request.test, test)):
        console.print(sentence(file, readings), soft_wrap=True)
    try:
        with interrupts.once(), tempfile.TemporaryDirectory() as beside:
            began = time.monotonic()
            model = request.model or Path(beside) / "forecast.onnx"
            if request.model is None:
                with _progress(console, "training") as tell:
                    train_model(learned, model, request.plan, tell)
            trained_s = time.monotonic() - began
            told = ForecastModel(model)
            methods = _methods(learned, test, told, console, has_trees=request.has_trees)
            with _progress(console, "judging") as tell:
                found = judge(test, methods, tell)
            if request.plots is not None:
                _draw(request, test, told, console)
    except KeyboardInterrupt:
        console.print("[yellow]interrupted")
        return INTERRUPTED
    console.print(table(found))
    document = _document(request, learned, test, found, trained_s)
    console.print(f"trained in {trained_s:.0f} s" if request.model is None else f"model: {request.model}", soft_wrap=True)
    if request.json is not None:
        request.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def _draw(request: Request, test: Readings, model: ForecastModel, console: Console) -> None:
    from evaluation.forecast.plots import fans

    file = (request.plots or Path()) / "forecast_fans.png"
    is_drawn = fans(file, test, lambda readings, rows: model.forecast(readings, rows).values, request.quantity)
    console.print(f"drawn: {file}" if is_drawn else "no sensor was read without a gap for long enough to draw", soft_wrap=True)


def _check(learned: Readings, test: Readings, request: Request) -> None:
    if learned.step_s != test.step_s:
        raise ConfigurationError("--test", f"every {test.step_s} s", f"every {learned.step_s} s, as {request.train}")
    if not judged_steps(test.step_s):
        raise ConfigurationError("--test", f"every {test.step_s} s", "a step of which 15, 30 or 60 minutes are a multiple")


def _methods(
    learned: Readings, test: Readings, model: ForecastModel, console: Console, *, has_trees: bool
) -> dict[str, Forecaster]:
    """By name; all answer at the steps that are judged. Ridge and trees know only the sensors that they were trained on."""
    steps = judged_steps(test.step_s)
    at = [step - 1 for step in steps]

    def picked(method: Forecaster) -> Forecaster:
        return lambda readings, rows: method(readings, rows)[:, :, at]

    methods = {"model": picked(lambda readings, rows: model.forecast(readings, rows).values)}
    methods.update({name: picked(method) for name, method in METHODS.items()})
    if set(test.sensors) <= set(learned.sensors):
        from evaluation.forecast.baselines import Ridge, Trees

        same = learned.of(test.sensors)
        basis, _ = model.about.for_sensors(same.sensors)
        methods["ridge"] = Ridge(same, basis, steps)
        if has_trees:
            with _progress(console, "boosted trees") as tell:
                methods["trees"] = Trees(same, basis, steps, tell)
    return methods


def _document(request: Request, learned: Readings, test: Readings, found: dict[str, Any], trained_s: float) -> dict[str, Any]:
    unseen = sorted(set(test.sensors) - set(learned.sensors))
    return {
        "train": {"file": request.train.name, "rows": len(learned), "sensors": len(learned.sensors)},
        "test": {"file": request.test.name, "rows": len(test), "sensors": len(test.sensors), "never_trained_on": unseen},
        "step_s": test.step_s,
        "plan": asdict(request.plan),
        "training_s": round(trained_s, 1) if request.model is None else None,
        "methods": found,
    }


def sentence(file: Path, readings: Readings) -> str:
    """What a table holds, in words."""
    missing = 100.0 * float(np.isnan(readings.values).mean())
    days = len(readings) / readings.steps_a_day
    times = "" if readings.start_us is not None else ", told without times"
    return (
        f"{file.name}: {len(readings.sensors)} sensors, {days:.1f} days every {readings.step_s} s{times}; "
        f"{missing:.1f} % missing or 0, never counted"
    )


def table(found: dict[str, dict[str, dict[str, float]]]) -> Table:
    """A row for each method and horizon."""
    shown = Table("method", "minutes ahead", "MAE", "RMSE", "MAPE %", "80 % cover %")
    for method, by_horizon in found.items():
        for minutes, one in by_horizon.items():
            covered = f"{one['covered_percent']:.0f}" if "covered_percent" in one else ""
            shown.add_row(method, minutes, f"{one['mae']:.2f}", f"{one['rmse']:.2f}", f"{one['mape_percent']:.1f}", covered)
        shown.add_section()
    return shown


@contextmanager
def _progress(console: Console, name: str) -> Iterator[Callable[[float], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(name, total=1.0)
        yield lambda share: progress.update(bar, completed=share)
