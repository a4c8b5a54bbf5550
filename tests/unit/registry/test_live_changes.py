"""What a page is sent of a picture: the first whole, then what differs; put together again it is the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from chelu.codec import columns
from chelu.messages import Batch
from services.registry.live_changes import Changes, Pace, changed

Row = tuple[int, float, float]  # generation, east, age


def picture(rows: dict[int, Row]) -> Batch:
    slots = sorted(rows)
    return Batch(
        {
            "slot": np.array(slots, np.uint32),
            "generation": np.array([rows[slot][0] for slot in slots], np.uint32),
            "east_m": np.array([rows[slot][1] for slot in slots], np.float32),
            "age_ms": np.array([rows[slot][2] for slot in slots], np.float32),
        }
    )


def sent(changes: Changes, rows: dict[int, Row], time_us: int) -> tuple[Batch, dict[str, Any]]:
    return columns.unpack(changes.frame(columns.pack(picture(rows), {"site": "hill", "time_us": time_us})))


def test_the_first_is_whole_and_says_that_it_is_the_change_of_nothing() -> None:
    rows, header = sent(Changes(), {3: (1, 5.0, 40.0), 9: (1, 6.0, 40.0)}, 100)
    assert rows["slot"].tolist() == [3, 9]
    assert header == {"site": "hill", "time_us": 100, "since_us": None, "gone": []}


def test_then_only_what_moved_what_is_new_and_who_is_gone() -> None:
    changes = Changes()
    sent(changes, {1: (1, 5.0, 40.0), 2: (1, 6.0, 40.0), 3: (1, 7.0, 40.0)}, 100)
    rows, header = sent(changes, {1: (1, 5.0, 140.0), 2: (1, 6.5, 40.0), 7: (1, 1.0, 40.0)}, 200)
    assert rows["slot"].tolist() == [2, 7]
    assert (header["since_us"], header["gone"]) == (100, [3])


def test_a_slot_that_is_used_again_is_a_change_though_all_else_is_as_before() -> None:
    changes = Changes()
    sent(changes, {1: (1, 5.0, 40.0)}, 100)
    rows, _ = sent(changes, {1: (2, 5.0, 40.0)}, 200)
    assert rows["generation"].tolist() == [2]


def test_an_unknown_value_that_stays_unknown_is_no_change() -> None:
    before = picture({1: (1, np.nan, 0.0)})
    assert changed(before, picture({1: (1, np.nan, 50.0)}))[0].tolist() == [False]
    assert changed(before, picture({1: (1, 4.0, 50.0)}))[0].tolist() == [True]


@given(
    some.lists(
        some.dictionaries(some.integers(0, 8), some.tuples(some.integers(1, 2), some.sampled_from([0.0, 1.0]), some.just(9.0))),
        max_size=6,
    )
)
def test_whoever_follows_the_changes_has_the_picture(pictures: list[dict[int, Row]]) -> None:
    changes, known = Changes(), dict[int, Row]()
    for number, rows in enumerate(pictures, 1):
        told, header = sent(changes, rows, number)
        known = {} if header["since_us"] is None else {slot: row for slot, row in known.items() if slot not in header["gone"]}
        known |= {int(s): (int(g), float(e), float(a)) for s, g, e, a in zip(*(told[name] for name in told), strict=True)}
        assert known == rows


def is_full_after(sent: int, taken: int, sent_again: int = 0) -> bool:
    pace = Pace(2)
    for _ in range(sent):
        pace.send()
    for _ in range(taken):
        pace.take()
    for _ in range(sent_again):
        pace.send()
    return pace.is_full


def test_a_page_that_takes_nothing_is_sent_nothing_more() -> None:
    assert not is_full_after(sent=1, taken=0)
    assert is_full_after(sent=2, taken=0)
    assert not is_full_after(sent=2, taken=1)


def test_a_page_that_says_more_often_that_it_took_something_gains_nothing() -> None:
    assert is_full_after(sent=2, taken=9, sent_again=2)
