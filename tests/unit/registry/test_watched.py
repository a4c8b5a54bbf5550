"""What a paced test tells of itself, as it is read: from where one is, with the newest, and not all of what was missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chelu.codec import columns
from services.registry.runs.watched import COLUMNS, MOST_INSTANTS, Watched, thinned


def told(*at_s: float, actors: int = 2) -> dict[str, Any]:
    """Rows at these times."""
    rows = [(time_s, actor) for time_s in at_s for actor in range(actors)]
    motion: dict[str, list[float]] = {name: [0.0] * len(rows) for name in COLUMNS}
    motion |= {"at_s": [time_s for time_s, _ in rows], "actor": [actor for _, actor in rows]}
    return {"motion": motion, "so_far": {"through_s": at_s[-1]}}


@pytest.fixture
def watched() -> Watched:
    found = Watched()
    found.take({"scene": {"table": "run", "end_s": 15.0}})
    found.take(told(0.0, 0.04))
    return found


def test_who_watches_gets_what_came_since_and_where_to_go_on(watched: Watched) -> None:
    table, header = columns.unpack(watched.table(0))
    assert (len(table), header["first"], header["next"], header["end_s"]) == (4, 0, 4, 15.0)
    watched.take(told(0.08))
    table, header = columns.unpack(watched.table(4))
    assert table["actor"].tolist() == [0, 1]
    assert table["at_s"].tolist() == pytest.approx([0.08, 0.08])
    assert (header["first"], header["next"], header["so_far"]) == (4, 6, {"through_s": 0.08})
    assert len(columns.unpack(watched.table(6))[0]) == 0


def test_who_knows_more_rows_than_there_are_watched_another_run(watched: Watched) -> None:
    table, header = columns.unpack(watched.table(5))
    assert (len(table), header["first"], header["next"]) == (4, 0, 4)


def test_nothing_of_a_test_that_does_not_move() -> None:
    table, header = columns.unpack(Watched().table(0))
    assert (len(table), header["next"], header["so_far"]) == (0, 0, {})


def test_whoever_was_away_for_long_gets_fewer_instants_and_the_newest_of_all() -> None:
    at_s = np.repeat(np.arange(1000, dtype=np.float32), 3)
    kept = at_s[thinned(at_s)]
    assert len(np.unique(kept)) == MOST_INSTANTS
    assert kept[-3:].tolist() == [999.0] * 3
    assert np.bincount(kept.astype(int))[kept[0].astype(int)] == 3  # whole instants
    assert thinned(np.empty(0, np.float32)).shape == (0,)
