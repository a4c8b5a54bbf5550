"""`chelu scenario …`: scenario tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from simulators.scenario.cli_codes import Coded
from simulators.scenario.cli_runs import app as runs_app
from simulators.scenario.cli_tests import app as tests_app
from simulators.scenario.cli_track import track as track_command

MOST_WORKERS = 256

What = Annotated[str, typer.Argument(metavar="SCENARIO", help="One that ships (see `chelu scenario list`), or a YAML file.")]
Workers = Annotated[int, typer.Option(help="Processes; the outcome is the same with any number.")]
Suite = Annotated[str, typer.Argument(metavar="SUITE", help="One that ships (`chelu scenario suite list`), or a YAML file.")]
Device = Annotated[str, typer.Option(help="What is tested in memory: applications (Chelu's own), or one that is installed.")]
Odd = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What is tested is made for this: cases outside the domain in this file are skipped."),
]
Dut = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="With --in-the-loop: the device under test, as a scenario's `dut` has it; see docs/dut.md."
    ),
]
ThroughPlatform = Annotated[
    bool, typer.Option("--through-platform", help="In real time over the broker, with ingest and inference as in production.")
]
InTheLoop = Annotated[
    bool, typer.Option("--in-the-loop", help="In real time with a device under test: `dut` of the scenario, or --dut.")
]
Data = Annotated[
    Path | None,
    typer.Option(help="Of a run in real time, or with --keep: the site's data directory (else CHELU_HOME or ./chelu-data)."),
]

app = typer.Typer(cls=Coded, no_args_is_help=True, help="Scenario tests: from a question to a verdict with evidence.")
app.add_typer(runs_app, name="runs")
app.add_typer(tests_app, name="tests")
app.command("track")(track_command)
suites = typer.Typer(no_args_is_help=True, help="Suites: scenarios that belong together, run and judged as one.")
app.add_typer(suites, name="suite")


def register(whole: typer.Typer) -> None:
    """Add this part's commands."""
    whole.add_typer(app, name="scenario")


@app.callback()
def scenario() -> None:
    """Scenario tests: from a question to a verdict with evidence."""


@app.command("list")
def list_scenarios() -> None:
    """The scenarios that ship."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.listing import listed
    Console().print(listed())


@app.command("show")
def show(what: What) -> None:
    """Print a scenario's YAML: to read, and to begin one's own from."""
    with extra("simulators"):
        from simulators.scenario.library import source_of
    typer.echo(source_of(what).text, nl=False)


@app.command("check")
def check(files: Annotated[list[str], typer.Argument(metavar="SCENARIO…", help="Files, or names of those that ship.")]) -> None:
    """Read scenarios and say what is wrong with them, without running anything."""
    with extra("simulators"):
        from simulators.scenario.listing import checked
    raise typer.Exit(checked(files))


@app.command("schema")
def schema() -> None:
    """Print the JSON schema of a scenario, for editors."""
    with extra("simulators"):
        from simulators.scenario.description import Description
        from simulators.scenario.listing import schema_text
    typer.echo(schema_text(Description))


@app.command("metrics")
def metrics(name: Annotated[str | None, typer.Argument(help="One of them, to be defined.")] = None) -> None:
    """List what requirements may be about, or define one metric: formula, unit, edge cases, parameters."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.metrics.listing import listed
    Console().print(listed(name))


