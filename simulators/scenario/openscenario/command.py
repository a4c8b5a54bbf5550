"""`chelu scenario import`: scenarios written, or a report on a whole collection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import typer

from chelu.errors import CheluError, ConfigurationError
from chelu.local.files import writing
from chelu.roads.telling import files_in
from simulators.scenario.manoeuvres import DriverName
from simulators.scenario.openscenario.catalogs import read_xml
from simulators.scenario.openscenario.importing import Imported, Options, imported
from simulators.scenario.openscenario.reporting import reported, rows
from simulators.scenario.openscenario.variations import variants


def command(
    paths: Sequence[Path], options: Options, output: Path | None, json_file: Path | None, *, is_report: bool, is_run: bool
) -> int:
    """Import them all; 0 when every one could be."""
    drivers = get_args(DriverName)
    if options.driver not in drivers:
        raise ConfigurationError("--driver", options.driver, "one of " + ", ".join(drivers))
    if not 0 < options.longest_s <= 3600:
        raise ConfigurationError("--longest", options.longest_s, "above 0, at most 3600")
    files = files_in(paths, "*.xosc")
    if is_report:
        return reported(rows(files, options, is_run=is_run), typer.echo, json_file)
    if output is None and len(files) != 1:
        raise ConfigurationError("--output", None, f"a directory for {len(files)} scenarios")
    return _written(files, options, output)


def _written(files: Sequence[Path], options: Options, output: Path | None) -> int:
    is_good = True
    for path in files:
        try:
            found = _scenarios(path, options)
        except CheluError as error:
            if len(files) == 1:
                raise
            typer.echo(str(error), err=True)
            is_good = False
            continue
        for number, one in enumerate(found, 1):
            name = path.stem if len(found) == 1 else f"{path.stem}-{number}"
            if output is None:
                typer.echo(one.text, nl=False)
                continue
            file = output / f"{name}.yaml"
            with writing(file):
                output.mkdir(parents=True, exist_ok=True)
                file.write_text(one.text, "utf-8")
            typer.echo(str(file))
    return 0 if is_good else 1


def _scenarios(path: Path, options: Options) -> list[Imported]:
    """Of a scenario one, of a variation all, of a catalogue none."""
    root = read_xml(path)
    if root.first("Catalog") is not None:
        return []
    return list(variants(path, options)) if root.first("ParameterValueDistribution") is not None else [imported(path, options)]
