"""What is found of the surroundings outlives the process that found it; what nobody would end is ended at a new start."""

from __future__ import annotations

import time

import psycopg

from chelu.store import copy_rows
from services.inference.city.environment.findings import STANDING, Book, Finding, Judged, standing_of
from services.inference.city.findings import FINDING_COLUMNS, UNENDED, rows_to_store, unended
from services.inference.city.findings import Finding as Told
from services.inference.storage import FINDING, prepare

PLACE = (29.55, 106.57, 250.0)


def flood() -> Finding:
    return Finding(
        application="flood", subject="quay", part="closed", kind="flood", severity="critical", value=246.0, bound=244.7,
        text="the water comes to quay", place=PLACE, detail={"gauge": "gauge", "road_events": [{"code": 407, "road": "quay"}]},
    )  # fmt: skip


def store(connection: psycopg.Connection, told: list[Told]) -> None:
    now_us = time.time_ns() // 1000
    rows = rows_to_store(told, now_us)
    prepare(connection)[FINDING].ensure(connection, rows["time_us"], now_us=now_us)
    copy_rows(connection, FINDING, rows, FINDING_COLUMNS)


def test_a_flood_goes_on_in_the_next_process_and_an_incident_is_over(database_url: str) -> None:
    incident = Told(site_id="hill", finding_id="incident", kind="stopped_vehicle", severity="major", since_us=5, spot="lane")
    with psycopg.connect(database_url, autocommit=True) as connection:
        store(connection, [*Book("hill", lambda: "flood-1").note(Judged("flood", "quay", [flood()]), 7_000_000), incident])

        assert [one.finding_id for one in unended(connection.execute(UNENDED))] == ["incident"]
        book = Book("hill", lambda: "another", standing_of(connection.execute(STANDING).fetchall())["hill"])
        (stands,) = book.holds
        assert stands == flood()
        assert book.note(Judged("flood", "quay", [flood()]), 9_000_000) == []

        (over,) = book.note(Judged("flood", "quay"), 10_000_000)
        assert (over.finding_id, over.since_us, over.is_over) == ("flood-1", 7_000_000, True)
        store(connection, [over])
        assert connection.execute(STANDING).fetchall() == []
