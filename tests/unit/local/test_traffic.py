"""What `chelu status` shows of a site's traffic can be read where a terminal has 80 columns."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from chelu.local.traffic import sentences, table

DROPPED = {"out_of_range": 1_300, "overlong": 42, "truncated": 181, "undecodable": 112, "wrong_version": 1_033}


def stream(rows: int, dropped: dict[str, int], sent: int | None, in_transit: int | None) -> dict[str, Any]:
    return {"messages": rows, "received": rows, "stored": rows, "dropped": dropped, "sent": sent, "in_transit": in_transit}


TRAFFIC = {
    "from_us": 0,
    "to_us": 60_000_000,
    "streams": {
        "observation": stream(600, {}, None, None),
        "bsm": stream(7_200_000, DROPPED, 7_300_000, 100_000),
    },
    "lag": {"committed_us": None, "p50_ms": None, "p99_ms": None},
    "broker": None,
}


def test_every_number_of_a_busy_stream_stands_whole_in_80_columns() -> None:
    text = StringIO()
    Console(file=text, width=80).print(table(TRAFFIC))
    shown = text.getvalue()
    assert "…" not in shown
    row = next(line for line in shown.splitlines() if line.startswith("bsm"))
    assert max(map(len, shown.splitlines())) <= 80
    assert row.split() == ["bsm", *["120,000"] * 3, "2,668", "7,300,000", "100,000", "(1.4", "%)"]


def test_reasons_are_sentences_of_the_streams_that_dropped_something() -> None:
    said = sentences(TRAFFIC)
    assert said[0] == "bsm: dropped 1,300 out_of_range, 42 overlong, 181 truncated, 112 undecodable, 1,033 wrong_version"
    assert not any("observation" in sentence for sentence in said)
