"""Parameters of applications and monitors: a frozen dataclass whose fields say unit and source; a table; values per site."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from chelu.errors import ConfigurationError

Parameters = TypeVar("Parameters")
SWITCH_UNIT = "0 or 1"


def parameter(default: float, unit: str, source: str, *, low: float = 0.0, high: float = 1000.0) -> Any:
    """A dataclass field: its default, unit, where the value comes from, and the bounds a site may set it within."""
    return field(default=default, metadata={"unit": unit, "source": source, "low": low, "high": high})


def allowed(kind: type[Any], name: str, value: object) -> str | None:
    """What may stand in the place of a value that `kind` does not take under this name; None where it does."""
    known = {one.name: one.metadata for one in fields(kind)}
    if name not in known:
        return f"there is no such parameter; there are {', '.join(known)}"
    low, high = known[name]["low"], known[name]["high"]
    if known[name]["unit"] == SWITCH_UNIT and (isinstance(value, bool) or value not in (0, 1)):
        return "0 (off) or 1 (on)"
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return f"a number from {low} to {high}"
    return None


def with_site_values(defaults: Parameters, values: Mapping[str, Any], *, where: str) -> Parameters:
    """`defaults` with a site's values; ConfigurationError for an unknown name, no number, or a value out of bounds."""
    for name, value in values.items():
        if text := allowed(type(defaults), name, value):
            raise ConfigurationError(name, value, text, source=where)
    return replace(defaults, **{name: float(value) for name, value in values.items()})  # type: ignore[type-var]  # it is a dataclass


def table(kind: type[Any]) -> str:
    """The parameters as the Markdown table of a page (a test compares the two)."""
    rows = ["| parameter | default | unit | allowed | source |", "|---|---|---|---|---|"]
    for one in fields(kind):
        about = one.metadata
        rows.append(f"| `{one.name}` | {one.default} | {about['unit']} | {about['low']}–{about['high']} | {about['source']} |")
    return "\n".join(rows)


def read_site_values(file: Path | None) -> dict[str, dict[str, dict[str, Any]]]:
    """Site → application or monitor → parameter → value, from TOML tables ``[site.name]``; nothing without a file."""
    if file is None:
        return {}
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError("parameters_file", str(file), f"it cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError("parameters_file", str(file), f"it is not TOML ({error})") from None
    for site, applications in document.items():
        if not isinstance(applications, dict) or not all(isinstance(one, dict) for one in applications.values()):
            raise ConfigurationError(site, applications, "a table [site.application]", source=str(file))
    return document
