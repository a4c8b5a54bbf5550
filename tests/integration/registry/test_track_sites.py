"""The watch over several sites' tracks at once: what is wrong on one changes nothing on another, and ends with its area."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
import pytest

from chelu.api import Client, Site
from chelu.errors import RefusedError
from chelu.geo import LocalFrame
from tests.integration.registry.conftest import Place
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.fix_pictures import Painter
from tests.waiting import until

__all__ = ["registry_account"]

SITES = {"dale": 29.80, "hill": 29.90}
INTRUDER, STRANGER = (2, "77", 50.0, 50.0), (1, "99", 50.0, 50.0)


def mark_out(client: Client, site_id: str, area_id: str = "oval", east: float = 0.0) -> None:
    frame = LocalFrame(SITES[site_id], 106.5, 200.0)
    corners = np.array([[0, 0], [100, 0], [100, 100], [0, 100], [0, 0]], np.float64)
    corners[:, 0] += east
    latitude, longitude, _ = frame.to_geodetic(corners)
    polygon = {"type": "Polygon", "coordinates": [np.column_stack([longitude, latitude]).tolist()]}
    client.people("POST", "sites", site_id, "areas", json={"area_id": area_id, "polygon": polygon})


@pytest.fixture(scope="module")
def sites(client: Client, mosquitto_port: int) -> None:
    for site_id, latitude in SITES.items():
        client.add_site(Site(site_id=site_id, latitude_deg=latitude, longitude_deg=106.5, elevation_m=200.0))


@pytest.fixture
def ovals(client: Client, sites: None) -> Iterator[None]:
    """An area of the same id on each site."""
    for site_id in SITES:
        mark_out(client, site_id)
    yield
    for site_id in SITES:
        for area in client.people("GET", "sites", site_id, "areas"):
            client.people("DELETE", "sites", site_id, "areas", area["area_id"])


@contextmanager
def painted(place: Place, site_id: str) -> Iterator[Painter]:
    painter = Painter(place, site_id)
    try:
        yield painter
    finally:
        painter.close()


def raised(place: Place, site_id: str) -> set[tuple[str, str]]:
    with psycopg.connect(place.database_url) as connection:
        query = "SELECT kind, subject FROM register.alarm WHERE state = 'raised' AND site_id = %s"
        return {(str(kind), str(subject)) for kind, subject in connection.execute(query, (site_id,))}


def test_two_sites_raise_the_same_alarm_each_for_itself(place: Place, ovals: None) -> None:
    wanted: Any = {("intruder", "oval"), ("trespass", "id 0000000000000099")}
    with painted(place, "dale") as dale, painted(place, "hill") as hill:
        dale.rows = [INTRUDER, STRANGER]
        until(lambda: wanted <= raised(place, "dale"), 10, "the alarms of the one site")
        hill.rows = [INTRUDER, STRANGER]
        until(lambda: wanted <= raised(place, "hill"), 5, "the alarms of the other")
        dale.rows = [(1, "99", 500.0, 500.0)]
        until(lambda: not wanted & raised(place, "dale"), 10, "those of the one to be over")
        assert wanted <= raised(place, "hill")
        hill.rows = [(1, "99", 500.0, 500.0)]  # who goes dark inside stays there
        until(lambda: not wanted & raised(place, "hill"), 10, "those of the other to be over")


def test_what_held_in_an_area_ends_with_it(place: Place, client: Client, ovals: None) -> None:
    wanted: Any = {("intruder", "oval"), ("trespass", "id 0000000000000099")}
    mark_out(client, "dale", "yard", east=300.0)
    with painted(place, "dale") as dale:
        dale.rows = [INTRUDER, STRANGER, (2, "78", 350.0, 50.0)]
        until(lambda: {*wanted, ("intruder", "yard")} <= raised(place, "dale"), 10, "the alarms")
        client.people("DELETE", "sites", "dale", "areas", "yard")
        until(lambda: ("intruder", "yard") not in raised(place, "dale"), 5, "that of the area to be over")
        assert wanted <= raised(place, "dale")
        client.people("DELETE", "sites", "dale", "areas", "oval")
        until(lambda: not raised(place, "dale"), 5, "all to be over with the last area")
        assert client.people("GET", "sites", "dale", "track") == {"seen": None, "is_blind": False, "present": []}


def test_a_site_of_which_the_register_makes_no_sense_is_blind_and_the_others_are_watched(place: Place, ovals: None) -> None:
    """Such as one that an older version took in at a pole."""
    at = "UPDATE register.site SET latitude_deg = %s WHERE site_id = 'hill'"
    with (
        painted(place, "dale") as dale,
        painted(place, "hill"),
        psycopg.connect(place.database_url, autocommit=True) as connection,
    ):
        until(lambda: not raised(place, "hill"), 10, "a picture")
        connection.execute(at, (89.5,))
        until(lambda: ("track-blind", "hill") in raised(place, "hill"), 10, "the site to be blind")
        query = (
            "SELECT detail ->> 'reason' FROM register.alarm WHERE kind = 'track-blind' AND site_id = 'hill' AND state = 'raised'"
        )
        assert connection.execute(query).fetchone() == ("latitude_deg = 89.5 is outside -89.0 … 89.0",)
        dale.rows = [INTRUDER]
        until(lambda: ("intruder", "oval") in raised(place, "dale"), 5, "the other site's alarm")
        connection.execute(at, (SITES["hill"],))
        until(lambda: not raised(place, "hill"), 10, "it to be watched again")


@pytest.mark.parametrize("latitude", [89.5, -89.1])
def test_a_site_at_a_pole_is_refused(client: Client, sites: None, latitude: float) -> None:
    for method, path, body in (("PATCH", ["dale"], {}), ("POST", [], {"site_id": "pole", "longitude_deg": 0.0})):
        with pytest.raises(RefusedError) as refused:
            client.people(method, "sites", *path, json={**body, "latitude_deg": latitude})
        assert "latitude_deg" in str(refused.value)
        assert "89" in str(refused.value)


def test_whose_clock_is_slow_trespasses_all_the_same(place: Place, ovals: None) -> None:
    with painted(place, "dale") as dale:
        dale.rows, dale.age_ms = [STRANGER], 20_000.0
        until(lambda: ("trespass", "id 0000000000000099") in raised(place, "dale"), 10, "the alarm")
