"""Two who order something of one slot at the same moment: neither sees the other's order, and yet only one of them stays."""

from __future__ import annotations

import datetime

import psycopg
import pytest
from psycopg.rows import dict_row

from chelu.api import Client
from services.registry.orders import rows
from services.registry.orders.rows import Task
from tests.integration.registry.conftest import Place
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.test_orders import Talk, state_is, talk
from tests.waiting import until

__all__ = ["registry_account", "talk"]


@pytest.mark.parametrize("is_first_seen_first", [True, False])
def test_the_older_of_two_orders_of_one_slot_given_at_once_is_superseded(
    client: Client, talk: Talk, place: Place, *, is_first_seen_first: bool
) -> None:
    name = f"torn-{is_first_seen_first}".lower()
    device = talk(name)
    now = datetime.datetime.now(datetime.UTC)
    url = place.database_url
    with psycopg.connect(url, row_factory=dict_row) as one, psycopg.connect(url, row_factory=dict_row) as other:
        found = one.execute("SELECT device_key FROM register.device WHERE device_id = %s", (name,)).fetchone()
        assert found is not None
        key, body = found["device_key"], {"command": "reboot"}
        task = Task(actor="two", topic="command", body=body, bodies={key: body}, lasting_s=60, slot="reboot")
        older, newer = [rows.issue(connection, task, now)[1][key] for connection in (one, other)]
        order = (one, other) if is_first_seen_first else (other, one)
        order[0].commit()
        assert device.wait()["seqNum"] == (older if is_first_seen_first else newer)
        order[1].commit()
    if is_first_seen_first:
        assert device.wait(2)["seqNum"] == newer

    def states() -> dict[int, str]:
        return {it["number"]: it["state"] for it in client.people("GET", "devices", name, "orders")}

    until(lambda: states()[older] == "superseded", 10, "the older order to be superseded")
    device.answer(newer, what="command")
    state_is(client, name, "applied")
    assert states() == {newer: "applied", older: "superseded"}
