"""What the quality monitors found about vehicles is told to whom may know where these are: a real registry on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from chelu.api import Client
from services.quality.writing import ASSESSMENT, EVENT, NOTIFICATION, prepare
from tests.integration.registry.conftest import SITE, Place
from tests.integration.registry.fix_exports import OWN_ID, devices
from tests.waiting import until

__all__ = ["devices"]

HOUR = "2026-11-27T10:00:00Z"
SQUARE, OTHER_SQUARE = 7_000_001, 7_000_002
LATE = "bsm-latency"
STRANGER_ID = 0x0102_0304_0506_0708


@pytest.fixture(scope="module")
def judged(place: Place, devices: dict[str, int]) -> None:
    """Latencies of both teams' OBUs and a unit at two places, and of a unit a BSM of each that came late."""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        prepare(connection)
        for name in ("crew-obu", "rivals-obu", "rsu-1"):
            for number, square in enumerate((SQUARE, OTHER_SQUARE)):
                subject = (devices[name], 0, -1, square)
                connection.execute(ASSESSMENT, (SITE, LATE, *subject, HOUR, 100, 50 + number, 1.0, "{}", "bad"))
                connection.execute(NOTIFICATION, (SITE, LATE, *subject, f"{name}, {square}", HOUR, 100, 50 + number))
        for vehicle in (OWN_ID - 2**64, STRANGER_ID):
            connection.execute(EVENT, (SITE, LATE, devices["rsu-1"], 0, -1, SQUARE, HOUR, HOUR, 1, 1.0, vehicle))
        connection.execute(EVENT, (SITE, LATE, devices["rivals-obu"], 0, -1, SQUARE, HOUR, HOUR, 1, 1.0, 0))
        connection.execute(ASSESSMENT, (SITE, LATE, 99_999, 0, -1, SQUARE, HOUR, 100, 50, 1.0, "{}", "bad"))


@contextmanager
def somebody(client: Client, place: Place, name: str, role: str, **more: Any) -> Iterator[Client]:
    """A person with a role on the site."""
    client.people(
        "POST", "users", json={"user_name": name, "password": "a long password", "roles": [{"site": SITE, "role": role}], **more}
    )
    key = client.people("POST", "keys", json={"name": "k", "owner": name})["key"]
    with Client(place.url, key) as asking:
        yield asking


def read(client: Client, what: str) -> Any:
    found = client.people("GET", "sites", SITE, "quality", what)
    return found["events"] if what == "events" else found


def about(rows: list[dict[str, Any]]) -> list[str | None]:
    return sorted({row["device_id"] for row in rows}, key=str)


@pytest.mark.parametrize("what", ["assessments", "notifications", "events"])
def test_a_viewer_is_told_of_what_stands_still_and_of_the_own_team_s_vehicles_alone(
    client: Client, place: Place, judged: None, what: str
) -> None:
    everybody = {"assessments": [None, "crew-obu", "rivals-obu", "rsu-1"], "notifications": ["crew-obu", "rivals-obu", "rsu-1"]}
    with somebody(client, place, f"nobody-{what}", "viewer") as nobody:
        assert about(read(nobody, what)) == ["rsu-1"]
    with somebody(client, place, f"crewman-{what}", "viewer", team="crew") as crewman:
        assert about(read(crewman, what)) == ([] if what == "events" else ["crew-obu"]) + ["rsu-1"]
    with somebody(client, place, f"tester-{what}", "tester") as tester:
        assert about(read(tester, what)) == everybody.get(what, ["rivals-obu", "rsu-1"])


def test_what_others_vehicles_are_called_is_told_to_testers_alone(client: Client, place: Place, judged: None) -> None:
    own, stranger = f"{OWN_ID:016x}", f"{STRANGER_ID:016x}"
    for role, team, told in (("viewer", None, {None}), ("viewer", "crew", {None, own}), ("tester", None, {None, own, stranger})):
        with somebody(client, place, f"{role}-of-{team}", role, **({"team": team} if team else {})) as asking:
            assert {one["vehicle_id"] for one in read(asking, "events")} == told


def test_an_alarm_says_which_vehicle_but_not_where_and_all_its_places_have_it(client: Client, judged: None) -> None:
    def alarms() -> dict[str, float]:
        return {one["part"]: one["value"] for one in client.people("GET", "alarms", params={"kind": "quality"})["alarms"]}

    found = until(alarms, 20, "the registry to make alarms of it")
    assert found == {
        f"{LATE}: crew-obu": 0.51,
        f"{LATE}: rivals-obu": 0.51,
        f"{LATE}: rsu-1, {SQUARE}": 0.5,
        f"{LATE}: rsu-1, {OTHER_SQUARE}": 0.51,
    }
    of_rivals = [one for one in read(client, "notifications") if one["device_id"] == "rivals-obu"]
    assert len(of_rivals) == 2
    assert len({one["alarm_id"] for one in of_rivals} - {None}) == 1


def test_an_alarm_of_what_was_deleted_says_no_place(client: Client, place: Place, judged: None) -> None:
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(NOTIFICATION, (SITE, LATE, 99_999, 0, -1, SQUARE, "a place", HOUR, 100, 50))

    def parts() -> set[str]:
        alarms = client.people("GET", "alarms", params={"site": SITE, "state": "open"})["alarms"]
        return {one["part"] for one in alarms if one["kind"] == "quality"}

    until(lambda: any("99999" in part for part in parts()), 30, "the alarm")
    assert f"{LATE}: device 99999, which is gone" in parts()
    assert not any("a place" in part for part in parts())
