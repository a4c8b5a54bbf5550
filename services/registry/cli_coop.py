"""`chelu coop`: what devices asked of one another through the platform, and what became of it."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import typer

from chelu.units import US_PER_S
from services.registry.cli_shared import AsJson, instant, open_client, print_rows

COOP = typer.Typer(help="Cooperation: what devices asked of one another.", no_args_is_help=True)
COLUMNS = ("began", "session_id", "site_id", "application", "device_id", "number", "state", "reason", "heard", "told")
MESSAGE_COLUMNS = ("time", "what", "device_id", "number", "state", "reason", "document")
LONGEST_S = 1e9
SHOWN_CHARACTERS = 160


@COOP.command("list")
def list_sessions(
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None,
    application: Annotated[str | None, typer.Option(help="Only of this application, such as merge.")] = None,
    state: Annotated[str | None, typer.Option(help="Only those in this state, such as granted.")] = None,
    seconds: Annotated[float, typer.Option(min=0.001, max=LONGEST_S, help="Begun in so many seconds until now.")] = 3600.0,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="At most so many, the newest.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """List requests, oldest first: who asked for what, its state, and how many messages were heard and told."""
    from_us = max(0, time.time_ns() // 1000 - round(seconds * US_PER_S))
    with open_client() as client:
        rows = list(deque(client.coop_sessions(from_us=from_us, site=site, application=application, state=state), count))
    print_rows(rows if as_json else [{**row, "began": instant(row["began_us"])} for row in rows], COLUMNS, as_json=as_json)


@COOP.command("show")
def show_session(session_id: UUID, *, as_json: AsJson = False) -> None:
    """Show every message and every change of state of one request, as they came."""
    with open_client() as client:
        rows = list(client.coop_messages(session=str(session_id)))
    if not rows:
        raise typer.BadParameter(f"no session {session_id}; `chelu coop list` has them", param_hint="SESSION_ID")
    print_rows(rows if as_json else [_shown(row) for row in rows], MESSAGE_COLUMNS, as_json=as_json)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    text = json.dumps(row["document"], ensure_ascii=False) if row["document"] else ""
    is_long = len(text) > SHOWN_CHARACTERS
    return {**row, "time": instant(row["time_us"]), "document": f"{text[:SHOWN_CHARACTERS]}…" if is_long else text}
