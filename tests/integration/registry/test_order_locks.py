"""An order that somebody is just changing keeps no other one waiting, and so nobody waits for another who waits for him."""

from __future__ import annotations

import datetime

import psycopg

from chelu.api import Client
from tests.integration.registry.conftest import Place
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.test_orders import Talk, command, newest, state_is, talk
from tests.waiting import until

__all__ = ["registry_account", "talk"]

LOCK = "SELECT number FROM register.device_order WHERE number = %s FOR UPDATE"


def test_orders_go_on_beside_one_that_is_due_and_is_being_taken_back(client: Client, talk: Talk, place: Place) -> None:
    held, other = talk("held"), talk("goes-on")
    command(client, "ping", "held")
    number = held.wait()["seqNum"]
    state_is(client, "held", "sent")
    with psycopg.connect(place.database_url) as connection:
        connection.execute(LOCK, (number,))
        due = datetime.datetime.fromisoformat(newest(client, "held")["due"])
        until(lambda: datetime.datetime.now(datetime.UTC) > due, 10, "it to be due again")
        command(client, "ping", "goes-on")
        other.answer(other.wait()["seqNum"], what="command")
        state_is(client, "goes-on", "applied")
        assert len(held.told) == 1
        assert connection.execute(LOCK, (other.wait()["seqNum"],)).fetchone() is not None
    held.wait(2)
