"""What `chelu scenario list`, `check` and `schema` say."""

from __future__ import annotations

import json
from collections.abc import Sequence

import typer
from rich.table import Table

from chelu.errors import CheluError
from simulators.scenario.cli_codes import REFUSED
from simulators.scenario.library import source_of, templates
from simulators.scenario.parts import Part
from simulators.scenario.reading import read_file

SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def listed() -> Table:
    """The scenarios that ship: name, what each asks, what varies."""
    shown = Table("scenario", "asks", "parameters", box=None, pad_edge=False, header_style="bold")
    for name, path in templates().items():
        one = read_file(path)
        shown.add_row(name, one.question, ", ".join(one.parameters))
    return shown


def checked(names: Sequence[str]) -> int:
    """Say of each whether it can be read; 0 when all can."""
    is_good = True
    for name in names:
        try:
            one = source_of(name).description
        except CheluError as error:
            typer.echo(str(error), err=True)
            is_good = False
        else:
            typer.echo(f"{name}: {one.scenario}, {len(one.actors)} actors, {len(one.requirements)} requirements: can be run")
    return 0 if is_good else REFUSED


def schema_text(what: type[Part]) -> str:
    """The JSON schema of a description or a suite."""
    return json.dumps({"$schema": SCHEMA, **what.model_json_schema()}, indent=2, ensure_ascii=False)
