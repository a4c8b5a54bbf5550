"""`chelu device import` and `chelu device export`: devices from and to CSV and GeoJSON files."""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from chelu.errors import ConfigurationError
from chelu.topics import Kind
from services.registry.cli_shared import open_client, print_rows

if TYPE_CHECKING:
    from chelu.api import ImportReport

MEDIA_TYPES = {".csv": "text/csv", ".geojson": "application/geo+json", ".json": "application/geo+json"}
FAULT_COLUMNS = ("line", "field", "value", "allowed")


def add(app: typer.Typer) -> None:
    """Add the commands to `chelu device`."""
    app.command("import")(import_devices)
    app.command("export")(export_devices)


def import_devices(
    file: Annotated[Path, typer.Argument(help="A .csv or .geojson file.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is bad, register nothing.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Register the good ones although others are bad.")] = False,
    secrets: Annotated[Path | None, typer.Option(help="New file for the secrets, which are shown only once.")] = None,
) -> None:
    """Register the devices of a file, none while one is bad; prints id and secret of each that has one as CSV."""
    media_type, content = _media_type(file), _content(file)
    with (
        contextlib.nullcontext(sys.stdout) if secrets is None or dry_run else _secret_file(secrets) as output,
        open_client() as client,
    ):
        report = client.import_devices(content, media_type, is_dry_run=dry_run, is_skipping_bad=skip_bad)
        _keep(report, output, secrets)
    if report.faults:
        print_rows([asdict(fault) for fault in report.faults], FAULT_COLUMNS, as_json=False)
    bad = len({fault.line for fault in report.faults})
    without = sum(not one.secret for one in report.registered)
    said = f"{len(report.registered)} registered, {bad} bad" + (f", {report.good} good" if dry_run else "")
    typer.echo(said + (f"; {without} without a secret of their own" if without else ""), err=True)
    if report.is_refused or (dry_run and report.faults):
        raise typer.Exit(1)


def export_devices(
    file: Annotated[Path, typer.Argument(help="A .csv or .geojson file to write.")],
    words: Annotated[str | None, typer.Argument(help="Only those with these words.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only this kind.")] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    lifecycle: Annotated[str | None, typer.Option(help="Only in this state.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="KEY=VALUE; may be given several times.")] = None,
) -> None:
    """Write devices into a file that can be imported again; it has no credentials."""
    name = "csv" if _media_type(file) == "text/csv" else "geojson"
    with open_client() as client:
        content = client.export_devices(name, q=words, kind=kind, site=site, lifecycle=lifecycle, label=label)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError("FILE", str(file), f"it cannot be written ({error.strerror})") from None


def _media_type(file: Path) -> str:
    if file.suffix.lower() not in MEDIA_TYPES:
        raise ConfigurationError("FILE", str(file), "its name ends in .csv, .geojson or .json")
    return MEDIA_TYPES[file.suffix.lower()]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError("FILE", str(file), f"it cannot be read ({error.strerror})") from None


@contextlib.contextmanager
def _secret_file(path: Path) -> Iterator[TextIO]:
    """A new file that only its owner reads, opened before the import so that no secret is lost for want of one.

    When there are no secrets it is taken away, so that the same command may be given again.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError("--secrets", str(path), f"a new file ({error.strerror})") from None
    file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):  # what it did not take has been said
            file.close()
        if not path.stat().st_size:
            path.unlink()


def _keep(report: ImportReport, output: TextIO, path: Path | None) -> None:
    """Write the secrets; those that the disk does not take are printed, since nobody will ever be told them again."""
    try:
        _write_secrets(report, output)
        output.flush()
    except OSError as error:
        if path is None:
            raise
        _write_secrets(report, sys.stdout)
        allowed = f"a file that can be written ({error.strerror}): the secrets are printed above, and kept nowhere"
        raise ConfigurationError("--secrets", str(path), allowed) from None


def _write_secrets(report: ImportReport, output: TextIO) -> None:
    rows = [[one.device_id, one.secret] for one in report.registered if one.secret]
    if rows:
        csv.writer(output, lineterminator="\n").writerows([["device_id", "secret"], *rows])
