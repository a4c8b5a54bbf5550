"""The topic table as a page: docs/topics.md is what `page` returns, and a test sees that it is. Pure.

Written anew with ``python -m chelu.topics_page > docs/topics.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chelu.topics import FINDINGS, FORECAST, PICTURE, SIGNALS, STATE, TOPICS, Kind, Topic

HEAD = """# Topics

Who says what on which MQTT topic. This page is derived from `chelu/topics.py`, as are ingest's subscriptions and the broker's
access list (`docs/registry.md`): change the table, not this page, and run `python -m chelu.topics_page > docs/topics.md`.

`{id}` is the device's id (in OpenV2X's rows its ESN: [OpenV2X](formats/openv2x.md)), and `{kind}` one of the kinds named in the
row. Rates are per device; *event* means when there is something to say. QoS 0 is counted, QoS 1 is acknowledged when durable.
*Stored in* names the table of schema `stream`.
"""
COLUMNS = ("topic", "kinds", "payload", "rate", "QoS", "stored in", "standard", "about")
UP = "## From devices"
DOWN = "## To devices"
OTHER = "## Neither"


def page(topics: Sequence[Topic] = TOPICS) -> str:
    """The page in Markdown."""
    up = [topic for topic in topics if topic.from_device]
    down = [topic for topic in topics if not topic.from_device]
    picture = (
        f"`{PICTURE}`: the live picture of a site as columns, published by inference at 10 Hz, QoS 0, for consoles and teams."
        f" `{SIGNALS}`: what its signals show and who decides for them, JSON, at 1 Hz."
    )
    state = (
        f"`{STATE}`: [traffic state](city/state.md) of a site as columns, published by inference every 5 s, QoS 0; `{FORECAST}`:"
        " its segments' speeds in the [next hour](city/forecast.md), every 5 min."
    )
    found = (
        f"`{FINDINGS}`: what the city brain has found (incidents, sensors that are wrong, jams to come), JSON, when it begins"
        " and when it is over, QoS 0; the [event board](city/board.md) reads what is stored."
    )
    return "\n".join([HEAD, UP, "", *_table(up), "", DOWN, "", *_table(down), "", OTHER, "", picture, "", state, "", found, ""])


def _table(topics: Iterable[Topic]) -> list[str]:
    return [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *(_line(_cells(topic)) for topic in topics)]


def _cells(topic: Topic) -> list[str]:
    return [
        f"`{topic.pattern}`",
        _kinds(topic.kinds),
        topic.payload.value,
        _rate(topic.rate_hz),
        f"{topic.qos}{', retained' if topic.retained else ''}",
        f"`{topic.table}`" if topic.table else "–",
        topic.standard.value,
        topic.about,
    ]


def _kinds(kinds: Sequence[Kind]) -> str:
    if not kinds:
        return "strangers"
    return "all" if set(kinds) == set(Kind) else ", ".join(kinds)


def _rate(rate_hz: float | None) -> str:
    if rate_hz is None:
        return "event"
    return f"{rate_hz:g} Hz" if rate_hz >= 1 else f"every {1 / rate_hz:g} s"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    print(page(), end="")
