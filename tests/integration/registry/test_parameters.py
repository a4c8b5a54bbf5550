"""Sites' parameters of the applications: listed, changed with who and why, refused in words, and what inference goes by."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest

from chelu.api import Client, Site
from chelu.applications import catalogue
from chelu.store import copy_rows
from services.inference.lacks import LACK_COLUMNS, GoesBy, Lacks, lack_row
from services.inference.storage import JUDGING, prepare
from tests.integration.registry.conftest import KEY, SITE, Place, chelu

OTHER = "valley"


@pytest.fixture
def other(client: Client) -> Iterator[str]:
    """A site that has nothing of its own."""
    client.add_site(Site(site_id=OTHER, latitude_deg=29.5, longitude_deg=106.5))
    yield OTHER
    client.delete_site(OTHER)


def patch(place: Place, values: Any, version: int | None, *, site: str = SITE, key: str = KEY) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} | ({} if version is None else {"If-Match": f'"{version}"'})
    body = {"values": values, "note": "trials with heavy trucks"}
    return httpx.patch(f"{place.url}/api/sites/{site}/parameters", json=body, headers=headers)


def parameters(client: Client, site: str) -> dict[str, Any]:
    found: dict[str, Any] = client.people("GET", "sites", site, "parameters")
    return found


def own(found: dict[str, Any]) -> dict[tuple[str, str], float]:
    rows = found["parameters"]
    return {(row["application"], row["parameter"]): row["own"] for row in rows if row["own"] is not None}


def test_a_new_site_goes_by_every_default(client: Client, other: str) -> None:
    found = parameters(client, other)
    assert (found["version"], found["in_force"], own(found)) == (0, None, {})
    assert len(found["parameters"]) == len(list(catalogue.every()))
    row = next(row for row in found["parameters"] if (row["application"], row["parameter"]) == ("fcw", "warn_mps2"))
    assert (row["unit"], row["default"], row["value"], row["lowest"], row["highest"]) == ("m/s²", 4.8, 4.8, 0.0, 12.0)
    assert "braking" in row["source"]
    assert row["in_force"] is None


def test_what_is_changed_counts_with_who_when_from_what_to_what_and_why(place: Place, client: Client, other: str) -> None:
    first = patch(place, {"fcw": {"warn_mps2": 4.2}, "life": {"clear_s": 1.5}}, 0, site=other)
    assert (first.status_code, first.headers["ETag"], first.json()["version"]) == (200, '"1"', 1)
    second = patch(place, {"fcw": {"warn_mps2": 5}, "life": {"clear_s": None}}, 1, site=other)
    assert own(second.json()) == own(parameters(client, other)) == {("fcw", "warn_mps2"): 5.0}
    page = client.people("GET", "sites", other, "parameters", "history")
    told = [(one["version"], one["application"], one["parameter"], one["former"], one["latter"]) for one in page["changes"]]
    assert told == [
        (2, "life", "clear_s", 1.5, None),
        (2, "fcw", "warn_mps2", 4.2, 5.0),
        (1, "life", "clear_s", None, 1.5),
        (1, "fcw", "warn_mps2", None, 4.2),
    ]
    assert {(one["actor"], one["note"]) for one in page["changes"]} == {("administrator", "trials with heavy trucks")}
    only = client.people("GET", "sites", other, "parameters", "history", params={"application": "fcw", "limit": 1})
    assert [one["latter"] for one in only["changes"]] == [5.0]
    assert only["next"] == only["changes"][0]["change_id"]
    audit = list(client.audit(subject=other, what="site_parameters"))
    assert [(one["action"], one["after"]["own"]) for one in audit][-1] == ("update", {"fcw": {"warn_mps2": 5.0}})


def test_a_value_that_is_the_default_is_not_kept_and_no_change_makes_no_version(place: Place, other: str) -> None:
    assert patch(place, {"fcw": {"warn_mps2": 4.8}}, 0, site=other).json()["version"] == 0
    assert patch(place, {"fcw": {"warn_mps2": 4.0}}, 0, site=other).json()["version"] == 1
    after = patch(place, {"fcw": {"warn_mps2": 4.8}}, 1, site=other).json()
    assert (after["version"], own(after)) == (2, {})


@pytest.mark.parametrize(
    ("values", "field", "allowed"),
    [
        ({"fwc": {"warn_mps2": 4.0}}, "values.fwc", "one of the applications fcw, icw"),
        ({"fcw": {"warn": 4.0}}, "values.fcw.warn", "there is no such parameter; there are is_on"),
        ({"fcw": {"warn": None}}, "values.fcw.warn", "there is no such parameter; there are is_on"),
        ({"fcw": {"warn_mps2": "4.0"}}, "values.fcw.warn_mps2", "a number from 0.0 to 12.0"),
        ({"fcw": {"warn_mps2": 12.5}}, "values.fcw.warn_mps2", "a number from 0.0 to 12.0"),
        ({"fcw": {"warn_mps2": [4]}}, "values.fcw.warn_mps2", "a number from 0.0 to 12.0"),
        ({"fcw": {"is_on": 0.5}}, "values.fcw.is_on", "0 (off) or 1 (on)"),
        ({"fcw": 4.0}, "values.fcw", "Input should be"),
        ({}, "values", "Dictionary should have at least 1 item"),
    ],
)
def test_what_may_not_be_is_refused_in_words_and_changes_nothing(
    place: Place, client: Client, other: str, values: Any, field: str, allowed: str
) -> None:
    answer = patch(place, values, 0, site=other)
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["field"] == field
    assert fault["allowed"].startswith(allowed)
    assert f"{field} = " in answer.json()["detail"]
    assert parameters(client, other)["version"] == 0


def test_one_wrong_value_keeps_all_the_others_out(place: Place, client: Client, other: str) -> None:
    answer = patch(place, {"fcw": {"warn_mps2": 5.0, "hold_share": 2.0}, "icw": {"horizon_s": 9.0}}, 0, site=other)
    assert [fault["field"] for fault in answer.json()["errors"]] == ["values.fcw.hold_share", "values.icw.horizon_s"]
    assert own(parameters(client, other)) == {}


def test_a_change_of_another_version_than_the_present_is_refused(place: Place, other: str) -> None:
    assert patch(place, {"fcw": {"warn_mps2": 5.0}}, 3, site=other).status_code == 412
    missing = patch(place, {"fcw": {"warn_mps2": 5.0}}, None, site=other)
    assert missing.status_code == 428
    assert "the present version of the parameters of valley" in missing.json()["detail"]


def test_a_site_that_is_not_registered_has_none(place: Place) -> None:
    assert patch(place, {"fcw": {"warn_mps2": 5.0}}, 0, site="nowhere").status_code == 404


def test_what_an_earlier_version_had_can_be_taken_away(place: Place, other: str) -> None:
    with psycopg.connect(place.database_url) as connection:
        insert = "INSERT INTO register.site_parameters (site_id, version, own) VALUES (%s, 4, %s)"
        connection.execute(insert, (other, json.dumps({"fcw": {"of_old": 3.0}, "gone": {"x": 1.0}})))
    assert patch(place, {"gone": {"x": 2.0}}, 4, site=other).status_code == 422
    answer = patch(place, {"gone": {"x": None}, "fcw": {"of_old": None}}, 4, site=other)
    assert (answer.status_code, answer.json()["version"], own(answer.json())) == (200, 5, {})


def test_operators_change_and_others_read(place: Place, client: Client, other: str) -> None:
    keys = {}
    for name, role in (("oper", "operator"), ("view", "viewer")):
        roles = [{"site": other, "role": role}]
        client.people("POST", "users", json={"user_name": name, "password": "a long password", "roles": roles})
        keys[name] = client.login(name, "a long password")["token"]
    assert patch(place, {"fcw": {"warn_mps2": 5.0}}, 0, site=other, key=keys["view"]).status_code == 403
    assert patch(place, {"fcw": {"warn_mps2": 5.0}}, 0, site=other, key=keys["oper"]).status_code == 200
    assert patch(place, {"fcw": {"warn_mps2": 5.0}}, 0, site=SITE, key=keys["oper"]).status_code == 403
    with Client(place.url, keys["view"]) as viewer:
        assert own(parameters(viewer, other)) == {("fcw", "warn_mps2"): 5.0}
        (change,) = viewer.people("GET", "sites", other, "parameters", "history")["changes"]
    assert change["actor"] == "oper"
    for name in keys:
        client.people("DELETE", "users", name)


@pytest.fixture
def told(place: Place, client: Client) -> Iterator[None]:
    """Inference went by version 1, and then refused version 2."""
    goes_by = [GoesBy(1, "", {"fcw": {"warn_mps2": 4.2}}), GoesBy(1, "version 2 is no good", {"fcw": {"warn_mps2": 4.2}})]
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        series = prepare(connection)[JUDGING]
        for ago_s, one in zip((20, 10), goes_by, strict=True):
            now_us = time.time_ns() // 1000 - ago_s * 1_000_000
            batch = lack_row(SITE, Lacks(), {}, one, interval_s=10.0, now_us=now_us)
            series.ensure(connection, batch["time_us"], now_us=int(np.max(batch["time_us"])))
            with connection.transaction():
                copy_rows(connection, JUDGING, batch, LACK_COLUMNS)
    yield
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA city CASCADE")


def test_what_inference_goes_by_stands_beside_what_is_wanted(client: Client, told: None) -> None:
    found = parameters(client, SITE)
    assert (found["in_force"]["version"], found["in_force"]["refused"]) == (1, "version 2 is no good")
    assert time.time_ns() // 1000 - found["in_force"]["heard_us"] < 60_000_000
    in_force = {(row["application"], row["parameter"]): row["in_force"] for row in found["parameters"]}
    assert (in_force["fcw", "warn_mps2"], in_force["fcw", "hold_share"]) == (4.2, 0.7)


def test_the_command_lists_sets_and_tells_what_became_of_it(place: Place, other: str) -> None:
    listed = chelu(place, "site", "parameters", other, "--application", "fcw").stdout.splitlines()
    assert listed[0].split()[:5] == ["application", "parameter", "value", "unit", "default"]
    assert listed[-1] == "version 0; inference has told nothing of this site in the last hour"
    done = chelu(
        place, "site", "parameters", other, "--set", "fcw.warn_mps2=4.2", "--note", "heavy trucks", "--application", "fcw"
    )
    assert "warn_mps2" in done.stdout, done.stderr
    history = chelu(place, "site", "parameters", other, "--history").stdout.splitlines()
    assert "heavy trucks" in history[1]
    refused = chelu(place, "site", "parameters", other, "--set", "fcw.warn_mps2=42", "--note", "more")
    assert refused.returncode != 0
    assert "values.fcw.warn_mps2 = 42 is not allowed: a number from 0.0 to 12.0" in refused.stderr
