"""What devices asked of one another, as the API and the command give it, on the tables that inference makes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from chelu.api import Client
from services.inference.storage import prepare
from tests.integration.registry.conftest import KEY, SITE, AddDevice, Place, chelu

MERGE, PARKING = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
PROBE = "00000000-0000-4000-8000-000000000003"
STORE = """INSERT INTO city.coop (time, site_id, session_id, application, device_key, number, what, state, reason, document)
    VALUES (%s - %s * interval '1 s', %s, %s, %s, %s, %s, %s, %s, %s, %s)"""


@pytest.fixture(scope="module")
def asked(place: Place, client: Client, add_device: AddDevice) -> Iterator[None]:
    """A merge that was granted and has ended, a parking request that was refused, and a probe that was done in one turn."""
    one, two = (add_device(name).device_key for name in ("merges", "parks"))
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        prepare(connection)
        (now,) = connection.execute("SELECT now()").fetchone() or (None,)
        for ago_s, session, application, key, number, what, state, reason, document in (
            (30, MERGE, "merge", one, 7, "asked", "asked", "", {"type": "merge.request"}),
            (29, MERGE, "merge", one, 7, "told", "", "", {"type": "merge.guidance", "note": "x" * 400}),
            (29, MERGE, "merge", one, 7, "moved", "granted", "", {}),
            (10, MERGE, "merge", one, 7, "moved", "done", "it is past the merging point", {}),
            (20, PARKING, "parking", two, 3, "asked", "asked", "", {"type": "parking.request"}),
            (20, PARKING, "parking", two, 3, "moved", "refused", "no place is free", {}),
            (8, PROBE, "probe", one, 9, "asked", "asked", "", {"type": "probe.data"}),
            (8, PROBE, "probe", one, 9, "moved", "done", "stored", {}),
            (8, PROBE, "probe", one, 9, "moved", "granted", "", {}),
            (5, None, "", two, 4, "heard", "", "of no session", {"type": "probe.report"}),
        ):
            connection.execute(
                STORE, (now, ago_s, SITE, session, application, key, number, what, state, reason, json.dumps(document))
            )
    yield
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA city CASCADE")


def test_sessions_have_who_asked_how_it_ended_and_how_many_messages_it_took(client: Client, asked: None) -> None:
    merge, parking, _ = client.coop_sessions()
    expected = {"session_id": MERGE, "site_id": SITE, "application": "merge", "device_id": "merges", "number": 7, "state": "done"}
    assert expected.items() <= merge.items()
    assert (merge["reason"], merge["heard"], merge["told"]) == ("it is past the merging point", 1, 1)
    assert (parking["state"], parking["reason"]) == ("refused", "no place is free")


def test_sessions_are_picked_by_site_application_and_state(client: Client, asked: None) -> None:
    assert [one["session_id"] for one in client.coop_sessions(application="parking")] == [PARKING]
    assert [one["session_id"] for one in client.coop_sessions(state="done")] == [MERGE, PROBE]
    assert list(client.coop_sessions(site="elsewhere")) == []
    assert len(list(client.coop_sessions(site=SITE))) == 3


def test_what_began_and_ended_in_one_turn_has_ended(client: Client, asked: None) -> None:
    (probe,) = client.coop_sessions(application="probe")
    assert (probe["state"], probe["reason"]) == ("done", "stored")


def test_messages_of_a_session_come_in_order_and_others_belong_to_none(client: Client, asked: None) -> None:
    rows = list(client.coop_messages(session=MERGE))
    assert [row["what"] for row in rows if row["what"] != "told"] == ["asked", "moved", "moved"]
    assert [row["state"] for row in rows if row["what"] == "moved"] == ["granted", "done"]
    assert [row["session_id"] for row in client.coop_messages()].count(None) == 1


def test_a_session_that_is_no_uuid_is_refused_by_name(place: Place, asked: None) -> None:
    answer = httpx.get(f"{place.url}/api/coop/messages?session=seven", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "session"


def test_the_command_lists_and_shows_them(place: Place, asked: None) -> None:
    head, line = chelu(place, "coop", "list", "--application", "parking", "-n", "1").stdout.splitlines()
    assert head.split()[:3] == ["began", "session_id", "site_id"]
    assert {PARKING, "parks", "refused"} <= set(line.split())
    shown = chelu(place, "coop", "show", MERGE).stdout.splitlines()
    assert len(shown) == 5
    assert "merge.request" in shown[1]
    assert max(map(len, shown)) < 300
    assert len(json.loads(chelu(place, "coop", "show", MERGE, "--json").stdout)) == 4
    missing = chelu(place, "coop", "show", "00000000-0000-4000-8000-00000000000f")
    assert missing.returncode == 2
    assert "chelu coop list" in missing.stderr
