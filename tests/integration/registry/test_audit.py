"""The audit log: every change with before and after, by whom, and nothing ever taken out of it."""

from __future__ import annotations

import json
import uuid

import psycopg
import pytest

from chelu.api import Client
from tests.integration.registry.conftest import SITE, AddDevice, Place, chelu


def test_a_change_is_recorded_with_before_and_after(place: Place, client: Client, add_device: AddDevice) -> None:
    add_device("audited", name="old")
    client.change_device("audited", {"name": "new"})
    client.delete_device("audited")
    entries = list(client.audit(subject="audited", what="device"))
    assert [(entry["actor"], entry["action"], entry["what"]) for entry in entries] == [
        ("administrator", action, "device") for action in ("insert", "update", "delete")
    ]
    names = [tuple(side and side["name"] for side in (entry["before"], entry["after"])) for entry in entries]
    assert names == [(None, "old"), ("old", "new"), ("new", None)]
    credential = list(client.audit(subject="audited", what="credential"))
    assert [entry["action"] for entry in credential] == ["insert", "delete"]
    shown = chelu(place, "audit", "audited", "--what", "device", "--json").stdout
    assert [entry["action"] for entry in json.loads(shown)] == ["insert", "update", "delete"]


def test_a_change_by_sql_is_recorded_too(place: Place, client: Client) -> None:
    with psycopg.connect(place.database_url) as connection:
        connection.execute("UPDATE register.site SET name = 'by hand' WHERE site_id = %s", (SITE,))
        (user,) = connection.execute("SELECT session_user").fetchone() or ("",)
    last = list(client.audit(subject=SITE, what="site"))[-1]
    assert (last["actor"], last["after"]["name"]) == (f"database user {user}", "by hand")


def test_a_refused_change_leaves_no_entry(client: Client) -> None:
    before = len(list(client.audit()))
    with pytest.raises(Exception, match="plate"):
        client._json("POST", "/api/devices", json=[{"device_id": "x", "kind": "obu", "site_id": SITE, "plate": "p"}])
    assert len(list(client.audit())) == before


def test_no_secret_or_verifier_is_in_it(place: Place, client: Client, add_device: AddDevice) -> None:
    secret = add_device(f"quiet-{uuid.uuid4().hex[:8]}").secret
    assert secret
    with psycopg.connect(place.database_url) as connection:
        rows = connection.execute("SELECT before::text, after::text FROM register.audit").fetchall()
        verifiers = [row[0] for row in connection.execute("SELECT verifier FROM register.credential")]
    text = "".join(str(row) for row in rows)
    assert secret not in text
    assert not any(verifier in text for verifier in verifiers)


@pytest.mark.parametrize("table", ["audit", "history"])
@pytest.mark.parametrize("statement", ["UPDATE register.{} SET actor = 'x'", "DELETE FROM register.{}", "TRUNCATE register.{}"])
def test_the_log_is_only_ever_added_to(place: Place, client: Client, table: str, statement: str) -> None:
    with (
        psycopg.connect(place.database_url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match=f"register.{table} is only ever added to"),
    ):
        connection.execute(statement.format(table).encode())
