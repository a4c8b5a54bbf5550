"""The emergency stop on a real registry and broker: pressed twice, released while devices are away, survived by its orders."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chelu.api import Client, NewDevice, Site
from chelu.clock import SystemClock
from chelu.errors import RefusedError
from chelu.local.ports import LOOPBACK
from chelu.topics import Kind
from edge.agent import Agent
from edge.settings import EdgeSettings
from services.registry.track.recall import LEAST_S
from simulators.swarm import Member, Swarm
from tests.integration.registry.conftest import KEY, SITE, Place, chelu
from tests.integration.registry.fix_at_broker import Send, registry_account, send
from tests.waiting import until

__all__ = ["registry_account", "send"]

KINDS = (Kind.OBU, Kind.VEHICLE, Kind.SIGNAL)


@pytest.fixture(scope="module")
def members(client: Client) -> list[Member]:
    """A dozen of each kind that is stopped, of which the last is silent; beside them what is not."""
    devices = [NewDevice(device_id=f"{kind}-{n:02}", kind=kind, site_id=SITE) for kind in KINDS for n in range(4)]
    made = client.add_devices(devices)
    client.add_devices([NewDevice(device_id="by-the-road", kind=Kind.RSU, site_id=SITE)])
    client.add_devices([NewDevice(device_id="old-truck", kind=Kind.VEHICLE, site_id=SITE, credential=False)])
    last = devices[-1].device_id
    return [
        Member(device.kind, one.device_id, one.secret or "", is_silent=one.device_id == last)
        for device, one in zip(devices, made, strict=True)
    ]


def url(place: Place) -> str:
    return f"mqtt://{LOOPBACK}:{place.broker_port}"


@pytest.fixture
def swarm(place: Place, members: list[Member], send: Send) -> Iterator[Swarm]:
    """All members but the first two, which are away; whatever a test has left is released."""
    with Swarm(url(place), members[2:], SystemClock()) as swarm:
        yield swarm
        if send("GET", "stop")["in_force"]:
            send("POST", "stop", "release", json={"note": "the test is over"})


def in_force(send: Send) -> dict[str, Any]:
    stop: dict[str, Any] = send("GET", "stop")["in_force"]
    return stop


def detail(send: Send, number: int) -> dict[str, Any]:
    found: dict[str, Any] = send("GET", "stops", str(number))
    return found


def test_a_stop_reaches_all_that_move_or_show_a_light_and_lists_who_is_silent(place: Place, send: Send, swarm: Swarm) -> None:
    stop = send("POST", "stop", json={"reason": "a person on the oval"})
    assert (stop["devices"], stop["presses"], stop["released"]) == (12, 1, None)
    until(lambda: in_force(send)["answered"] == 9, 10, "the answers of those who are there")
    shown = detail(send, stop["stop_id"])
    assert [row["device_id"] for row in shown["silent"]] == ["obu-00", "obu-01", "signal-03"]
    assert {row["state"] for row in shown["stopped"]} == {"applied"}
    assert shown["unreachable"] == ["old-truck"]
    assert len(swarm.stopped) == 9
    with psycopg.connect(place.database_url) as connection:
        raised = connection.execute("SELECT subject FROM register.alarm WHERE kind = 'emergency-stop' AND state = 'raised'")
        assert raised.fetchall() == [(SITE,)]
    told = chelu(place, "stop", "show", "--site", SITE)
    assert told.returncode == 1
    assert "3 of 12 devices have not said that they have stopped: go and look" in told.stderr
    assert "EMERGENCY STOP since" in chelu(place, "track", "now", "--site", SITE).stdout


def test_pressed_twice_it_is_one_stop_and_those_without_an_answer_are_told_again(send: Send, swarm: Swarm) -> None:
    first = send("POST", "stop", json={"reason": "one"})
    until(lambda: in_force(send)["answered"] == 9, 10, "the answers")
    heard = len(swarm.told)

    def told_again() -> list[str]:
        again = send("POST", "stop", json={"reason": "two"})
        assert (again["stop_id"], again["devices"], again["reason"]) == (first["stop_id"], 12, "one")
        entries = send("GET", "track", "log", params={"what": "emergency stop", "limit": 10_000})["entries"]
        told: list[str] = entries[-1]["detail"]["told"]
        return told

    # Who has come online just before the button was pressed is told by itself, too, and is for a moment without an answer.
    until(lambda: told_again() == ["obu-00", "obu-01", "signal-03"], 10, "those who have answered to be left in peace")
    until(lambda: any(told.device_id == "signal-03" for told in swarm.told[heard:]), 5, "the silent one to be told again")
    numbers = {told.number for told in swarm.told if told.device_id == "signal-03" and told.command == "stop"}
    assert len(numbers) <= 2, "an order that is open is sent again under its number"
    assert in_force(send)["presses"] >= 2


def test_a_reason_that_is_given_later_is_kept_as_the_first(send: Send, swarm: Swarm) -> None:
    assert send("POST", "stop", json={})["reason"] == ""
    assert send("POST", "stop", json={"reason": "smoke in the tunnel"})["reason"] == "smoke in the tunnel"
    assert send("POST", "stop", json={"reason": ""})["reason"] == "smoke in the tunnel"
    assert in_force(send)["reason"] == "smoke in the tunnel"


def test_pressed_by_several_at_the_same_moment_it_is_one_stop(place: Place, send: Send, swarm: Swarm) -> None:
    barrier, stops = threading.Barrier(6), list[tuple[int, int]]()

    def press(number: int) -> None:
        with Client(place.url, KEY) as own:
            barrier.wait()
            stop = own.people("POST", "sites", SITE, "stop", json={"reason": str(number)})
            stops.append((stop["stop_id"], stop["presses"]))

    threads = [threading.Thread(target=press, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stops) == 6
    assert len({number for number, _ in stops}) == 1
    assert in_force(send)["presses"] == 6
    until(lambda: in_force(send)["answered"] == 9, 10, "the answers")
    assert send("GET", "track", "log", "check")["is_whole"]


def test_who_comes_online_in_a_stop_is_told_and_who_was_away_until_its_release_goes_on(
    place: Place, send: Send, members: list[Member], swarm: Swarm
) -> None:
    stop = send("POST", "stop", json={})
    with Swarm(url(place), members[:1], SystemClock()) as late:
        until(lambda: late.stopped == {"obu-00"}, 10, "the one that came late to be stopped")
    until(lambda: in_force(send)["answered"] == 10, 10, "its answer")
    released = send("POST", "stop", "release", json={"note": "the oval is clear"})
    assert released["release_note"] == "the oval is clear"
    until(lambda: not swarm.stopped, 10, "those who are there to go on")
    with pytest.raises(RefusedError, match="is not stopped: there is nothing to release"):
        send("POST", "stop", "release", json={"note": "again"})
    with Swarm(url(place), members[:2], SystemClock()) as later:
        until(lambda: {told.device_id for told in later.told} == {"obu-00", "obu-01"}, 10, "those who were away")
        assert {told.command for told in later.told} == {"release"}, "a stop that was released stops nobody any more"
        assert not later.stopped
        until(lambda: detail(send, stop["stop_id"])["going"] == 11, 10, "their answers")
    (entry,) = send("GET", "track", "log", params={"what": "stop released", "limit": 10_000})["entries"][-1:]
    assert set(entry["detail"]["silent"]) == {"obu-01", "signal-03"}
    assert len(entry["detail"]["stopped"]) == 10


def test_who_is_moved_to_a_stopped_site_is_told_and_only_that_site_lets_it_go_on(
    place: Place, client: Client, send: Send, members: list[Member], swarm: Swarm
) -> None:
    moved = members[2].device_id

    def at(site: str, *path: str, **body: str) -> dict[str, Any]:
        found: dict[str, Any] = client.people("POST", "sites", site, "stop", *path, json=body)
        return found

    def move(site: str) -> None:
        client.people("PATCH", "devices", moved, json={"site_id": site}, headers={"If-Match": "*"})

    client.add_site(Site(site_id="dale", latitude_deg=29.8, longitude_deg=106.5))
    move("dale")
    elsewhere = at("dale")
    until(lambda: swarm.stopped == {moved}, 10, "it to be stopped where it is")
    try:
        stop = send("POST", "stop", json={})
        move(SITE)
        until(lambda: moved in {one["device_id"] for one in detail(send, stop["stop_id"])["stopped"]}, 10, "it to be told here")
        at("dale", "release", note="nobody is left")
        until(lambda: client.people("GET", "sites", "dale", "stops", str(elsewhere["stop_id"]))["released"], 5, "the release")
        send("POST", "stop", "release", json={"note": "the oval is clear"})
        until(lambda: moved not in swarm.stopped, 10, "it to go on")
        assert [one.command for one in swarm.told if one.device_id == moved] == ["stop", "stop", "release"]
        (entry,) = send("GET", "track", "log", params={"what": "told to stop, since it came to the site"})["entries"]
        assert entry["detail"]["told"] == [moved]
    finally:
        move(SITE)


def test_who_is_moved_between_stopped_sites_right_before_their_releases_goes_on(
    client: Client, send: Send, members: list[Member], swarm: Swarm
) -> None:
    moved = members[3].device_id
    client.add_site(Site(site_id="glen", latitude_deg=29.9, longitude_deg=106.5))
    for _ in range(3):  # in each of which whoever looks who has come to the glen may be the quicker one
        send("POST", "stop", json={})
        client.people("POST", "sites", "glen", "stop", json={})
        until(lambda: moved in swarm.stopped, 10, "it to stop")
        client.people("PATCH", "devices", moved, json={"site_id": "glen"}, headers={"If-Match": "*"})
        send("POST", "stop", "release", json={"note": "the oval is clear"})
        client.people("POST", "sites", "glen", "stop", "release", json={"note": "the glen is clear"})
        until(lambda: moved not in swarm.stopped, 10, "it to go on")
        client.people("PATCH", "devices", moved, json={"site_id": SITE}, headers={"If-Match": "*"})


def test_a_stopped_site_can_only_be_deleted_when_whoever_left_it_was_let_go_on(
    client: Client, members: list[Member], swarm: Swarm
) -> None:
    moved = members[3].device_id
    client.add_site(Site(site_id="vale", latitude_deg=29.7, longitude_deg=106.4))
    client.people("PATCH", "devices", moved, json={"site_id": "vale"}, headers={"If-Match": "*"})
    client.people("POST", "sites", "vale", "stop", json={})
    until(lambda: moved in swarm.stopped, 10, "it to stop")
    client.people("PATCH", "devices", moved, json={"site_id": SITE}, headers={"If-Match": "*"})
    with pytest.raises(RefusedError, match="emergency stop of 'vale' is in force: allowed is the site to end with the stop"):
        client.people("DELETE", "sites", "vale")
    client.people("POST", "sites", "vale", "stop", "release", json={"note": "nobody is left"})
    until(lambda: moved not in swarm.stopped, 10, "it to go on")
    client.people("DELETE", "sites", "vale")


def alarms(place: Place) -> list[tuple[int, str]]:
    """Number and state of the site's alarms of stops that are not over."""
    with psycopg.connect(place.database_url) as connection:
        sql = "SELECT alarm_id, state FROM register.alarm WHERE kind = 'emergency-stop' AND state <> 'cleared'"
        return connection.execute(sql).fetchall()


