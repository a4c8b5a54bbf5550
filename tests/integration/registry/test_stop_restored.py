"""An emergency stop and a restore of the register: neither takes the other away. On a real registry and broker."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row

from chelu.api import Client, NewDevice
from chelu.clock import SystemClock
from chelu.local.ports import LOOPBACK
from chelu.topics import Kind
from services.registry import archive_sql
from simulators.swarm import Member, Swarm
from tests.integration.registry.conftest import SITE, Place
from tests.integration.registry.fix_at_broker import Send, registry_account, send
from tests.waiting import until

__all__ = ["registry_account", "send"]
WAITS = "SELECT count(*) AS count FROM pg_locks WHERE relation = 'register.stop'::regclass AND NOT granted"


@pytest.fixture
def swarm(place: Place, client: Client) -> Iterator[Swarm]:
    """Two OBUs that are there."""
    made = client.add_devices([NewDevice(device_id=f"obu-{n}", kind=Kind.OBU, site_id=SITE) for n in range(2)])
    members = [Member(Kind.OBU, one.device_id, one.secret or "", is_silent=False) for one in made]
    with Swarm(f"mqtt://{LOOPBACK}:{place.broker_port}", members, SystemClock()) as swarm:
        yield swarm
    for one in made:
        client.delete_device(one.device_id)


def test_in_a_stop_that_a_backup_brings_back_everybody_is_told_anew(client: Client, send: Send, swarm: Swarm) -> None:
    send("POST", "stop", json={"reason": "a person on the oval"})
    until(lambda: swarm.stopped == {"obu-0", "obu-1"}, 10, "both to be stopped")
    until(lambda: send("GET", "stop")["in_force"]["answered"] == 2, 10, "their answers")
    content = io.BytesIO()
    client.backup(content)
    send("POST", "stop", "release", json={"note": "the oval is clear"})
    until(lambda: not swarm.stopped, 10, "both to go on")
    content.seek(0)
    client.restore(content, replace=True)
    until(lambda: swarm.stopped == {"obu-0", "obu-1"}, 10, "both to be stopped again")
    until(lambda: send("GET", "stop")["in_force"]["answered"] == 2, 10, "their answers")
    send("POST", "stop", "release", json={"note": "the oval is still clear"})
    until(lambda: not swarm.stopped, 10, "both to go on again")


def test_who_had_not_heard_of_a_release_when_a_backup_came_back_hears_of_it_then(
    place: Place, client: Client, send: Send
) -> None:
    made = client.add_devices([NewDevice(device_id="away", kind=Kind.OBU, site_id=SITE)])
    content = io.BytesIO()
    client.backup(content)
    member = Member(Kind.OBU, "away", made[0].secret or "", is_silent=False)
    with Swarm(f"mqtt://{LOOPBACK}:{place.broker_port}", [member], SystemClock()) as swarm:
        send("POST", "stop", json={"reason": "a person on the oval"})
        until(lambda: send("GET", "stop")["in_force"]["answered"] == 1, 10, "its answer")
        stopped_by = swarm.told[-1].number
    send("POST", "stop", "release", json={"note": "the oval is clear"})  # and it is away
    content.seek(0)
    client.restore(content, replace=True)
    with Swarm(f"mqtt://{LOOPBACK}:{place.broker_port}", [member], SystemClock()) as swarm:
        until(lambda: swarm.told, 20, "the release")
        assert [(told.command, told.number > stopped_by) for told in swarm.told[:1]] == [("release", True)]
    client.delete_device("away")


def test_in_a_stop_that_a_backup_brings_back_who_is_away_is_not_counted_as_stopped(
    place: Place, client: Client, send: Send
) -> None:
    made = client.add_devices([NewDevice(device_id="bus", kind=Kind.VEHICLE, site_id=SITE)])
    made += client.add_devices([NewDevice(device_id="its-obu", kind=Kind.OBU, site_id=SITE, on_vehicle="bus")])
    bus, obu = [Member(one, it.device_id, it.secret or "") for one, it in zip((Kind.VEHICLE, Kind.OBU), made, strict=True)]
    with Swarm(f"mqtt://{LOOPBACK}:{place.broker_port}", [bus], SystemClock()):
        until(lambda: client.people("GET", "devices", "bus", "health")["status"] != "unheard", 10, "it to be heard")
    with Swarm(f"mqtt://{LOOPBACK}:{place.broker_port}", [obu], SystemClock()) as swarm:
        send("POST", "stop", json={"reason": "a person on the oval"})
        until(lambda: send("GET", "stop")["in_force"]["answered"] == 1, 10, "the OBU's answer")
        content = io.BytesIO()
        client.backup(content)
        send("POST", "stop", "release", json={"note": "the oval is clear"})
        until(lambda: not swarm.stopped, 10, "it to go on")
        content.seek(0)
        client.restore(content, replace=True)
        counts = send("GET", "stop")["in_force"]
        assert (counts["devices"], counts["answered"] < 2) == (2, True), "at once, not when somebody has looked"
        until(lambda: send("GET", "stop")["in_force"]["answered"] == 1, 10, "the OBU's answer")
        (silent,) = send("GET", "stops", str(counts["stop_id"]))["silent"]
        assert silent["device_id"] == "bus"
        send("POST", "stop", "release", json={"note": "the oval is still clear"})
        until(lambda: not swarm.stopped, 10, "it to go on")
    client.delete_device("its-obu")
    client.delete_device("bus")


def test_who_presses_while_a_register_is_restored_waits_and_stops_who_is_in_the_new_one(
    place: Place, send: Send, swarm: Swarm
) -> None:
    presses = threading.Thread(target=lambda: send("POST", "stop", json={"reason": "fire"}))
    with psycopg.connect(place.database_url, row_factory=dict_row) as restoring:
        assert archive_sql.lock(restoring)
        presses.start()
        with psycopg.connect(place.database_url, row_factory=dict_row, autocommit=True) as looking:
            until(lambda: looking.execute(WAITS).fetchone() == {"count": 1}, 10, "the press to wait")
        assert not swarm.stopped
        restoring.execute("DELETE FROM register.stop WHERE released IS NULL")
    presses.join()
    until(lambda: swarm.stopped == {"obu-0", "obu-1"}, 10, "both to be stopped")
    assert send("GET", "stop")["in_force"]["reason"] == "fire"
    send("POST", "stop", "release", json={"note": "it is out"})
    until(lambda: not swarm.stopped, 10, "both to go on")
