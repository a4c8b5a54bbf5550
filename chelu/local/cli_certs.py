"""The commands `chelu certs init`, `show` and `renew`."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from chelu.cli import extra
from chelu.local import files
from chelu.local.files import Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chelu.local.authority import Entry

CERTS = typer.Typer(help="The site's certificate authority and its servers' certificates.", no_args_is_help=True)
Data = Annotated[Optional[Path], typer.Option("--data", help="The site's directory.", show_default="$CHELU_HOME or ./chelu-data")]  # noqa: UP045 - typer reads it
Hosts = Annotated[Optional[list[str]], typer.Option("--host", help="A name or address that clients use; several times.")]  # noqa: UP045 - as above


@CERTS.command()
def init(host: Hosts = None, data: Data = None) -> None:
    """Make an authority and certificates for broker and API, for this machine's names and those given; may be run again."""
    with extra("local"):
        from chelu.local import authority
    layout, now = _place(data)
    entries = authority.init(layout, host or [], now)
    _tell(layout, entries)


@CERTS.command()
def renew(
    data: Data = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are far from their end.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Renew the certificates that are in the last third of their life; a running site takes them up by itself."""
    with extra("local"):
        from chelu.local import authority
    layout, now = _place(data)
    entries = authority.renew(layout, now, is_forced=every)
    _tell(layout, entries)


@CERTS.command()
def show(data: Data = None) -> None:
    """Show the certificates: for whom they are, and when they end."""
    with extra("local"):
        from chelu.local import authority
    layout, now = _place(data)
    _print(authority.show(layout, now))


def _tell(layout: Layout, entries: Sequence[Entry]) -> None:
    from chelu.local import authority

    if any(entry.note for entry in entries):
        authority.tell_broker(layout)
    _print(entries)


def _place(data: Path | None) -> tuple[Layout, datetime.datetime]:
    directory = data.absolute() if data else files.home(os.environ)
    return Layout(directory), datetime.datetime.now(datetime.UTC)


def _print(entries: Sequence[Entry]) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    # A file that is to be copied is shown whole, however narrow the terminal is: the other columns give way.
    file = Column("file", no_wrap=True, min_width=max(len(entry.file) for entry in entries))
    table = Table("certificate", "ends", "for", file, "", box=None, pad_edge=False, header_style="bold")
    for entry in entries:
        table.add_row(entry.name, f"{entry.ends:%Y-%m-%d}", " ".join(entry.hosts) or "–", entry.file, entry.note)
    Console().print(table)
