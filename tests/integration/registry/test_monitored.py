"""What the quality monitors wrote, through the API and the commands: found, assessed, told, acknowledged, and made a score."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from chelu.api import Client
from chelu.clock import SystemClock, VirtualClock
from chelu.errors import RefusedError, UnreachableError
from chelu.quality.monitors.assessments import HOUR_US
from chelu.quality.monitors.window import Heard
from chelu.store import Database
from chelu.topics import Kind
from services.ingest.tables import prepare_schema
from services.quality.service import Quality
from tests.integration.quality.test_quality import END_US, SETTINGS, moved
from tests.integration.quality.test_quality import Place as Stored
from tests.integration.registry.conftest import SITE, AddDevice, Place, chelu
from tests.unit.quality.monitors import crossing as at
from tests.unit.quality.monitors.faults import two_greens
from tests.waiting import until

CROSSING_US = round(at.SECONDS * 1e6) + 10_000_000


@pytest.fixture(scope="module")
def judged(client: Client, add_device: AddDevice, place: Place) -> None:
    """Two greens at a crossing that a unit told of a minute ago, judged."""
    assert add_device("rsu-1", Kind.RSU).device_key == 1  # whose messages the crossing's are
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        prepare_schema(connection)
    with pytest.raises((RefusedError, UnreachableError), match="the service that writes it has to start first"):
        read(client, "events")
    end_us = (SystemClock().wall_us() // 10_000_000) * 10_000_000 - 60_000_000
    into_the_hour_us = end_us % HOUR_US
    if into_the_hour_us < CROSSING_US:  # judged by hours, neither part would be enough to tell of
        end_us -= into_the_hour_us
    shift_us = (end_us - END_US) // 10_000_000 * 10_000_000
    heard: Heard = moved(two_greens(at.crossing()), shift_us)
    Stored(place.database_url).store(heard)
    quality = Quality(SETTINGS, Database(place.database_url), VirtualClock(END_US + shift_us + 20_000_000))
    quality.open()
    assert quality.round() is not None
    quality.close()


def read(client: Client, what: str, **query: Any) -> Any:
    return client.people("GET", "sites", SITE, "quality", what, params=query)


def test_events_are_listed_page_by_page_with_what_they_are_about(client: Client, judged: None) -> None:
    events = read(client, "events", monitor="green-conflict")["events"]
    assert {(one["device_id"], one["subject"]) for one in events} == {("rsu-1", "rsu-1, junction 1/5")}
    every = read(client, "events")["events"]
    page = read(client, "events", limit=1)
    assert (page["events"], page["next"]) == (every[:1], every[0]["event_id"])
    assert read(client, "events", after=page["next"])["events"] == every[1:]
    assert read(client, "events", to_us=1)["events"] == []
    with pytest.raises(RefusedError, match="monitor = 'nonsense'"):
        read(client, "events", monitor="nonsense")


@pytest.mark.parametrize("what", ["events", "assessments"])
def test_a_stretch_that_ends_before_it_begins_is_refused(client: Client, judged: None, what: str) -> None:
    for to_us in (999, 1000):
        with pytest.raises(RefusedError, match=f"to_us = {to_us} is not allowed: after from_us = 1000"):
            read(client, what, from_us=1000, to_us=to_us)


def test_hours_add_up_to_the_day_and_what_was_not_judged_is_counted_by_its_reason(client: Client, judged: None) -> None:
    hours, days = (read(client, "assessments", by=by, monitor="green-conflict") for by in ("hour", "day"))
    for name in ("judged", "bad"):
        assert sum(one[name] for one in hours) == sum(one[name] for one in days) > 0
    assert {one["verdict"] for one in days} == {"bad"}
    assert all(0 < one["share"] <= 1 for one in days)
    assert read(client, "assessments", verdict="bad", device="rsu-1")
    little = read(client, "assessments", verdict="too little")
    assert {one["verdict"] for one in little} <= {"too little"}


def test_a_notification_is_acknowledged_by_its_alarm(client: Client, place: Place, judged: None) -> None:
    def told() -> dict[str, Any] | None:
        found = [one for one in read(client, "notifications") if one["monitor"] == "green-conflict"]
        return found[0] if found and found[0]["alarm_id"] else None

    notification = until(told, 20, "the registry to make an alarm of it")
    assert notification is not None
    assert (notification["state"], notification["acknowledged"]) == ("raised", None)
    done = chelu(place, "alarms", "ack", str(notification["alarm_id"]), "--comment", "seen")
    assert done.returncode == 0, done.stderr
    after = told()
    assert after is not None
    assert (after["comment"], after["acknowledged"] is not None) == ("seen", True)


def test_a_stream_has_the_score_of_its_monitors_and_one_that_nobody_judged_has_none(client: Client, judged: None) -> None:
    entries = {one["stream"]: one["sites"][0] for one in client.people("GET", "streams")}
    assert 0 < entries["spat"]["quality"] < 1
    assert entries["bsm"]["quality"] == pytest.approx(1.0)
    assert entries["telemetry"]["quality"] is None


def test_commands_print_what_is_stored(place: Place, judged: None) -> None:
    events = json.loads(chelu(place, "monitors", "events", "--site", SITE, "--monitor", "green-conflict", "--json").stdout)
    assert events[0]["subject"] == "rsu-1, junction 1/5"
    assert "green-conflict" in chelu(place, "monitors", "assessments", "--site", SITE, "--verdict", "bad", "--days").stdout
    assert "green-conflict" in chelu(place, "monitors", "notifications", "--site", SITE).stdout
    streams = chelu(place, "data", "streams").stdout
    assert "not assessed" in streams
