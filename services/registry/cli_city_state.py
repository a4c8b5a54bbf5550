"""`chelu city state`, `chelu city turns`: traffic state of places, and where vehicles turned and went."""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import typer

from chelu.units import US_PER_S
from services.registry.cli_shared import AsJson, instant, open_client, print_rows

COLUMNS = ("time", "place", "flow_vph", "km/h", "index", "queue", "delay_s", "los", "level", "share", "rests_on", "doubt")
TURN_COLUMNS = ("time", "kind", "from_segment", "to_segment", "vehicles", "share")
LONGEST_S = 1e9
DOUBTS = ("not scaled", "few probes", "no probes", "counter doubted", "flawed")  # bits of `doubt`, the lowest first
LETTERS = "–ABCDEF"


class Scope(StrEnum):
    """Of what."""

    LANE_GROUP = "lane_group"
    SEGMENT = "segment"
    JUNCTION = "junction"
    NETWORK = "network"


class Period(StrEnum):
    """Over how many seconds."""

    MINUTE = "60"
    FIVE_MINUTES = "300"
    QUARTER = "900"


def state(
    scope: Annotated[Scope, typer.Option(help="Of which places.")] = Scope.NETWORK,
    place: Annotated[str | None, typer.Option(help="Only of this segment, junction or lane group.")] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    period: Annotated[Period, typer.Option(help="Over how many seconds.")] = Period.MINUTE,
    seconds: Annotated[float, typer.Option(min=1, max=LONGEST_S, help="Ended in so many seconds until now.")] = 130.0,
    *,
    as_json: AsJson = False,
) -> None:
    """Show traffic state, oldest first: flow, speed, queues, indices, and what each row rests on."""
    from_us = max(0, time.time_ns() // 1000 - round(seconds * US_PER_S))
    with open_client() as client:
        rows = list(client.city_state(from_us=from_us, site=site, scope=scope.value, place=place, period=int(period.value)))
    print_rows(rows if as_json else [_shown(row) for row in rows], COLUMNS, as_json=as_json)


def turns(
    segment: Annotated[str | None, typer.Option(help="Only from this segment.")] = None,
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    seconds: Annotated[float, typer.Option(min=1, max=LONGEST_S, help="Ended in so many seconds until now.")] = 1000.0,
    *,
    trips: Annotated[bool, typer.Option("--trips", help="From where vehicles were first seen to where last, instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how many of the vehicles seen turned where, by quarter of an hour."""
    from_us = max(0, time.time_ns() // 1000 - round(seconds * US_PER_S))
    with open_client() as client:
        rows = list(client.city_turns(from_us=from_us, site=site, kind="trip" if trips else "turn", segment=segment))
    shown = [{**row, "time": instant(row["time_us"]), "share": _number(row["share"], 2)} for row in rows]
    print_rows(rows if as_json else shown, TURN_COLUMNS, as_json=as_json)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    doubts = [name for bit, name in enumerate(DOUBTS) if row["doubt"] >> bit & 1]
    speed = None if row["mean_speed_mps"] is None else row["mean_speed_mps"] * 3.6
    index = row["index"] if row["index"] is not None else row["travel_time_index"]
    return {
        "time": instant(row["time_us"]),
        "place": row["place"],
        "flow_vph": _number(row["flow_vph"], 0),
        "km/h": _number(speed, 1),
        "index": _number(index, 2),
        "queue": _number(row["queue_vehicles"], 1),
        "delay_s": _number(row["delay_s"], 1),
        "los": LETTERS[row["service"]],
        "level": row["level"] or None,
        "share": _number(row["share"], 2),
        "rests_on": f"{row['probes']:.1f} probes, counters {_number(row['counted_weight'], 2) or '–'}",
        "doubt": ", ".join(doubts),
    }


def _number(value: float | None, digits: int) -> str | None:
    return None if value is None else f"{value:.{digits}f}"
