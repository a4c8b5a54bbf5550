"""What the register's commands share: the client, fields as KEY=VALUE, and printing."""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chelu.cli import extra
from chelu.errors import ConfigurationError
from chelu.units import US_PER_S

if TYPE_CHECKING:
    from chelu.api import Client, NewDevice

EXTRA = "registry"

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Until = Annotated[str | None, typer.Option(help="ISO 8601 with time zone, such as 2027-01-01T00:00:00+08:00.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="FIELD=VALUE as the API names it, VALUE null takes it away; may be given several times."),
]


def labels(pairs: Sequence[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping; ConfigurationError for one without ``=``."""
    for pair in pairs:
        if "=" not in pair:
            raise ConfigurationError("--label", pair, "it has the form KEY=VALUE")
    return dict(pair.split("=", 1) for pair in pairs)


def changes(pairs: Sequence[str], record: type, *, but: Collection[str] = ()) -> dict[str, Any]:
    """``FIELD=VALUE`` texts as what the API takes for `record` without the fields `but`; ConfigurationError for any other."""
    names: Mapping[str, Any] = {name: kind for name, kind in record.__annotations__.items() if name not in but}
    found: dict[str, Any] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or name not in names:
            raise ConfigurationError("--set", pair, f"FIELD=VALUE, FIELD one of {', '.join(sorted(names))}")
        found[name] = _value(name, text, is_text=str(names[name]).startswith("str"))
    return found


def new_device(fields: Sequence[str] | None, **given: Any) -> NewDevice:
    """A device to register, as the options and ``FIELD=VALUE`` texts say, of which the latter count where both speak."""
    from chelu.api import NewDevice

    return NewDevice(**{**given, **changes(fields or [], NewDevice)})


def read_json(file: Path, option: str) -> Any:
    """A JSON document; ConfigurationError for a file that is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(option, str(file), f"it cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigurationError(option, str(file), f"it is not JSON ({error})") from None


def open_client() -> Client:
    """A client of the registry that the environment names."""
    with extra(EXTRA):
        from chelu.api import Client

        return Client.find()


def instant(time_us: int) -> str:
    """An instant as a person reads it, to the millisecond, in UTC."""
    at = datetime.datetime.fromtimestamp(time_us / US_PER_S, datetime.UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z"


def present(**fields: Any) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in fields.items() if value is not None}


def _value(name: str, text: str, *, is_text: bool) -> Any:
    if is_text:
        return None if text == "null" else text
    try:
        return json.loads(text)
    except ValueError:
        raise ConfigurationError("--set", f"{name}={text}", "a number or JSON") from None


def print_rows(rows: Sequence[dict[str, Any]], names: Sequence[str], *, as_json: bool) -> None:
    """A table, or JSON."""
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    from rich.cells import cell_len, set_cell_size

    lines = [list(names), *([_text(row[name]) for name in names] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(map(set_cell_size, line, widths)).rstrip())


def print_one(row: dict[str, Any], *, as_json: bool) -> None:
    """One thing, a field a line, or JSON."""
    if as_json:
        typer.echo(json.dumps(row, ensure_ascii=False, indent=2))
        return
    width = max(map(len, row))
    for name, value in row.items():
        typer.echo(f"{name:<{width}}  {_text(value)}")


def printable(text: str) -> str:
    """A text in which nothing tells the terminal what to do: devices that nobody knows write into what is shown here."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _text(value: object) -> str:
    """A value as a person reads it: a dash for nothing, while a zero is a number; several one after the other."""
    if isinstance(value, dict):
        value = ", ".join(f"{key}={_text(its) if isinstance(its, list | tuple) else its}" for key, its in value.items())
    elif isinstance(value, list | tuple):
        value = ("; " if any(isinstance(each, dict | list | tuple) for each in value) else ", ").join(map(_text, value))
    if value is None or value is False or value == "":
        return "–"
    return "yes" if value is True else printable(str(value))
