"""`chelu demo` and `chelu bench`: the judges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from evaluation import cli_city, cli_corridor, cli_district, cli_forecast, cli_state

SHORTEST_DEMO_S = 20.0  # the first staged conflict warns after 13 s, and without a warning there is nothing to judge
LONGEST_DEMO_S = 90.0

Seconds = Annotated[float, typer.Option(help="How long to drive, in seconds of the recording.")]
Summary = Annotated[Path | None, typer.Option(help="Write the summary there, as JSON.")]
Picture = Annotated[Path, typer.Option(help="Write the picture there, as PNG.")]
Data = Annotated[Path | None, typer.Option(help="Keep the site's data there; else it is gone afterwards.")]
Parts = Annotated[list[str] | None, typer.Argument(help="Which parts: all but the soak, unless some are named.")]
Json = Annotated[Path | None, typer.Option(help="Write the figures there, after each part anew.")]
Plots = Annotated[Path | None, typer.Option(help="Draw plots (PNG) into this directory.")]
Resume = Annotated[bool, typer.Option("--resume", help="Keep the parts that the file of --json already has.")]
Minutes = Annotated[float, typer.Option(min=0.1, max=1440, help="How long the part soak lasts.")]
Rate = Annotated[float | None, typer.Option(min=100, help="Rows a second of the soak; else half of the highest rate found.")]
Quick = Annotated[bool, typer.Option("--quick", help="Less of everything: a first look, too noisy to judge by.")]


def register(app: typer.Typer) -> None:
    """Add this part's commands."""
    app.command("demo")(demo)
    app.command("bench")(bench)
    app.command("fuzz")(fuzz)
    app.command("drill")(drill)
    cli_district.register(app)
    judges = typer.Typer(no_args_is_help=True, help="Judge what is right, on staged and on recorded traffic.")
    judges.command("v2x")(v2x)
    judges.command("fusion")(fusion)
    judges.command("signals")(signals)
    judges.command("corridor")(cli_corridor.corridor)
    judges.command("forecast")(cli_forecast.evaluate)
    judges.command("state")(cli_state.evaluate)
    judges.command("day")(cli_state.day)
    judges.command("anomalies")(cli_city.anomalies)
    judges.command("incidents")(cli_city.incidents)
    judges.command("environment")(cli_city.environment)
    judges.command("city")(cli_city.city)
    app.add_typer(judges, name="evaluate")
    trainers = typer.Typer(no_args_is_help=True, help="Train a model: on recordings of one's own, or on traffic of our own.")
    trainers.command("forecast")(cli_forecast.train)
    trainers.command("signals")(train_signals)
    trainers.command("policy")(train_policy)
    app.add_typer(trainers, name="train")


def demo(seconds: Seconds = 60.0, summary: Summary = None, picture: Picture = Path("demo.png"), data: Data = None) -> None:
    """Run the whole road on this machine: a site, its traffic, warnings, and a verdict."""
    with extra("evaluation"):
        from rich.console import Console

        from chelu.local.targets import check_writable
        from evaluation.demo.run import Request, run
    if not SHORTEST_DEMO_S <= seconds <= LONGEST_DEMO_S:
        raise ConfigurationError(
            "--seconds", seconds, f"{SHORTEST_DEMO_S:g} to {LONGEST_DEMO_S:g}, the length of the shipped recording"
        )
    check_writable({"--summary": summary, "--picture": picture})
    raise typer.Exit(run(Request(seconds, summary, picture, data), Console()))


def bench(
    parts: Parts = None,
    *,
    json: Json = None,
    plots: Plots = None,
    resume: Resume = False,
    quick: Quick = False,
    minutes: Minutes = 10.0,
    rate: Rate = None,
    rows: Annotated[int | None, typer.Option(min=1, help="Of export: Parquet alone, once, of so many rows.")] = None,
) -> None:
    """Measure speed on this machine: ratios within one run against the plain way and the limit, and the whole road under load."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.bench.command import Request, run
    request = Request(
        parts=parts or (),
        json=json,
        plots=plots,
        is_quick=quick,
        is_resumed=resume,
        minutes=minutes,
        rate_per_s=rate,
        rows=rows,
    )
    raise typer.Exit(run(request, Console()))


def v2x(
    *,
    json: Json = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the tasks that the file of --json already has.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A tenth of the encounters and the shipped recording only.")] = False,
    only: Annotated[str, typer.Option(help="Only tasks whose names begin so, e.g. icw or traffic.")] = "",
    recordings: Annotated[Path, typer.Option(help="Keep further recordings of ordinary traffic there.")] = Path("recordings"),
    explain: Annotated[
        Path | None, typer.Option(help="Write there, a line of JSON each, why every warning in recorded traffic was raised.")
    ] = None,
) -> None:
    """Judge the warnings: recall, lead and false ones of every application, against six instants compared as rectangles."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.v2x.command import Request, run
    raise typer.Exit(run(Request(json, recordings, quick, resume, only, explain), Console()))


