"""`chelu roads …`: look at road files before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chelu.geo import LocalFrame

Origin = Annotated[
    str | None, typer.Option("--origin", metavar="LAT,LON[,ELEVATION]", help="Where on Earth local metres begin, WGS-84.")
]

app = typer.Typer(no_args_is_help=True, help="Road files: what they hold, what is not read of them, what is doubtful.")


def register(whole: typer.Typer) -> None:
    """Add this part's commands."""
    whole.add_typer(app, name="roads")


@app.callback()
def roads() -> None:
    """Road files: what they hold, what is not read of them, what is doubtful."""


@app.command("check")
def check(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="OpenDRIVE, lanelet2, SUMO, MAP and GeoJSON files, or directories of them."),
    ],
    *,
    is_brief: Annotated[bool, typer.Option("--brief", help="One line for each file.")] = False,
    is_whole: Annotated[bool, typer.Option("--all", help="Everything doubtful, not some of each kind.")] = False,
) -> None:
    """Read road files; say what is in them, what is left out and what is doubtful. Exit code 1 when one cannot be read."""
    from chelu.roads.telling import told

    raise typer.Exit(told(paths, typer.echo, is_brief=is_brief, is_whole=is_whole))


@app.command("convert")
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A road file.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="NAME.uper, .hex, .json (MAP), .geojson or .nod.xml (SUMO).")],
    origin: Origin = None,
    region: Annotated[int, typer.Option(help="The region of a MAP's nodes.", min=0, max=65_535)] = 0,
    most_bytes: Annotated[int | None, typer.Option(help="Of one MAP frame; a larger network becomes several.", min=1)] = None,
    *,
    is_named: Annotated[bool, typer.Option("--names/--no-names", help="Whether a MAP says names of links and nodes.")] = True,
) -> None:
    """Write a road file in another format; list what differs when that is read again."""
    from chelu.roads.converting import Wanted
    from chelu.roads.converting import convert as convert_file

    wanted = Wanted(region=region, is_named=is_named, most_bytes=most_bytes)
    convert_file(_there(source), target, _frame(origin), wanted, typer.echo)


@app.command("compare")
def compare(
    here: Annotated[Path, typer.Argument(metavar="A", help="A road file.")],
    there: Annotated[Path, typer.Argument(metavar="B", help="Another of the same roads, of any format.")],
    origin: Origin = None,
    *,
    is_whole: Annotated[bool, typer.Option("--all", help="Every difference, not three of each kind.")] = False,
) -> None:
    """Say what is kept and what differs between two road files. Exit code 1 when something does."""
    from chelu.roads.converting import compared

    raise typer.Exit(compared(_there(here), _there(there), _frame(origin), typer.echo, is_whole=is_whole))


def _there(path: Path) -> Path:
    """A file that can be read; ConfigurationError for none."""
    from chelu.errors import ConfigurationError

    if not path.is_file():
        raise ConfigurationError("file", str(path), "one that is there")
    return path


def _frame(origin: str | None) -> LocalFrame | None:
    """An origin as it is typed; ConfigurationError for what is none."""
    from chelu.errors import CheluError, ConfigurationError
    from chelu.geo import LocalFrame

    if origin is None:
        return None
    try:
        latitude, longitude, *elevation = map(float, origin.split(","))
        return LocalFrame(latitude, longitude, *elevation)
    except (ValueError, TypeError, CheluError):
        raise ConfigurationError(
            "--origin", origin, "degrees north, degrees east and perhaps metres, with commas between"
        ) from None