def test_neither_a_stop_s_orders_nor_its_alarm_can_be_taken_away(
    place: Place, client: Client, send: Send, members: list[Member], swarm: Swarm
) -> None:
    send("POST", "stop", json={"reason": "not to be undone"})
    for _ in range(2):  # who starts anew has a dispatch of its own
        with Swarm(url(place), members[:1], SystemClock()) as late:
            until(lambda: late.stopped == {"obu-00"}, 10, "the one that came late to be stopped")
            until(lambda: in_force(send)["answered"] == 10, 10, "the answers")
    dispatches = client.people("GET", "dispatches", params={"topic": "command", "limit": 2})["dispatches"]
    assert [each["body"]["command"] for each in dispatches] == ["stop", "stop"]
    for dispatch in dispatches:
        with pytest.raises(RefusedError, match=f"the emergency stop of '{SITE}' is in force: allowed is its orders to end with"):
            client.people("DELETE", "dispatches", str(dispatch["dispatch_id"]))
    ((alarm, _),) = alarms(place)
    with pytest.raises(RefusedError, match=f"the emergency stop of '{SITE}' is in force: allowed is its alarm to end with"):
        client.people("POST", "alarms", str(alarm), "clear", json={"comment": "x"})
    assert client.people("POST", "alarms", str(alarm), "acknowledge", json={"comment": "seen"})["comment"] == "seen"
    stop = in_force(send)
    assert {row["state"] for row in detail(send, stop["stop_id"])["silent"]} <= {"queued", "sent"}
    assert alarms(place) == [(alarm, "raised")]
    send("POST", "stop", "release", json={"note": "clear"})
    assert alarms(place) == []
    (release,) = client.people("GET", "dispatches", params={"topic": "command", "limit": 1})["dispatches"]
    with pytest.raises(RefusedError, match="the release of a stop cannot be taken back"):
        client.people("DELETE", "dispatches", str(release["dispatch_id"]))
    client.people("DELETE", "dispatches", str(dispatches[0]["dispatch_id"]))


