"""`chelu city entities`, `chelu city export`: the city's data under FIWARE's names, and its days as Parquet."""

from __future__ import annotations

import datetime
import itertools
import json
import time
from pathlib import Path
from typing import Annotated

import typer

from chelu.errors import ConfigurationError
from chelu.units import US_PER_S
from services.registry.cli_shared import AsJson, open_client, print_rows

COLUMNS = ("name", "view", "about")
UNOBSERVED = frozenset({"Device", "RoadSegment"})
LONGEST_S = 1e9

Site = Annotated[str | None, typer.Option(help="Only of this site.")]


def entities(
    kind: Annotated[str | None, typer.Argument(help="Such as AirQualityObserved; else the kinds there are are listed.")] = None,
    site: Site = None,
    seconds: Annotated[float, typer.Option(min=1, max=LONGEST_S, help="Observed in so many seconds until now.")] = 3600.0,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="At most so many, the oldest.")] = 1000,
    *,
    as_json: AsJson = False,
) -> None:
    """List kinds of entities, or print entities of a kind, a JSON object a line."""
    with open_client() as client:
        if kind is None:
            print_rows(client.people("GET", "entities"), COLUMNS, as_json=as_json)
            return
        from_us = max(0, time.time_ns() // 1000 - round(seconds * US_PER_S))
        rows = list(itertools.islice(client.entities(kind, from_us=from_us, site=site), count))
    if as_json:
        print_rows(rows, (), as_json=True)
        return
    for row in rows:
        typer.echo(json.dumps(row, ensure_ascii=False))


def export(
    day: Annotated[str, typer.Argument(help="A day in UTC, such as 2026-05-01.")],
    directory: Annotated[Path, typer.Option(help="Where the files go; made where it is not.")] = Path(),
    kind: Annotated[str | None, typer.Option(help="Only of this kind; else of all that are observed.")] = None,
    site: Site = None,
) -> None:
    """Write a day of what was observed as Parquet: a file a kind, `KIND/DAY.parquet`."""
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        raise ConfigurationError("DAY", day, "a day such as 2026-05-01") from None
    with open_client() as client:
        names = [kind] if kind else [one["name"] for one in client.people("GET", "entities") if one["name"] not in UNOBSERVED]
        for name in names:
            content = client.entity_day(name, day, site=site)
            target = directory / name / f"{day}.parquet"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            typer.echo(f"{target}: {len(content):,} bytes")