@app.command("run")
def run(
    what: What,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE, NAME=A,B,C, NAME=LOW:HIGH or NAME=LOW:HIGH:STEP; again for others."),
    ] = None,
    design: Annotated[
        str, typer.Option(help="default: one case; grid; latin, random or importance: --count cases over all ranges.")
    ] = "default",
    count: Annotated[int | None, typer.Option(help="Cases of a sampled design; 100 unless said otherwise.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of a sampled design; 1 unless said otherwise.")] = None,
    repeat: Annotated[int, typer.Option(help="Run each case so many times.")] = 1,
    workers: Workers = 1,
    output: Annotated[
        Path | None, typer.Option(help="Directory for the evidence; what was interrupted goes on from there.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only every N-th chunk, from the I-th; the last one joins all.")
    ] = None,
    device: Device = "none",
    odd: Odd = None,
    replay: Annotated[
        list[Path] | None, typer.Option(help="Judge this recording instead of driving: MCAP, Parquet, CSV …; again for others.")
    ] = None,
    actor: Annotated[
        list[str] | None, typer.Option(help="With --replay: ACTOR=NAME, what an actor is called in the recording.")
    ] = None,
    track: Annotated[
        Path | None, typer.Option(help="With --replay: the track.json of the run on the track whose truth it is.")
    ] = None,
    start: Annotated[float, typer.Option(help="With --replay: begin so many seconds after all actors are in it.")] = 0.0,
    origin: Annotated[
        str | None,
        typer.Option(metavar="LAT,LON[,ELEVATION]", help="With --replay: where the road's metres begin, for places in degrees."),
    ] = None,
    site: Annotated[str | None, typer.Option(help="The site: of a run in real time (made if need be), or for --keep.")] = None,
    data: Data = None,
    build: Annotated[str, typer.Option(help="With --keep: of what is tested, as you call it, such as firmware 2.1.")] = "",
    dut: Dut = None,
    *,
    keep: Annotated[bool, typer.Option(help="Keep the run in the register of --site: `chelu scenario runs`.")] = False,
    attach: Annotated[
        bool, typer.Option("--attach", help="With --keep and --output: and its report, recordings and truth, up to 32 MiB.")
    ] = False,
    through_platform: ThroughPlatform = False,
    in_the_loop: InTheLoop = False,
) -> None:
    """Run a scenario and judge it; exit code 0 only when all passed, 1 for a fail, 3 for an error, 4 for what was skipped.

    2 is what could not be run at all: a scenario that is none, an option that does not go with the others.
    """
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.running import command
        from simulators.scenario.running_options import Options
    options = Options(
        what=what,
        given=given or (),
        design=design,
        count=count,
        seed=seed,
        repeats=repeat,
        workers=allowed_workers(workers),
        output=output,
        shard=shard,
        device=device,
        odd=odd,
        dut=dut,
        is_through_platform=through_platform,
        is_in_the_loop=in_the_loop,
        recordings=replay or (),
        recorded_as=actor or (),
        track=track,
        start_s=start,
        origin=origin,
        site=site,
        data=data,
        is_kept=keep,
        is_attached=attach,
        build=build,
    )
    raise typer.Exit(command(options, Console()))


@app.command("import")
def import_scenarios(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="OpenSCENARIO XML files (.xosc), or directories of them.")],
    output: Annotated[Path | None, typer.Option(help="Directory for the scenarios; without it a single one is printed.")] = None,
    driver: Annotated[
        str, typer.Option(help="Who drives what is under test once its controller is active: none, idm, competent, fsm, rss, …")
    ] = "idm",
    longest: Annotated[float, typer.Option(help="Seconds of a run where the file sets no time.")] = 60.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="With --report: write all rows there.")] = None,
    *,
    is_report: Annotated[bool, typer.Option("--report", help="Say file by file what can be run, and why not.")] = False,
    is_run: Annotated[bool, typer.Option("--run", help="With --report: run each, and say what came of it.")] = False,
) -> None:
    """Import OpenSCENARIO XML 1.0 to 1.3 with its OpenDRIVE. What is not understood is an error with file, line and XPath."""
    with extra("simulators"):
        from simulators.scenario.openscenario.command import command
        from simulators.scenario.openscenario.importing import Options
    options = Options(driver=driver, longest_s=longest)
    for option, value, is_for_report in (("--json", json_file, True), ("--output", output, False)):
        if value is not None and is_for_report != (is_report or is_run):
            raise ConfigurationError(option, str(value), f"it goes {'' if is_for_report else 'not '}with --report")
    raise typer.Exit(command(paths, options, output, json_file, is_report=is_report or is_run, is_run=is_run))


@app.command("boundary")
def boundary(
    what: What,
    along: Annotated[str, typer.Option(help="The parameter along which to search: NAME, or NAME=LOW:HIGH.")],
    tolerance: Annotated[float, typer.Option(help="How closely, in the parameter's unit.")] = 0.1,
    given: Annotated[list[str] | None, typer.Option("--set", help="As of `chelu scenario run`, for the others.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all combinations there.")] = None,
    device: Device = "none",
) -> None:
    """Find where along one parameter the verdict turns, for every combination of the others' steps and choices."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.bounding import Options, command
    raise typer.Exit(command(Options(what, along, tolerance, given or (), json_file, device), Console()))


@app.command("compare")
def compare(
    before: Annotated[Path, typer.Argument(help="verdict.json of the earlier build.")],
    now: Annotated[Path, typer.Argument(help="verdict.json of this build.")],
) -> None:
    """Say what got better or worse since an earlier build, case by case: exit code 1 when something got worse."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.comparing import command
    raise typer.Exit(command(before, now, Console()))