def test_a_stop_without_its_alarm_gets_it(place: Place, send: Send, swarm: Swarm) -> None:
    stop = send("POST", "stop", json={"reason": "killed before the alarm"})
    with psycopg.connect(place.database_url) as connection:
        connection.execute("DELETE FROM register.alarm WHERE kind = 'emergency-stop' AND state <> 'cleared'")
    until(lambda: alarms(place), 5, "the alarm to be raised by itself")
    with psycopg.connect(place.database_url) as connection:
        found = connection.execute("SELECT detail FROM register.alarm WHERE alarm_id = %s", alarms(place)[0][:1]).fetchall()
    assert found == [({"stop": stop["stop_id"], "reason": "killed before the alarm", "pressed_by": "administrator"},)]


def test_a_device_that_starts_anew_in_a_stop_is_told_again(place: Place, send: Send, members: list[Member], swarm: Swarm) -> None:
    send("POST", "stop", json={})
    with Swarm(url(place), members[:1], SystemClock()) as once:
        until(lambda: once.stopped, 10, "it to be stopped")
    until(lambda: in_force(send)["answered"] == 10, 10, "its answer")
    with Swarm(url(place), members[:1], SystemClock()) as again:
        until(lambda: again.stopped == {"obu-00"}, 10, "it to be stopped once more, since it may have forgotten")


