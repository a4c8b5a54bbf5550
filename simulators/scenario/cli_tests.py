"""`chelu scenario tests …`: scenarios that the site's registry runs itself."""

from __future__ import annotations

import json as documents
from pathlib import Path
from typing import Annotated, Any

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from simulators.scenario.cli_runs import Data, Site

Number = Annotated[int, typer.Argument(metavar="TEST", help="Its number.")]

app = typer.Typer(no_args_is_help=True, help="Tests that the registry runs itself, in memory: what the console asks for.")


@app.command("add")
def add(
    what: Annotated[str, typer.Argument(metavar="SCENARIO", help="One that ships: chelu scenario list.")],
    given: Annotated[list[str] | None, typer.Option("--set", help="As of `chelu scenario run`; again for others.")] = None,
    design: Annotated[str, typer.Option(help="As of `chelu scenario run`.")] = "default",
    count: Annotated[int | None, typer.Option(help="Cases of a sampled design.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of a sampled design.")] = None,
    repeat: Annotated[int, typer.Option(help="Run each case so many times.")] = 1,
    device: Annotated[str, typer.Option(help="What is tested in memory.")] = "none",
    build: Annotated[str, typer.Option(help="Of what is tested, as you call it.")] = "",
    site: Site = None,
    data: Data = None,
    *,
    paced: Annotated[bool, typer.Option("--paced", help="One case at the clock's pace, to be watched in the console.")] = False,
) -> None:
    """Have the registry run a scenario: prints the test's number. What comes of it is among `chelu scenario runs`."""
    wanted = {
        "scenario": what,
        "set": dict(map(_one, given or ())),
        "design": design,
        "count": count,
        "seed": seed,
        "repeats": repeat,
        "device": device,
        "build": build,
        "is_paced": paced,
    }
    typer.echo(_asked("POST", site, data, json=wanted)["test_id"])


@app.command("list")
def list_tests(
    most: Annotated[int, typer.Option("-n", min=1, max=1000, help="So many of the newest.")] = 40,
    site: Site = None,
    data: Data = None,
) -> None:
    """List tests, the newest first."""
    for one in _asked("GET", site, data, params={"limit": most})["tests"]:
        typer.echo(_line(one))


@app.command("show")
def show(
    test: Number,
    site: Site = None,
    data: Data = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="As the API has it.")] = False,
) -> None:
    """Say how far a test is, and which run came of it."""
    found = _asked("GET", site, data, str(test))
    typer.echo(documents.dumps(found, ensure_ascii=False) if json else _line(found))


@app.command("stop")
def stop(test: Number, site: Site = None, data: Data = None) -> None:
    """End a test that waits or runs; nothing of it is kept."""
    typer.echo(_line(_asked("POST", site, data, str(test), "stop")))


def _one(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigurationError("--set", text, "NAME=VALUE, NAME=A,B,C, NAME=LOW:HIGH or NAME=LOW:HIGH:STEP")
    return name, value


def _line(one: dict[str, Any]) -> str:
    """A test in a line: number, scenario, state, how far, and what is said of it."""
    parts = [str(one["test_id"]), one["wanted"]["scenario"], one["state"]]
    if one["cases"] is not None:
        parts.append(f"{one['done'] or 0} of {one['cases']} cases")
    if one["run_id"] is not None:
        parts.append(f"run {one['run_id']}")
    return "  ".join([*parts, *([one["detail"]] if one["detail"] else [])])


def _asked(method: str, site: str | None, data: Path | None, *path: str, **request: Any) -> Any:
    with extra("simulators"):
        from chelu.api import Client
        from simulators.scenario.keeping import Keeper
    keeper = Keeper.of(site, data)
    with Client.find(keeper.environ) as client:
        return client.people(method, "sites", keeper.site, "tests", *path, **request)
