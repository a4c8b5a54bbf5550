"""`chelu city surroundings`, `chelu city outlook`: what is found of a city's surroundings, and foretold of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from chelu.units import US_PER_S
from services.registry.cli_shared import AsJson, instant, open_client, print_rows

COLUMNS = ("time", "kind", "state", "severity", "spot", "text", "told")
OUTLOOK_COLUMNS = ("time", "device_id", "quantity", "ahead", "low", "middle", "high", "unit", "method")
LONGEST_S = 1e9

Site = Annotated[str | None, typer.Option(help="Only of this site.")]
Seconds = Annotated[float, typer.Option(min=1, max=LONGEST_S, help="Of so many seconds until now.")]


def surroundings(
    kind: Annotated[str | None, typer.Option(help="Only of this kind, such as flood, visibility, truck_queue.")] = None,
    site: Site = None,
    seconds: Seconds = 86_400.0,
    *,
    every: Annotated[bool, typer.Option("--all", help="What is over, too, each word that was said.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is found of the surroundings and holds now, with the road events that units tell of it."""
    from_us = max(0, time.time_ns() // 1000 - round(seconds * US_PER_S)) if every else 0
    with open_client() as client:
        rows = list(client.city_surroundings(from_us=from_us, site=site, kind=kind, standing=None if every else "true"))
    print_rows(rows if as_json else [_shown(row) for row in rows], COLUMNS, as_json=as_json)


def outlook(
    device: Annotated[str | None, typer.Option(help="Only of this sensor.")] = None,
    quantity: Annotated[str | None, typer.Option(help="Only of this quantity, such as water_level.")] = None,
    site: Site = None,
    seconds: Seconds = 3600.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what is foretold of water levels and air quality, in SI: in four of five cases it comes between low and high."""
    from_us = max(0, time.time_ns() // 1000 - round(seconds * US_PER_S))
    with open_client() as client:
        rows = list(client.city_outlook(from_us=from_us, site=site, device=device, quantity=quantity))
    print_rows(rows if as_json else [_foretold(row) for row in rows], OUTLOOK_COLUMNS, as_json=as_json)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    told = [str(one["event_id"] or one["refusal"]) for one in row["told"]]
    return {**row, "time": instant(row["time_us"]), "told": ", ".join(told)}


def _foretold(row: Mapping[str, Any]) -> dict[str, Any]:
    figures = {name: f"{row[name]:.4g}" for name in ("low", "middle", "high")}
    return {**row, **figures, "time": instant(row["time_us"]), "ahead": f"{row['ahead_s'] / 3600:g} h"}
