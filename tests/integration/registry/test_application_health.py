"""What applications could not judge, from the rows that inference writes to the API and the command."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import numpy as np
import psycopg
import pytest

from chelu.api import Client
from chelu.messages import concatenate
from chelu.store import copy_rows
from services.inference.lacks import LACK_COLUMNS, Lack, Lacks, lack_row
from services.inference.storage import JUDGING, prepare
from tests.integration.registry.conftest import KEY, SITE, Place, chelu


def now_us() -> int:
    return time.time_ns() // 1000


NEEDS = {"fcw": {Lack.NO_HEIGHT}, "svw": {Lack.NO_SIGNAL}}


@pytest.fixture(scope="module")
def told(place: Place, client: Client) -> Iterator[None]:
    """Of two intervals within the last minute, of one before, and of another site."""
    rows = []
    for site, ago_s, states, found in (
        (SITE, 300, 900, {Lack.AHEAD: 900}),
        (SITE, 20, 100, {Lack.AHEAD: 3, Lack.NO_SIGNAL: 10, Lack.NO_HEIGHT: 2}),
        (SITE, 10, 120, {Lack.NO_SIGNAL: 20}),
        ("elsewhere", 10, 5, {}),
    ):
        lacks = Lacks()
        lacks.add(states, states // 2, found)
        rows.append(lack_row(site, lacks, NEEDS, interval_s=10.0, now_us=now_us() - ago_s * 1_000_000))
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        series, batch = prepare(connection)[JUDGING], concatenate(rows)
        series.ensure(connection, batch["time_us"], now_us=int(np.max(batch["time_us"])))
        with connection.transaction():
            copy_rows(connection, JUDGING, batch, LACK_COLUMNS)
    yield
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA city CASCADE")


def test_each_application_is_told_with_what_it_lacked_of_late(client: Client, told: None) -> None:
    fcw, svw = client.people("GET", "health", "applications", params={"site": SITE})
    assert (fcw["application"], fcw["states"], fcw["hosts"]) == ("fcw", 220, 110)
    assert fcw["lacking"] == {"clock ahead": 3, "no height": 2}
    assert svw["lacking"] == {"clock ahead": 3, "no signal state": 30}
    assert now_us() - svw["heard_us"] < 60_000_000


def test_a_longer_period_and_all_sites_may_be_asked_for(client: Client, told: None) -> None:
    found = client.people("GET", "health", "applications", params={"seconds": 3600})
    assert [(one["site_id"], one["application"]) for one in found] == [
        ("elsewhere", "fcw"), ("elsewhere", "svw"), (SITE, "fcw"), (SITE, "svw")
    ]  # fmt: skip
    assert found[0]["lacking"] == {}
    assert found[2]["lacking"]["clock ahead"] == 903


def test_a_period_that_is_none_is_refused_by_name(place: Place, told: None) -> None:
    answer = httpx.get(f"{place.url}/api/health/applications?seconds=1", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "seconds"


def test_the_command_lists_them(place: Place, told: None) -> None:
    head, _, line = chelu(place, "health", "applications", "--site", SITE).stdout.splitlines()
    assert head.split() == ["site_id", "application", "states", "hosts", "lacking"]
    assert "no signal state: 30" in line
    assert json.loads(chelu(place, "health", "applications", "--site", SITE, "--json").stdout)[1]["lacking"]["clock ahead"] == 3