@app.command("r157")
def r157(
    grid: Annotated[
        list[str] | None, typer.Option(help="cut-in-low, cut-in-high, cut-out, deceleration; again for several; else all.")
    ] = None,
    driver: Annotated[
        list[str] | None, typer.Option(help="competent, fsm, rss, regulation; again for several; else all.")
    ] = None,
    workers: Workers = 1,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write every case and its outcome there.")] = None,
) -> None:
    """Sweep UN R157's published grids with its driver models: who collides where."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.r157.command import command
    raise typer.Exit(command(grid or [], driver or [], allowed_workers(workers), json_file, Console()))


@suites.command("list")
def list_suites() -> None:
    """The suites that ship."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.suite.command import listed
    Console().print(listed())


@suites.command("show")
def show_suite(what: Suite) -> None:
    """Print a suite's YAML: to read, and to begin one's own from."""
    with extra("simulators"):
        from simulators.scenario.suite.library import suite_of
    typer.echo(suite_of(what).text, nl=False)


@suites.command("schema")
def suite_schema() -> None:
    """Print the JSON schema of a suite, for editors."""
    with extra("simulators"):
        from simulators.scenario.listing import schema_text
        from simulators.scenario.suite.description import Suite as Described
    typer.echo(schema_text(Described))


@suites.command("run")
def run_suites(
    what: Annotated[list[str] | None, typer.Argument(metavar="[SUITE…]", help="Names or files; all that ship, if none.")] = None,
    device: Annotated[
        str | None,
        typer.Option(help="What is tested in memory, instead of what the suite says; items that say it themselves keep theirs."),
    ] = None,
    odd: Odd = None,
    workers: Workers = 1,
    output: Annotated[Path | None, typer.Option(help="Directory for chunks and evidence, a directory for each item.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the verdicts there, as docs/suites.md.")] = None,
    site: Annotated[str | None, typer.Option(help="In real time: where it is run; with --keep: in whose register.")] = None,
    data: Data = None,
    build: Annotated[str, typer.Option(help="With --keep: of what is tested, as you call it.")] = "",
    dut: Dut = None,
    *,
    keep: Annotated[bool, typer.Option(help="Keep every item that has runs in the register of --site.")] = False,
    short: Annotated[bool, typer.Option("--short", help="One case of each item.")] = False,
    through_platform: ThroughPlatform = False,
    in_the_loop: InTheLoop = False,
) -> None:
    """Run suites and judge them; exit code 0 only when every item has passed.

    In real time the cases of all items in which somebody is warned are run; searches, grids and drivers' models are for memory.
    """
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.keeping import Keeper
        from simulators.scenario.running_options import Options
        from simulators.scenario.suite.command import command, refuse_without_effect
        from simulators.scenario.suite.running import Request
    mode = Options("", is_through_platform=through_platform, is_in_the_loop=in_the_loop).mode
    refuse_without_effect(mode, device=device, workers=workers, dut=dut, site=site, data=data, build=build, is_kept=keep)
    keeper = Keeper.of(site, data, may_come=mode != "memory") if keep else None
    request = Request(
        is_short=short,
        device=device,
        odd=odd,
        workers=allowed_workers(workers),
        output=output,
        keeper=keeper,
        build=build,
        mode=mode,
        dut=dut,
        site=site,
        data=data,
    )
    raise typer.Exit(command(what or [], request, Console(), markdown))


@app.command("sweep")
def sweep(
    what: Suite,
    engine: Annotated[
        str, typer.Option(help="local: processes of this machine; ray: RAY_ADDRESS's cluster, else one here.")
    ] = "local",
    workers: Workers = 1,
    output: Annotated[Path | None, typer.Option(help="Directory for chunks and evidence; what was interrupted goes on.")] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only every N-th chunk, from the I-th; the last one joins all.")
    ] = None,
) -> None:
    """Run all cases of a suite, on many processes, on a cluster, or in shards on several machines that share the directory."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.engines import Engine
        from simulators.scenario.suite.command import command
        from simulators.scenario.suite.running import Request
        from simulators.scenario.sweeping import shard_given
    if engine not in list(Engine):
        raise ConfigurationError("--engine", engine, "one of " + ", ".join(Engine))
    if engine == Engine.RAY and "RAY_ADDRESS" in os.environ and workers != 1:
        raise ConfigurationError("--workers", workers, "it does not go with RAY_ADDRESS: that cluster has its own")
    request = Request(workers=allowed_workers(workers), engine=Engine(engine), shard=shard_given(shard, output), output=output)
    raise typer.Exit(command([what], request, Console()))


def allowed_workers(workers: int) -> int:
    """So many, ConfigurationError when that cannot be."""
    if not 1 <= workers <= MOST_WORKERS:
        raise ConfigurationError("--workers", workers, f"1 to {MOST_WORKERS}")
    return workers
