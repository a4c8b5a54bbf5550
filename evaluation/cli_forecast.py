"""`chelu train forecast` and `chelu evaluate forecast`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra

Step = Annotated[int | None, typer.Option("--step", help="Seconds between rows of tables that tell no time; else 300.")]
QuickTraining = Annotated[bool, typer.Option("--quick", help="A twelfth of the training: a first look.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed trains the same model.")]


def train(
    *,
    data: Annotated[Path, typer.Option(help="Readings: CSV or Parquet of time, sensor, value, or a column for each sensor.")],
    out: Annotated[Path, typer.Option(help="The model's file.")] = Path("forecast.onnx"),
    step: Step = None,
    quick: QuickTraining = False,
    seed: Seed = 0,
) -> None:
    """Train the forecast of a network of sensors, up to an hour ahead, on what they have read."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.forecast.command import plan_of, run_training
    raise typer.Exit(run_training(data, out, step, plan_of(is_quick=quick, seed=seed), Console()))


def evaluate(
    *,
    train: Annotated[Path, typer.Option(help="Readings to learn from: CSV or Parquet, long or wide (docs/city/forecast.md).")],
    test: Annotated[Path, typer.Option(help="Readings to be forecast.")],
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    model: Annotated[Path | None, typer.Option(help="Judge this model instead of training one.")] = None,
    step: Step = None,
    trees: Annotated[bool, typer.Option("--trees/--no-trees", help="Train boosted trees to compare with: minutes.")] = True,
    plots: Annotated[Path | None, typer.Option(help="Draw the model's fans (PNG) into this directory.")] = None,
    quantity: Annotated[str, typer.Option(help="What is read, with its unit, for the plots: `speed, km/h`.")] = "reading",
    quick: QuickTraining = False,
    seed: Seed = 0,
) -> None:
    """Judge the forecast against every simple method: MAE, RMSE and MAPE 15, 30 and 60 minutes ahead."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.forecast.command import Request, plan_of, run_judging
    plan = plan_of(is_quick=quick, seed=seed)
    raise typer.Exit(run_judging(Request(train, test, json, model, step, trees, plan, plots, quantity), Console()))
