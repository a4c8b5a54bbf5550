"""The watch over several sites' tracks at once: what is wrong on one changes nothing on another, and ends with its area."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
import pytest

from chelu.api import Client, Site
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
