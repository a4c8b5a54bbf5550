"""The catalogue of what a site has stored, and how long it is kept: a real registry on a real database."""

from __future__ import annotations

import datetime

import psycopg
import pytest

from chelu.api import Client
from chelu.errors import RefusedError
from chelu.messages import STREAMS, Batch
from tests.integration.registry.conftest import SITE, Place
from tests.integration.registry.fix_exports import devices, stored

__all__ = ["devices", "stored"]


def test_the_catalogue_says_of_every_stream_what_it_holds_whose_it_is_and_how_much_there_is(
    client: Client, stored: dict[str, Batch]
) -> None:
    found = {entry["stream"]: entry for entry in client.people("GET", "streams")}
    assert set(found) == set(STREAMS)
    units = {field["name"]: field["unit"] for field in found["bsm"]["fields"]}
    assert (units["speed_mps"], units["time_us"], "arrival_us" in units) == ("m/s", "µs", True)
    (site,) = (one for one in found["bsm"]["sites"] if one["site"] == SITE)
    first = datetime.datetime.fromtimestamp(int(stored["bsm"]["time_us"][0]) / 1e6, datetime.UTC)
    assert (site["owner"], site["devices"], site["quality"]) == ("city", 3, None)
    assert abs(datetime.datetime.fromisoformat(site["first"]) - first) < datetime.timedelta(milliseconds=1)
    assert site["first"] < site["last"]
    (nothing,) = (one for one in found["traffic"]["sites"] if one["site"] == SITE)
    assert (nothing["devices"], nothing["first"], nothing["hours"]) == (0, None, 0)


def test_the_last_days_hours_with_rows_are_counted(
    client: Client, stored: dict[str, Batch], devices: dict[str, int], place: Place
) -> None:
    sql = """INSERT INTO stream.observation (time, arrival, device_key, batch_id, flags, quantity)
        SELECT now() - hours * interval '1 hour' - interval '10 minutes', now(), %s, 1, 0, 1 FROM unnest(ARRAY[0, 2, 2, 23, 24])
            AS hours"""
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(sql, (devices["rsu-2"],))
    (entry,) = (entry for entry in client.people("GET", "streams") if entry["stream"] == "observation")
    (site,) = (one for one in entry["sites"] if one["site"] == SITE)
    assert (site["hours"], site["devices"]) == (3, 4)


def test_retention_is_set_shown_and_given_back(client: Client, stored: dict[str, Batch]) -> None:
    (bsm,) = (one for one in client.people("GET", "retention") if one["stream"] == "bsm")
    assert (bsm["is_set"], bsm["is_known"]) == (False, False)  # no ingest has looked yet
    changed = client.people("PUT", "retention", "bsm", json={"keep_hours": 72})
    assert (changed["is_set"], changed["keep_hours"]) == (True, 72)
    for_ever = client.people("PUT", "retention", "bsm", json={"keep_hours": None})
    assert (for_ever["is_set"], for_ever["keep_hours"]) == (True, None)
    client.people("DELETE", "retention", "bsm")
    assert not any(one["is_set"] for one in client.people("GET", "retention"))
    changes = [(entry["action"], entry["after"] and entry["after"]["keep_hours"]) for entry in client.audit(what="retention")]
    assert changes == [("insert", 72), ("update", None), ("delete", None)]
    for hours in (0, 87_601, "long"):
        with pytest.raises(RefusedError, match="keep_hours = "):
            client.people("PUT", "retention", "bsm", json={"keep_hours": hours})
    with pytest.raises(RefusedError, match="there is no stream 'bms'"):
        client.people("PUT", "retention", "bms", json={"keep_hours": 1})