def test_a_device_that_flaps_in_a_stop_is_told_now_and_then_and_at_last(
    place: Place, send: Send, members: list[Member], swarm: Swarm
) -> None:
    def told() -> int:
        entries = send("GET", "track", "log", params={"what": "told to stop, since it came online", "limit": 10_000})["entries"]
        return sum("obu-00" in entry["detail"]["told"] for entry in entries)

    send("POST", "stop", json={})
    before, begun = told(), time.monotonic()
    for _ in range(25):
        with Swarm(url(place), members[:1], SystemClock()):
            pass
    with Swarm(url(place), members[:1], SystemClock()) as last:
        until(lambda: last.stopped == {"obu-00"}, 10, "it to be stopped once it stays")
        until(lambda: told() > before, 10, "the log")
    assert told() - before <= 2 + (time.monotonic() - begun) / LEAST_S


def test_a_release_needs_a_reason_and_a_stop_needs_a_site(client: Client, send: Send) -> None:
    for body in ({}, {"note": " "}, {"note": "x", "more": 1}):
        with pytest.raises(RefusedError, match=r"note|more"):
            send("POST", "stop", "release", json=body)
    with pytest.raises(RefusedError, match="there is no site 'nowhere'"):
        client.people("POST", "sites", "nowhere", "stop", json={})
    with pytest.raises(RefusedError, match="there is no stop '999'"):
        send("GET", "stops", "999")