def fusion(
    *,
    json: Json = None,
    seconds: Annotated[float, typer.Option(min=5, max=60, help="Of the recorded traffic.")] = 40.0,
    seed: Annotated[int, typer.Option(min=0, help="Decides every error, loss and gap.")] = 0,
) -> None:
    """Judge how one to four sensors and vehicles' own reports become one road user each: MOTA, IDF1, HOTA against the truth."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.fusion.command import Request, run
    raise typer.Exit(run(Request(json, seconds, seed), Console()))


def signals(
    *,
    net: Annotated[Path, typer.Option(help="A SUMO network (.net.xml) with traffic lights.")],
    route: Annotated[Path, typer.Option(help="Its demand (.rou.xml).")],
    begin: Annotated[float, typer.Option(help="Second of the demand to begin at.")],
    end: Annotated[float, typer.Option(help="Second of the demand to end at.")],
    seeds: Annotated[str, typer.Option(help="How many, or which ones: 5, or 3,4,9.")] = "5",
    scales: Annotated[str, typer.Option(help="Shares of the demand: 1, or 0.8,1,1.2.")] = "1",
    controllers: Annotated[str, typer.Option(help="Which, by commas; all without it.")] = "",
    json: Json = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the runs that the file of --json already has.")] = False,
    yellow: Annotated[float | None, typer.Option(min=3, max=10, help="Yellow of every stage, and no all-red.")] = None,
    most_green: Annotated[float, typer.Option(min=10, max=600, help="Where the programme does not say.")] = 120.0,
    longest_red: Annotated[float, typer.Option(min=30, max=3600, help="Of any stage, whatever is commanded.")] = 300.0,
    reach: Annotated[float, typer.Option(min=20, max=1000, help="Metres before a stop line that are seen.")] = 200.0,
    teleport: Annotated[float, typer.Option(min=-1, help="Seconds after which SUMO moves who is stuck; -1 never.")] = -1.0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Runs at once, each a process.")] = 2,
) -> None:
    """Judge signal controllers on any SUMO scenario: delay, stops, queues, throughput and safety, compared seed by seed."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.signals.command import Request, run
        from evaluation.signals.options import names, numbers, seeds_of
        from evaluation.signals.programme import Limits
    limits = Limits(most_green, longest_red, yellow)
    request = Request(
        net, route, begin, end, seeds_of(seeds), numbers("--scales", scales), names(controllers), limits, json, resume, reach,
        teleport, workers,
    )  # fmt: skip
    raise typer.Exit(run(request, Console()))


def train_signals(
    *,
    log: Annotated[Path, typer.Option(help="Keep every candidate's delays there; a later run goes on from it.")],
    generations: Annotated[int, typer.Option(min=1, max=1000)] = 6,
    children: Annotated[int, typer.Option(min=1, max=1000, help="Candidates of a generation.")] = 6,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Runs at once, each a process.")] = 2,
) -> None:
    """Learn the weights of the predictive signal controller on networks of our own, by evolution; prints them."""
    with extra("evaluation"):
        from rich.console import Console

        from chelu.local.targets import check_writable
        from evaluation.signals.train import FIRST, learn
    check_writable({"--log": log})
    console = Console()
    found = learn(FIRST, log, generations=generations, children=children, workers=workers, tell=console.print)
    console.print(f"least loss {found.loss:.4f} after {found.tried} candidates: {found.model}")


def train_policy(
    *,
    out: Annotated[Path, typer.Option(help="The policy's file.")] = Path("signals.onnx"),
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Of driving and learning.")] = 3,
    seconds: Annotated[int, typer.Option(min=60, max=7200, help="Of traffic in each drive.")] = 600,
    seed: Annotated[int, typer.Option(min=0, help="The same seed trains the same policy.")] = 0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Drives at once, each a process.")] = 2,
) -> None:
    """Train the learned signal policy on networks of our own; needs the extra sumo, and takes some minutes."""
    with extra("evaluation"):
        from rich.console import Console

        from chelu.local.targets import check_writable
        from evaluation.signals.policy.training import Course, learn
    check_writable({"--out": out})
    console = Console()
    learn(out, Course(rounds, seconds, seed, workers), lambda told: console.print(told, soft_wrap=True))
    console.print(f"written: {out} ({out.stat().st_size / 1000:.0f} kB)", soft_wrap=True)


def fuzz(
    decoders: Annotated[
        list[str] | None,
        typer.Argument(
            help="gbt32960-2016, gbt32960-2025, jt808-2013, jt808-2019, gbt32960-gateway, jt808-gateway, openv2x, tits0180, "
            "observation, coop; all without one."
        ),
    ] = None,
    frames: Annotated[int, typer.Option(help="How many for each.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same frames.")] = 0,
    corpus: Annotated[
        Path | None,
        typer.Option(help="Keep there what breaks one, and a frame for each verdict; these come first the next time."),
    ] = None,
) -> None:
    """Give decoders frames that were made wrong on purpose: none may crash one, hang it, or read differently beside others."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.fuzz.command import TARGETS, run
    if frames < 1:
        raise ConfigurationError("--frames", frames, "1 or more")
    chosen = decoders or list(TARGETS)
    raise typer.Exit(max(run(one, frames=frames, seed=seed, corpus=corpus, console=Console()) for one in chosen))


def drill(
    drills: Annotated[
        list[str] | None, typer.Argument(help="Of stop, permit, disengagement: all, unless some are named.")
    ] = None,
    agents: Annotated[int, typer.Option(min=1, max=20_000, help="Devices that are told to stop.")] = 1000,
    silent: Annotated[int, typer.Option(min=0, help="Of these, how many do not answer.")] = 5,
    presses: Annotated[int, typer.Option(min=1, help="How often the button is pressed.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="How often the car trespasses.")] = 10,
    json: Json = None,
) -> None:
    """Drill on a site of its own what an operator relies on: the emergency stop, a trespass, a disengagement; and time it."""
    with extra("evaluation"):
        from rich.console import Console

        from evaluation.drills.command import Request, run
    if silent > agents:
        raise ConfigurationError("--silent", silent, f"at most the {agents} agents")
    request = Request(drills or (), agents=agents, silent=silent, presses=presses, rounds=rounds, json_file=json)
    raise typer.Exit(run(request, Console()))
