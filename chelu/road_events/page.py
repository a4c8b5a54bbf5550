"""The catalogue's tables as text: docs/road-events.md has them, and a test sees that it does. Pure.

Printed with ``python -m chelu.road_events.page``.
"""

from __future__ import annotations

from collections.abc import Iterable

from chelu.road_events.catalogue import CLASSES, EVENTS, SIGNS, Entry

EVENT_COLUMNS = ("code", "name", "Chinese", "radius", "priority")
SIGN_COLUMNS = ("number", "name", "Chinese")


def events_table() -> str:
    """Events, first by class and then those with names of their own."""
    classes = [
        (f"{number}xx", kind.english, kind.chinese, f"{kind.radius_m:g} m", str(kind.priority))
        for number, kind in CLASSES.items()
    ]
    return _table(EVENT_COLUMNS, [*classes, *(_event(one) for one in EVENTS)])


def signs_table() -> str:
    """Signs with names."""
    return _table(SIGN_COLUMNS, [(str(one.code), one.english, one.chinese) for one in SIGNS])


def _event(one: Entry) -> tuple[str, ...]:
    return str(one.code), one.english, one.chinese, f"{one.radius_m:g} m", str(one.priority)


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(columns)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)) + "\n"


if __name__ == "__main__":
    print(events_table(), signs_table(), sep="\n", end="")