def test_an_agent_hands_the_stop_to_its_vehicle_and_acknowledges(
    place: Place, client: Client, send: Send, tmp_path: Path, udp_sink: tuple[str, list[dict[str, Any]]]
) -> None:
    address, heard = udp_sink
    made = client.add_devices([NewDevice(device_id="real-obu", kind=Kind.OBU, site_id=SITE)])[0]
    (tmp_path / "secret").write_text(made.secret or "")
    values: dict[str, Any] = {"kind": "obu", "id": "real-obu", "broker": url(place)}
    values |= {
        "credential_file": str(tmp_path / "secret"),
        "spool": {"directory": str(tmp_path / "spool")},
        "warning_sink": address,
    }
    agent = Agent(EdgeSettings.check(values, source="test"), SystemClock())
    agent.start()
    try:
        agent.wait_connected(10)
        stop = send("POST", "stop", json={"reason": "a person on the oval"})
        until(lambda: [one["emergency"] for one in heard] == ["stop"], 10, "the vehicle to be told")
        assert heard[0]["reason"] == "a person on the oval"
        stopped = lambda: {row["device_id"] for row in detail(send, stop["stop_id"])["stopped"]}  # noqa: E731
        until(lambda: "real-obu" in stopped(), 10, "its answer")
        send("POST", "stop", "release", json={"note": "clear"})
        until(lambda: [one["action"] for one in heard] == ["stop", "go on"], 10, "the vehicle to go on")
    finally:
        agent.stop()


def test_an_agent_without_a_sink_does_not_say_that_it_has_stopped(
    place: Place, client: Client, send: Send, tmp_path: Path
) -> None:
    made = client.add_devices([NewDevice(device_id="deaf-obu", kind=Kind.OBU, site_id=SITE)])[0]
    (tmp_path / "secret").write_text(made.secret or "")
    values = {"kind": "obu", "id": "deaf-obu", "broker": url(place), "credential_file": str(tmp_path / "secret")}
    agent = Agent(EdgeSettings.check(values | {"spool": {"directory": str(tmp_path / "spool")}}, source="test"), SystemClock())
    agent.start()
    try:
        agent.wait_connected(10)
        stop = send("POST", "stop", json={})

        def row() -> dict[str, Any]:
            return next(one for one in detail(send, stop["stop_id"])["silent"] if one["device_id"] == "deaf-obu")

        until(lambda: row()["state"] == "failed", 10, "its answer")
        assert row()["detail"] == "no sink is configured"
        send("POST", "stop", "release", json={"note": "clear"})
    finally:
        agent.stop()


def test_a_registry_killed_in_a_stop_goes_on_with_it(
    place: Place, send: Send, registry: subprocess.Popen[bytes], members: list[Member]
) -> None:
    with Swarm(url(place), members[2:], SystemClock()) as swarm:
        stop = send("POST", "stop", json={"reason": "killed"})
        registry.kill()
        registry.wait()
        place.ready_file.unlink()
        with (place.directory / "registry-2.log").open("wb") as log:
            again = subprocess.Popen([sys.executable, "-m", "services.registry"], env=place.environment(), stderr=log)
        try:
            until(place.ready_file.exists, 20, "the registry")
            assert in_force(send)["stop_id"] == stop["stop_id"]
            until(lambda: in_force(send)["answered"] == 9, 15, "the answers, asked for again where they were lost")
            with Swarm(url(place), members[:1], SystemClock()) as late:
                until(lambda: late.stopped == {"obu-00"}, 15, "who comes online under the next registry to be stopped")
            send("POST", "stop", "release", json={"note": "clear"})
            until(lambda: not swarm.stopped, 10, "all to go on")
            assert send("GET", "track", "log", "check")["is_whole"]
        finally:
            again.send_signal(signal.SIGTERM)
            assert again.wait(15) == 0, (place.directory / "registry-2.log").read_text()
            registry.returncode = 0


@pytest.fixture
def udp_sink() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The vehicle's own software: a UDP port, and what it has heard."""
    heard: list[dict[str, Any]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind((LOOPBACK, 0))
        opened.settimeout(0.05)
        leaving = threading.Event()

        def listen() -> None:
            while not leaving.is_set():
                try:
                    heard.append(json.loads(opened.recv(65_536)))
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        yield f"{LOOPBACK}:{opened.getsockname()[1]}", heard
        leaving.set()
        thread.join()
