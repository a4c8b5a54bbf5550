"""`chelu dead-letters`: messages that could not be used, and why."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from chelu.drop_reason import DropReason
from chelu.units import US_PER_S
from services.registry.cli_shared import AsJson, instant, open_client, print_rows

COLUMNS = ("time", "device_id", "topic", "reason", "detail", "size_bytes", "suppressed", "payload")
LONGEST_S = 1e9
SHOWN_BYTES = 24


def dead_letters(
    device: Annotated[str | None, typer.Option(help="Only of whom calls itself so, or is registered so.")] = None,
    reason: Annotated[DropReason | None, typer.Option(help="Only those refused for this reason.")] = None,
    seconds: Annotated[float, typer.Option(min=0.001, max=LONGEST_S, help="Of so many seconds until now.")] = 3600.0,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="At most so many, the newest.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """Show messages that could not be used, oldest first, and why; suppressed: how many before it, so refused, are not kept."""
    from_us = max(0, time.time_ns() // 1000 - round(seconds * US_PER_S))
    with open_client() as client:
        rows = list(deque(client.dead_letters(from_us=from_us, device=device, reason=reason), count))
    print_rows(rows if as_json else [_shown(row) for row in rows], COLUMNS, as_json=as_json)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    payload = row["payload"]
    is_long = len(payload) > 2 * SHOWN_BYTES
    return {**row, "time": instant(row["time_us"]), "payload": f"{payload[: 2 * SHOWN_BYTES]}…" if is_long else payload}
