"""What the terminal shows of a site's traffic, from the registry's ``/api/traffic``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from chelu.units import US_PER_S

NOTHING = "–"
FEW_PER_S = 1000.0  # below it a tenth is worth its column


def table(traffic: Mapping[str, Any]) -> Table:
    """A row a stream: rows a second in and out, what was dropped, and what agents sent that did not come; 80 columns hold it."""
    seconds = (traffic["to_us"] - traffic["from_us"]) / US_PER_S
    view = Table(box=None, pad_edge=False, header_style="bold")
    view.add_column(f"stream,\nlast {seconds:.0f} s", no_wrap=True)
    for name in ("messages\n/s", "rows in\n/s", "stored\n/s", "dropped", "sent by\nagents", "lost in\ntransit"):
        view.add_column(name, justify="right", no_wrap=True)
    for name, stream in sorted(traffic["streams"].items()):
        rates = (_rate(stream[part] / seconds) for part in ("messages", "received", "stored"))
        view.add_row(name, *rates, f"{sum(stream['dropped'].values()):,}", _count(stream["sent"]), _lost(stream))
    return view


def sentences(traffic: Mapping[str, Any]) -> list[str]:
    """Why rows were dropped, how far ingest is behind, what its inbox dropped, and what the broker dropped."""
    lag, broker = traffic["lag"], traffic["broker"]
    inbox = sum(traffic["streams"].get("inbox", {}).get("dropped", {}).values())
    said = [*_reasons(traffic["streams"]), f"ingest: {_lag(lag, traffic['to_us'])}; its inbox dropped {inbox:,} messages"]
    if broker is None:
        return [*said, "broker: away, or it says nothing of itself"]
    known = ", ".join(f"{name} {broker[name]:,}" for name in ("received", "sent", "clients") if name in broker)
    return [*said, f"broker, since its start: dropped {_count(broker.get('dropped'))} messages ({known})"]


def _rate(per_s: float) -> str:
    return f"{per_s:,.1f}" if per_s < FEW_PER_S else f"{per_s:,.0f}"


def _reasons(streams: Mapping[str, Any]) -> Iterator[str]:
    for name, stream in sorted(streams.items()):
        if dropped := ", ".join(f"{rows:,} {reason}" for reason, rows in sorted(stream["dropped"].items()) if rows):
            yield f"{name}: dropped {dropped}"


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
