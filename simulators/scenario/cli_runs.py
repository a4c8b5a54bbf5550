"""`chelu scenario runs …`: runs that are kept in the register."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError

Site = Annotated[str | None, typer.Option(help="Whose runs; else those of the only site there is.")]
Data = Annotated[Path | None, typer.Option(help="The site's data directory (else CHELU_HOME or ./chelu-data).")]
Run = Annotated[int, typer.Argument(metavar="RUN", help="Its number.")]

app = typer.Typer(help="Runs that are kept in the register: who ran what, when, and what came of it.")


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    scenario: Annotated[str | None, typer.Option(help="Only of this scenario.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only pass, fail, error or skipped.")] = None,
    build: Annotated[str | None, typer.Option(help="Only of this build.")] = None,
    most: Annotated[int, typer.Option("-n", help="So many of the newest.")] = 40,
    site: Site = None,
    data: Data = None,
) -> None:
    """List runs, the newest first."""
    if context.invoked_subcommand is not None:
        for option, value in (
            ("--scenario", scenario),
            ("--verdict", verdict),
            ("--build", build),
            ("--site", site),
            ("--data", data),
        ):
            if value is not None:
                raise ConfigurationError(
                    option, str(value), f"it stands behind {context.invoked_subcommand}, or does not go with it"
                )
        return
    if most < 1:
        raise ConfigurationError("-n", most, "1 or more")
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.keeping import Keeper
        from simulators.scenario.kept import listed
    listed(Keeper.of(site, data).runs(most, scenario=scenario, verdict=verdict, build=build), Console())


@app.command("show")
def show(
    run: Run,
    site: Site = None,
    data: Data = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="As the API has it.")] = False,
    document: Annotated[bool, typer.Option("--document", help="The whole verdict document, with every case.")] = False,
) -> None:
    """Show one run: verdict, requirements, hashes, seeds, versions, and where its evidence is."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.keeping import Keeper
        from simulators.scenario.kept import shown
    keeper = Keeper.of(site, data)
    if document:
        shown(keeper.document(run), Console(), is_json=True)
    else:
        shown(keeper.run(run), Console(), is_json=json)


@app.command("compare")
def compare(
    before: Annotated[int, typer.Argument(metavar="BEFORE", help="The number of the earlier run.")],
    now: Annotated[int, typer.Argument(metavar="NOW", help="The number of the later one.")],
    site: Site = None,
    data: Data = None,
) -> None:
    """Say what the later run made better or worse, and how sure both pass rates are: exit code 1 when something got worse."""
    with extra("simulators"):
        from rich.console import Console

        from simulators.scenario.keeping import Keeper
        from simulators.scenario.kept import compared
    raise typer.Exit(compared(Keeper.of(site, data), before, now, Console()))


@app.command("evidence")
def evidence(
    run: Run,
    output: Annotated[Path | None, typer.Option(help="Fetch the files into this directory.")] = None,
    site: Site = None,
    data: Data = None,
) -> None:
    """List the files that are kept beside a run (`--attach`), or fetch them."""
    with extra("simulators"):
        from simulators.scenario.keeping import Keeper
    keeper = Keeper.of(site, data)
    for one in keeper.files(run):
        typer.echo(f"{one['bytes']:>12,}  {one['name'] if output is None else keeper.fetch(run, one['name'], output)}")


@app.command("delete")
def delete(run: Run, site: Site = None, data: Data = None) -> None:
    """Keep a run no longer."""
    with extra("simulators"):
        from simulators.scenario.keeping import Keeper
    Keeper.of(site, data).delete(run)
