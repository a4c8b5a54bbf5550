"""To whom exports may go, and what of others they show: a real registry on a real database."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from chelu.api import Client
from chelu.errors import RefusedError
from chelu.messages import Batch
from tests.integration.registry.conftest import SITE, Place
from tests.integration.registry.fix_exports import OWN_ID, ROWS, Ask, ask, content, devices, lines, stored

__all__ = ["ask", "devices", "stored"]

ZONE = [[106.50, 29.50], [106.52, 29.50], [106.52, 29.52], [106.50, 29.52], [106.50, 29.50]]


def test_others_vehicles_have_other_names_the_same_in_all_that_one_recipient_gets(
    client: Client, ask: Ask, stored: dict[str, Batch]
) -> None:
    crews, again = (lines(client, ask("bsm", "participant"), name) for name in ("bsm", "bsm"))
    rivals = lines(client, ask("bsm", recipient="rivals"), "bsm")
    assert crews == again
    real = {f"{one:016x}" for one in stored["bsm"]["vehicle_id"].tolist()}
    assert {row["device_id"] for row in crews} > {"crew-obu", "rsu-1"}
    assert "rivals-obu" not in json.dumps(crews)
    assert {row["device_id"] for row in rivals} > {"rivals-obu", "rsu-1"}
    from_own = [row["vehicle_id"] for row in crews if row["device_id"] == "crew-obu"]
    from_others = [row["vehicle_id"] for row in crews if row["device_id"] != "crew-obu"]
    assert set(from_own) <= real
    assert {one for one in from_others if one in real} == {f"{OWN_ID:016x}"}  # their own, whoever heard it
    mine = {row["vehicle_id"] for row in crews}
    theirs = {row["vehicle_id"] for row in rivals if row["device_id"] != "rivals-obu"}
    assert mine & theirs == set()
    assert len(set(from_others)) == len({row["vehicle_id"] for row in rivals if row["device_id"] != "rivals-obu"})


def test_in_a_private_zone_nothing_of_others_is_shown(
    client: Client, ask: Ask, stored: dict[str, Batch], devices: dict[str, int]
) -> None:
    polygon = {"type": "Polygon", "coordinates": [ZONE]}
    before = ask("bsm")
    client.people("PUT", "sites", SITE, "private-zones", "depot", json={"reason": "a depot", "polygon": polygon})
    try:
        export = ask("bsm")
        found = lines(client, export, "bsm")
    finally:
        client.people("DELETE", "sites", SITE, "private-zones", "depot")
    bsm = stored["bsm"]
    is_own = (bsm["device_key"] == devices["crew-obu"]) | (bsm["vehicle_id"] == OWN_ID)
    latitude, longitude = bsm["latitude_deg"], bsm["longitude_deg"]
    is_inside = (latitude > 29.50) & (latitude < 29.52) & (longitude > 106.50) & (longitude < 106.52)
    assert len(found) == ROWS - (is_inside & ~is_own).sum()
    assert (is_inside & ~is_own).sum() > 100
    (file,) = client.people("GET", "exports", str(export["export_id"]))["files"]
    assert (file["rows"], file["trimmed"]) == (len(found), ROWS - len(found))
    assert len(lines(client, before, "bsm")) == ROWS  # it was asked for before


def _key_of(client: Client, name: str, **person: Any) -> str:
    client.people("POST", "users", json={"user_name": name, "password": "a long password", **person})
    return str(client.people("POST", "keys", json={"name": "k", "owner": name})["key"])


def test_a_team_gets_its_own_vehicles_data_and_nobody_elses(place: Place, client: Client, stored: dict[str, Batch]) -> None:
    with Client(place.url, _key_of(client, "crewman", team="crew")) as crewman:
        body = {"streams": ["bsm"], "purpose": "our own", "format": "ndjson"}
        export = crewman.people("POST", "exports", json=body)
        assert export["recipient"] == "crew"
        assert {row["device_id"] for row in lines(crewman, export, "bsm")} == {"crew-obu"}
        for wrong in ({"devices": ["rivals-obu"]}, {"devices": ["rsu-1"]}):
            with pytest.raises(RefusedError, match=f"needed is tester on site '{SITE}'"):
                crewman.people("POST", "exports", json={**body, **wrong})
        with pytest.raises(RefusedError, match="recipient = 'rivals' is not allowed: 'crew', your own team"):
            crewman.people("POST", "exports", json={**body, "recipient": "rivals"})
        everybodys = client.people("POST", "exports", json={**body, "recipient": "crew"})
        with pytest.raises(RefusedError, match="there is no export of yours"):
            content(crewman, everybodys, "bsm")


def test_whoever_loses_the_right_cannot_go_on(place: Place, client: Client, stored: dict[str, Batch]) -> None:
    roles = [{"site": SITE, "role": "tester"}]
    with Client(place.url, _key_of(client, "tim", roles=roles, team="crew")) as tim:
        export = tim.people("POST", "exports", json={"streams": ["spat"], "purpose": "p", "site": SITE})
        assert content(tim, export, "spat")
        client.change_user("tim", {"team": "rivals"})
        with pytest.raises(RefusedError, match="there is no export of your team"):
            content(tim, export, "spat")
    with Client(place.url, _key_of(client, "tess", roles=roles)) as tess:
        export = tess.people("POST", "exports", json={"streams": ["spat"], "purpose": "p", "recipient": "city", "site": SITE})
        assert content(tess, export, "spat")
        client.change_user("tess", {"roles": [{"site": SITE, "role": "viewer"}]})
        with pytest.raises(RefusedError, match="needed is tester"):
            content(tess, export, "spat")


def test_another_key_for_pseudonyms_ends_what_was_asked_for_under_the_first(client: Client, ask: Ask, place: Place) -> None:
    export = ask("spat")
    with psycopg.connect(place.database_url) as connection:
        connection.execute("DELETE FROM register.pseudonym_key")
    with pytest.raises(RefusedError, match="the key for pseudonyms is another one"):
        content(client, export, "spat")
    assert content(client, ask("spat"), "spat")
