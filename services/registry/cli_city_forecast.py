"""`chelu city forecast`, `forecast-watch`, `findings`, `history`: what is foreseen, what was found, and what to learn from."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from chelu.units import US_PER_S
from services.registry.cli_shared import AsJson, instant, open_client, print_rows

COLUMNS = ("time", "place", "min_ahead", "km/h", "10 %", "90 %", "method")
WATCH_COLUMNS = ("time", "site_id", "serving", "compared", "errors_mps")
FINDING_COLUMNS = ("time", "site_id", "state", "severity", "kind", "spot", "since", "text")
LONGEST_S = 1e9
DAY_S = 86_400.0
SEGMENT_PERIOD_S = 300

Site = Annotated[str | None, typer.Option(help="Only of this site.")]


def forecast(
    site: Site = None,
    place: Annotated[str | None, typer.Option(help="Only of this segment.")] = None,
    ahead: Annotated[int | None, typer.Option(min=5, max=60, help="Only so many minutes ahead: 5, 15, 30, 45 or 60.")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=LONGEST_S, help="Made in so many seconds until now.")] = 310.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the speeds that segments are expected to have in the next hour."""
    with open_client() as client:
        ahead_s = None if ahead is None else ahead * 60
        rows = list(client.city_forecast(from_us=_since(seconds), site=site, place=place, ahead=ahead_s))
    print_rows(rows if as_json else [_shown(row) for row in rows], COLUMNS, as_json=as_json)


def watch(
    site: Site = None,
    seconds: Annotated[float, typer.Option(min=1, max=LONGEST_S, help="In so many seconds until now.")] = 3700.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Show which method forecasts, and the mean error of each over the day before."""
    with open_client() as client:
        rows = list(client.city_forecast_watch(from_us=_since(seconds), site=site))
    print_rows(rows if as_json else [{**row, "time": instant(row["time_us"])} for row in rows], WATCH_COLUMNS, as_json=as_json)


def findings(
    site: Site = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind, such as stopped_vehicle or sensor_silent.")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=LONGEST_S, help="Told in so many seconds until now.")] = 3600.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Show incidents, sensors that are wrong and jams to come: when they began and when they were over."""
    with open_client() as client:
        rows = list(client.city_findings(from_us=_since(seconds), site=site, kind=kind))
    shown = [{**row, "time": instant(row["time_us"]), "since": instant(row["since_us"])} for row in rows]
    print_rows(rows if as_json else shown, FINDING_COLUMNS, as_json=as_json)


def history(
    site: Annotated[str, typer.Option(help="The site's id.")],
    out: Annotated[Path, typer.Option(help="The file to write: time, sensor, value (m/s).")],
    days: Annotated[float, typer.Option(min=0.01, max=1000, help="So many days until now.")] = 14.0,
) -> None:
    """Write the stored speeds of a site's segments as CSV, for `chelu train forecast --data`."""
    count = 0
    with open_client() as client, out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("time", "sensor", "value"))
        since_us = _since(days * DAY_S)
        for row in client.city_state(from_us=since_us, site=site, scope="segment", period=SEGMENT_PERIOD_S):
            if row["mean_speed_mps"] is not None:
                writer.writerow((row["time_us"], row["place"], f"{row['mean_speed_mps']:.3f}"))
                count += 1
    typer.echo(f"{count} readings in {out}")


def _since(seconds: float) -> int:
    return max(0, time.time_ns() // 1000 - round(seconds * US_PER_S))


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    speeds = {"km/h": row["speed_mps"], "10 %": row["low_mps"], "90 %": row["high_mps"]}
    return {
        "time": instant(row["time_us"]),
        "place": row["place"],
        "min_ahead": row["ahead_s"] // 60,
        **{name: None if value is None else f"{value * 3.6:.1f}" for name, value in speeds.items()},
        "method": row["method"],
    }
