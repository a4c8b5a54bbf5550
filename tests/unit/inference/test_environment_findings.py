"""Findings on the surroundings: when they are said, said again and over, and how they are stored."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from services.inference.city.environment.findings import SAID_AGAIN_US, Book, Entry, Finding, Judged, standing_of
from services.inference.city.findings import rows_to_store
from tests.unit.inference.environment_rows import new_id

__all__ = ["new_id"]


def found(name: str = "a", part: str = "high", **detail: object) -> Finding:
    return Finding(
        application="limits",
        subject=name,
        part=part,
        kind="wind",
        severity="warning",
        value=1.0,
        bound=0.5,
        text="windy",
        detail=detail,
    )


def test_a_finding_is_said_when_it_begins_when_its_words_change_and_when_it_is_over(new_id: Callable[[], str]) -> None:
    book = Book("hill", new_id)
    (began,) = book.note(Judged("limits", "a", [found()]), 1_000)
    assert (began.is_over, began.finding_id, began.since_us, began.detail["part"]) == (False, "finding-1", 1_000, "high")
    assert book.note(Judged("limits", "a", [found()]), 2_000) == []
    (again,) = book.note(Judged("limits", "a", [found(slots=3)]), 3_000)
    assert (again.is_over, again.finding_id, again.since_us) == (False, "finding-1", 1_000)
    (over,) = book.note(Judged("limits", "a"), 4_000)
    assert (over.is_over, over.finding_id) == (True, "finding-1")
    assert book.holds == []


def test_who_is_not_judged_stays_and_what_holds_is_said_again_after_hours(new_id: Callable[[], str]) -> None:
    book = Book("hill", new_id)
    book.note(Judged("limits", "a", [found()]), 1_000)
    assert book.note(Judged("limits", "b"), 2_000) == []
    assert book.note(Judged("flood", "a"), 2_000) == []
    assert [one.is_over for one in book.note(Judged("limits", "a", [found()]), 1_000 + SAID_AGAIN_US)] == [False]


def test_what_stood_when_the_process_ended_stands_in_the_next_one_under_its_name(new_id: Callable[[], str]) -> None:
    (said,) = Book("hill", new_id).note(Judged("limits", "a", [found(unit="m/s")]), 1_000)
    row = ("hill", said.finding_id, said.kind, said.severity, said.since_us, said.text, dict(said.detail), None, None, None)
    after = Book("hill", new_id, standing_of([row])["hill"])
    assert after.note(Judged("limits", "a", [found(unit="m/s")]), 2_000) == []
    (over,) = after.note(Judged("limits", "a"), 3_000)
    assert (over.finding_id, over.is_over, over.since_us) == (said.finding_id, True, 1_000)


def test_rows_of_findings_have_a_place_where_there_is_one(new_id: Callable[[], str]) -> None:
    rows = rows_to_store(Book("hill", new_id).note(Judged("limits", "a", [found()]), 1_000), 1_000)
    assert rows["spot"].tolist() == ["a"]
    assert np.isnan(rows["latitude_deg"]).all()
    assert rows["detail"][0]["bound"] == 0.5


def test_an_entry_is_a_finding_with_its_name(new_id: Callable[[], str]) -> None:
    assert Entry(found(), new_id(), 5).said("hill").detail["application"] == "limits"
