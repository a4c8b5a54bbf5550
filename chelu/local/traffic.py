"""What the terminal shows of a site's traffic, from the registry's ``/api/traffic``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from chelu.units import US_PER_S

NOTHING = "–"


def table(traffic: Mapping[str, Any]) -> Table:
    """A row a stream: rows a second in and out, what was dropped and why, and what agents sent that did not come."""
    seconds = (traffic["to_us"] - traffic["from_us"]) / US_PER_S
    view = Table(f"stream, last {seconds:.0f} s", box=None, pad_edge=False, header_style="bold")
    for name in ("messages/s", "rows in/s", "stored/s", "dropped", "sent by agents", "lost in transit"):
        view.add_column(name, justify="right", no_wrap=True)
    view.add_column("why dropped", overflow="fold")
    for name, stream in sorted(traffic["streams"].items()):
        rates = (f"{stream[part] / seconds:,.1f}" for part in ("messages", "received", "stored"))
        dropped = stream["dropped"]
        reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in sorted(dropped.items()))
        view.add_row(name, *rates, f"{sum(dropped.values()):,}", _count(stream["sent"]), _lost(stream), reasons)
    return view


def sentences(traffic: Mapping[str, Any]) -> list[str]:
    """How far ingest is behind, what its inbox dropped, and what the broker dropped."""
    lag, broker = traffic["lag"], traffic["broker"]
    inbox = sum(traffic["streams"].get("inbox", {}).get("dropped", {}).values())
    said = [f"ingest: {_lag(lag, traffic['to_us'])}; its inbox dropped {inbox:,} messages"]
    if broker is None:
        return [*said, "broker: away, or it says nothing of itself"]
    known = ", ".join(f"{name} {broker[name]:,}" for name in ("received", "sent", "clients") if name in broker)
    return [*said, f"broker, since its start: dropped {_count(broker.get('dropped'))} messages ({known})"]


def _lag(lag: Mapping[str, Any], now_us: int) -> str:
    if lag["committed_us"] is None:
        return "it stored nothing"
    age = f"its newest batch was durable {max(0, now_us - lag['committed_us']) / US_PER_S:.1f} s ago"
    if lag["p50_ms"] is None:
        return age
    return f"{age}, {lag['p50_ms']:.0f} ms after its BSMs' arrival (p99 {lag['p99_ms']:.0f} ms)"


def _lost(stream: Mapping[str, Any]) -> str:
    """A few frames may be on their way at either end, so that the difference can be below 0, which is no loss."""
    if stream["in_transit"] is None:
        return NOTHING
    lost = max(0, stream["in_transit"])
    share = f" ({100 * lost / stream['sent']:.1f} %)" if lost and stream["sent"] else ""
    return f"{lost:,}{share}"


def _count(number: int | None) -> str:
    return NOTHING if number is None else f"{number:,}"
