"""`chelu observations`: what sensors measured, and `chelu quantities`: what they may measure."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from chelu import quantities
from chelu.units import US_PER_S
from services.registry.cli_shared import AsJson, instant, open_client, print_rows

COLUMNS = ("time", "device_id", "quantity", "value", "unit", "quality", "channel")
QUANTITY_COLUMNS = ("name", "field", "unit", "usual_unit", "low", "high", "model", "about")
LONGEST_S = 1e9


def observations(
    device: Annotated[str | None, typer.Option(help="Only of this sensor.")] = None,
    quantity: Annotated[str | None, typer.Option(help="Only of this quantity; chelu quantities lists them.")] = None,
    seconds: Annotated[float, typer.Option(min=0.001, max=LONGEST_S, help="Of so many seconds until now.")] = 3600.0,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="At most so many, the oldest.")] = 1000,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what sensors measured, in SI, oldest first."""
    from_us = max(0, time.time_ns() // 1000 - round(seconds * US_PER_S))
    with open_client() as client:
        found = client.observations(device=device, quantity=quantity, from_us=from_us)
        rows = list(itertools.islice(found, count))
    print_rows(rows if as_json else [_shown(row) for row in rows], COLUMNS, as_json=as_json)


def list_quantities(
    word: Annotated[str, typer.Argument(help="Only those with this in their name, field or FIWARE name.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """List the quantities that sensors may send, with SI unit, usual unit, range and FIWARE's name."""
    chosen = [one for one in quantities.QUANTITIES if word.lower() in f"{one.name} {one.field} {one.model}".lower()]
    rows = [{**asdict(one), "field": one.field.value, "low": f"{one.low:g}", "high": f"{one.high:g}"} for one in chosen]
    print_rows([asdict(one) for one in chosen] if as_json else rows, QUANTITY_COLUMNS, as_json=as_json)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    value = None if row["value"] is None else f"{row['value']:.6g}"
    return {**row, "time": instant(row["time_us"]), "value": value}
