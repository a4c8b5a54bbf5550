"""The track over HTTP and at the broker: areas, bookings that cannot both win, permits, who is there, alarms, and the log."""

from __future__ import annotations

import datetime
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import psycopg
import pytest

from chelu.api import Client, NewDevice, Organisation, Site
from chelu.errors import RefusedError
from chelu.geo import LocalFrame
from chelu.topics import Kind
from tests.integration.registry.conftest import KEY, SITE, Place, chelu
from tests.integration.registry.fix_at_broker import registry_account
from tests.integration.registry.fix_pictures import Painter
from tests.waiting import until

__all__ = ["registry_account"]

FRAME = LocalFrame(29.5332, 106.503, 245.0)
TODAY = datetime.datetime.now(datetime.UTC).replace(minute=0, second=0, microsecond=0)


def hours(start: float, end: float) -> dict[str, str]:
    return {name: (TODAY + datetime.timedelta(hours=h)).isoformat() for name, h in (("starts", start), ("ends", end))}


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    corners = np.array([[west, south], [east, south], [east, north], [west, north], [west, south]], np.float64)
    latitude, longitude, _ = FRAME.to_geodetic(corners)
    return {"type": "Polygon", "coordinates": [np.column_stack([longitude, latitude]).tolist()]}


Send = Callable[..., Any]


@pytest.fixture(scope="module")
def send(client: Client) -> Send:
    """A request below the site's address; answers its document."""

    def send(method: str, *path: str, **request: Any) -> Any:
        return client.people(method, "sites", SITE, *path, **request)

    return send


@pytest.fixture(scope="module")
def ground(client: Client, send: Send) -> None:
    """Two teams with a car each, a yard with a lane in it, and an oval apart."""
    for team in ("crew", "rivals"):
        client.add_organisation(Organisation(organisation_id=team, role="vehicle team"))
        car = NewDevice(device_id=f"{team}-car", kind=Kind.VEHICLE, site_id=SITE, team=team, credential=False)
        client.add_devices([car])
        on_it: dict[str, Any] = {"on_vehicle": f"{team}-car", "vehicle_id": f"{len(team):016x}"}
        client.add_devices([NewDevice(device_id=f"{team}-obu", kind=Kind.OBU, site_id=SITE, **on_it)])
    send("POST", "areas", json={"area_id": "yard", "polygon": box(0, 0, 100, 100), "shares": 3})
    send("POST", "areas", json={"area_id": "lane", "kind": "lane", "polygon": box(10, 10, 20, 90)})
    send("POST", "areas", json={"area_id": "oval", "polygon": box(200, 0, 300, 100)})


def alarms(place: Place) -> set[tuple[str, str, str]]:
    with psycopg.connect(place.database_url) as connection:
        rows = connection.execute("SELECT kind, subject, part FROM register.alarm WHERE state = 'raised'").fetchall()
    return {(str(kind), str(subject), str(part)) for kind, subject, part in rows}


def detail_of(place: Place, alarm: tuple[str, str, str]) -> dict[str, Any]:
    """What is said of the one that is raised."""
    with psycopg.connect(place.database_url) as connection:
        sql = "SELECT detail FROM register.alarm WHERE state = 'raised' AND (kind, subject, part) = (%s, %s, %s)"
        row = connection.execute(sql, alarm).fetchone()
    return dict(row[0]) if row else {}


def open_alarm(place: Place, alarm: tuple[str, str, str]) -> int | None:
    """The number of the one that is raised."""
    with psycopg.connect(place.database_url) as connection:
        row = connection.execute(
            "SELECT alarm_id FROM register.alarm WHERE state = 'raised' AND (kind, subject, part) = (%s, %s, %s)", alarm
        ).fetchone()
    return None if row is None else int(row[0])


def trespasses(send: Send, vehicle: str) -> list[str]:
    """The areas of a vehicle's events; the streams around the last one are still to be kept."""
    found = send("GET", "events", params={"vehicle": vehicle, "what": "trespass"})["events"]
    assert not found or found[-1]["capture"] == "pending"
    return sorted(event["detail"]["area"] for event in found)


def test_a_site_without_areas_has_nobody_in_one_and_is_not_blind(client: Client) -> None:
    client.add_site(Site(site_id="meadow", latitude_deg=0, longitude_deg=0))
    assert client.people("GET", "sites", "meadow", "track") == {"seen": None, "is_blind": False, "present": []}
    with pytest.raises(RefusedError, match="there is no site 'nowhere'"):
        client.people("GET", "sites", "nowhere", "track")


def test_an_area_is_marked_out_changed_and_deleted(client: Client, send: Send, ground: None) -> None:
    made = send("POST", "areas", json={"area_id": "apron", "polygon": box(400, 0, 450, 50), "floor_m": 240, "ceiling_m": 260})
    assert (made["version"], made["needs_permit"], made["kind"]) == (1, True, "area")
    with pytest.raises(RefusedError, match="area_id = apron is not allowed: one that the site does not have yet"):
        send("POST", "areas", json={"area_id": "apron", "polygon": box(0, 0, 1, 1)})
    changed = send("PATCH", "areas", "apron", json={"name": "Apron", "shares": 2}, headers={"If-Match": '"1"'})
    assert (changed["version"], changed["name"], changed["shares"], changed["floor_m"]) == (2, "Apron", 2, 240)
    with pytest.raises(RefusedError, match="If-Match"):
        send("PATCH", "areas", "apron", json={"name": "x"}, headers={"If-Match": '"1"'})
    send("DELETE", "areas", "apron")
    assert [area["area_id"] for area in send("GET", "areas")] == ["lane", "oval", "yard"]
    entries = list(client.audit(subject="apron"))
    assert [(entry["what"], entry["action"]) for entry in entries] == [("area", each) for each in ("insert", "update", "delete")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}}, "polygon"),
        (
            {
                "polygon": {
                    "type": "Polygon",
                    "coordinates": [box(0, 0, 9, 9)["coordinates"][0], box(20, 0, 29, 9)["coordinates"][0]],
                }
            },
            "polygon",
        ),
        ({"floor_m": 10, "ceiling_m": 10}, "ceiling_m"),
        ({"shares": 0}, "shares"),
        ({"area_id": "a/b"}, "area_id"),
        ({"kind": "road"}, "kind"),
    ],
    ids=["crossing", "hole outside", "flat", "no shares", "slash", "kind"],
)
def test_a_bad_area_is_refused_by_field(send: Send, ground: None, change: dict[str, Any], field: str) -> None:
    with pytest.raises(RefusedError, match=field):
        send("POST", "areas", json={"area_id": "bad", "polygon": box(0, 0, 1, 1), **change})


def test_of_two_bookings_at_the_same_moment_one_wins(place: Place, send: Send, ground: None) -> None:
    """Twelve at once, on two areas that overlap, for two teams: whatever the order, no two that exclude each other are there."""
    barrier, answers = threading.Barrier(12), list[int]()

    def book(number: int) -> None:
        body = {"area_id": ("lane", "yard")[number % 2], "team": ("crew", "rivals")[number // 6], **hours(24, 26)}
        with httpx.Client(headers={"Authorization": f"Bearer {KEY}"}, timeout=30) as own:
            barrier.wait()
            answers.append(own.post(f"{place.url}/api/sites/{SITE}/bookings", json=body).status_code)

    threads = [threading.Thread(target=book, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there = send("GET", "bookings", params={"since": hours(24, 25)["starts"], "until": hours(24, 25)["ends"]})
    assert set(answers) == {201, 409}
    assert answers.count(201) == len(there) >= 1
    lanes = [one for one in there if one["area_id"] == "lane"]
    assert len(lanes) <= 1
    assert len({one["team"] for one in there}) == 1 or not lanes, "the lane is for one team, and lies in the yard"
    for one in there:
        send("DELETE", "bookings", str(one["booking_id"]))
    with pytest.raises(RefusedError, match="there is no booking"):
        send("DELETE", "bookings", str(there[0]["booking_id"]))


def test_a_booking_is_refused_by_field_and_names_what_stands_against_it(send: Send, ground: None) -> None:
    mine = send("POST", "bookings", json={"area_id": "oval", "team": "crew", **hours(48, 50)})
    for body, text in (
        ({"area_id": "oval", "team": "rivals", **hours(49, 51)}, f"booking {mine['booking_id']} of oval for crew"),
        ({"area_id": "oval", "team": "nobody", **hours(52, 53)}, "team = nobody is not allowed: a registered vehicle team"),
        ({"area_id": "moon", "team": "crew", **hours(52, 53)}, "there is no area 'moon'"),
        ({"area_id": "oval", "team": "crew", **hours(52.5, 53)}, "starts = .* is not allowed: a whole hour in Asia/Shanghai"),
        ({"area_id": "oval", "team": "crew", **hours(-3, -2)}, "ends = .* is not allowed: after now"),
        ({"area_id": "oval", "team": "crew", **hours(53, 52)}, "ends"),
        (
            {"area_id": "oval", "team": "crew", **hours(52, 53), "starts": "0001-01-01T00:00:00+14:00"},
            "starts.*1970-01-01 to 2100",
        ),
        ({"area_id": "oval", "team": "crew", "starts": "2036-05-01T08:00:00", "ends": "2036-05-01T09:00:00"}, "starts"),
    ):
        with pytest.raises(RefusedError, match=text):
            send("POST", "bookings", json=body)
    with pytest.raises(RefusedError, match="these depend on it: bookings booking"):
        send("DELETE", "areas", "oval")
    with pytest.raises(RefusedError, match="these depend on it"):
        send("PATCH", "areas", "oval", json={"polygon": box(0, 0, 500, 500)}, headers={"If-Match": "*"})
    send("DELETE", "bookings", str(mine["booking_id"]))


def test_a_permit_is_for_a_vehicle_of_the_site_and_never_against_anothers_booking(
    client: Client, send: Send, ground: None
) -> None:
    booked = send("POST", "bookings", json={"area_id": "lane", "team": "crew", **hours(72, 74)})
    with pytest.raises(RefusedError, match=r"booking .* of lane for crew"):
        send("POST", "permits", json={"vehicle": "rivals-car", "area_id": "yard", **hours(73, 75)})
    given = send("POST", "permits", json={"vehicle": "crew-car", "area_id": "yard", **hours(73, 75), "modes": ["manual"]})
    assert (given["team"], given["modes"]) == ("crew", ["manual"])
    with pytest.raises(RefusedError, match=f"permit {given['permit_id']} of yard for crew"):
        send("POST", "bookings", json={"area_id": "lane", "team": "rivals", **hours(74, 75)})
    for vehicle in ("crew-obu", "nobody"):
        with pytest.raises(RefusedError, match=f"vehicle = {vehicle} is not allowed"):
            send("POST", "permits", json={"vehicle": vehicle, "area_id": "yard", **hours(73, 75)})
    with pytest.raises(RefusedError, match=r"these depend on it: .*bookings of the team"):
        client.delete_organisation("crew")
    send("DELETE", "permits", str(given["permit_id"]))
    send("DELETE", "bookings", str(booked["booking_id"]))
    assert send("GET", "permits") == send("GET", "bookings") == []


CREW, RIVALS = f"{len('crew'):016x}", f"{len('rivals'):016x}"


@pytest.fixture
def painter(place: Place, mosquitto_port: int, ground: None) -> Iterator[Painter]:
    painter = Painter(place)
    yield painter
    painter.close()


def test_a_vehicle_without_a_permit_raises_the_alarm_within_a_second(place: Place, send: Send, painter: Painter) -> None:
    until(lambda: not send("GET", "track")["is_blind"], 10, "a picture")
    took = []
    for _ in range(5):
        painter.rows = [(1, RIVALS, 250, 50)]
        begun = time.monotonic()
        until(lambda: ("trespass", "rivals-car", "oval") in alarms(place), 5, "the alarm")
        took.append(time.monotonic() - begun)
        (seen,) = send("GET", "track")["present"]
        assert (seen["vehicle"], seen["areas"], seen["problems"]) == ("rivals-car", ["oval"], ["trespass in oval"])
        painter.rows = [(1, RIVALS, 250, 500)]
        until(lambda: ("trespass", "rivals-car", "oval") not in alarms(place), 10, "the alarm to be over")
    painter.rows = [(1, RIVALS, 15, 50)]
    until(
        lambda: trespasses(send, "rivals-car") == ["lane", *["oval"] * 5, "yard"],
        5,
        "an event each, of two areas at one look, too",
    )
    painter.rows = [(1, RIVALS, 250, 500)]
    until(lambda: not {alarm for alarm in alarms(place) if alarm[0] == "trespass"}, 10, "them to be over")
    print(f"\ntrespass to alarm: {', '.join(f'{1000 * each:.0f}' for each in sorted(took))} ms")
    assert max(took) < 1.0


def test_with_a_permit_it_enters_leaves_and_is_called_back_when_the_permit_ends(
    place: Place, send: Send, painter: Painter
) -> None:
    given = send("POST", "permits", json={"vehicle": "crew-car", "area_id": "oval", **hours(-1, 2), "max_speed_mps": 10})
    painter.rows = [(1, CREW, 250, 50)]
    until(lambda: send("GET", "track")["present"], 5, "the vehicle")
    assert send("GET", "track")["present"][0]["permits"] == [given["permit_id"]]
    painter.rows, painter.speed = [(1, CREW, 250, 60)], 12.0
    until(lambda: ("permit-speed", "crew-car", "") in alarms(place), 5, "the alarm of its speed")
    painter.rows, painter.speed = [(1, CREW, 350, 60)], 5.0
    until(lambda: ("area-left", "crew-car", "") in alarms(place), 5, "the alarm that it has left")
    painter.rows = [(1, CREW, 250, 50)]
    until(lambda: not alarms(place) & {("area-left", "crew-car", ""), ("permit-speed", "crew-car", "")}, 10, "them to be over")
    assert ("trespass", "crew-car", "oval") not in alarms(place)
    send("DELETE", "permits", str(given["permit_id"]))
    until(lambda: ("trespass", "crew-car", "oval") in alarms(place), 2, "the alarm once the permit is revoked")
    painter.rows = []


def test_somebody_who_does_not_speak_is_an_intruder(place: Place, painter: Painter) -> None:
    painter.rows = [(2, "77", 50, 50), (2, "78", 51, 50)]
    until(lambda: ("intruder", "yard", "yard") in alarms(place), 5, "the alarm")
    painter.rows = []
    until(lambda: ("intruder", "yard", "yard") not in alarms(place), 10, "it to be over")


def test_an_alarm_cleared_by_hand_is_raised_anew_while_it_is_still_so(place: Place, client: Client, painter: Painter) -> None:
    wanted = ("trespass", "rivals-car", "oval")
    painter.rows = [(1, RIVALS, 250, 50)]
    until(lambda: wanted in alarms(place), 5, "the alarm")
    first = open_alarm(place, wanted)
    client.people("POST", "alarms", str(first), "clear", json={"comment": "by mistake"})
    until(lambda: open_alarm(place, wanted) not in {None, first}, 5, "the alarm anew")
    painter.rows = []
    until(lambda: detail_of(place, wanted).get("state") == "lost while inside", 40, "it to be lost while inside")
    entries = client.people("GET", "sites", SITE, "track", "log", params={"limit": 10_000})["entries"]
    last = [one["what"] for one in entries if one["subject"] == "rivals-car"][-1]
    assert last == "lost while inside", "it has not left"
    client.people("POST", "alarms", str(open_alarm(place, wanted)), "acknowledge", json={"comment": "towed away"})
    until(lambda: wanted not in alarms(place), 5, "it to be over once somebody has seen to it")
    painter.rows = [(1, RIVALS, 250, 50)]
    until(lambda: wanted in alarms(place), 5, "it to be raised anew when it is seen there again")
    painter.rows = [(1, RIVALS, 250, 500)]
    until(lambda: wanted not in alarms(place), 10, "it to be over once it is seen outside")
    painter.rows = []


def test_a_site_without_a_picture_is_blind_and_says_so(place: Place, send: Send, ground: None, mosquitto_port: int) -> None:
    until(lambda: ("track-blind", SITE, "") in alarms(place), 10, "the alarm")
    assert send("GET", "track")["is_blind"]
    painter = Painter(place)
    try:
        until(lambda: ("track-blind", SITE, "") not in alarms(place), 5, "it to be over")
    finally:
        painter.close()


def test_the_log_has_it_all_and_a_forged_entry_is_found_out(place: Place, client: Client, send: Send, ground: None) -> None:
    entries = send("GET", "track", "log", params={"limit": 10_000})["entries"]
    said = {entry["what"] for entry in entries}
    assert {"area added", "booked", "booking cancelled", "permit given", "permit revoked", "trespass", "entered", "left"} <= said
    assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
    check = send("GET", "track", "log", "check")
    assert (check["is_whole"], check["entries"], check["head"]) == (True, len(entries), entries[-1]["hash"])
    with psycopg.connect(place.database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE register.track_log SET entry = entry WHERE number = 3")
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE register.track_log DISABLE TRIGGER append_only")
        old = connection.execute("SELECT entry FROM register.track_log WHERE number = 3 AND site_id = %s", (SITE,)).fetchone()
        assert old is not None
        forged = json.dumps({**json.loads(old[0]), "actor": "somebody else"})
        connection.execute("UPDATE register.track_log SET entry = %s WHERE number = 3 AND site_id = %s", (forged, SITE))
        found = send("GET", "track", "log", "check")
        assert (found["is_whole"], found["fault"]) == (False, "entry 3 is not what was written: its hash does not fit")
        told = chelu(place, "track", "check", "--site", SITE)
        assert told.returncode == 1
        assert "entry 3 is not what was written" in told.stdout + told.stderr
        connection.execute("UPDATE register.track_log SET entry = %s WHERE number = 3 AND site_id = %s", (old[0], SITE))
        connection.execute("ALTER TABLE register.track_log ENABLE TRIGGER append_only")
    assert send("GET", "track", "log", "check")["is_whole"]


def test_a_registry_that_was_killed_goes_on_with_what_was_wrong(
    place: Place, send: Send, registry: subprocess.Popen[bytes], painter: Painter
) -> None:
    """What ends while nobody looks is over afterwards, and what goes on is raised once."""
    painter.rows = [(1, RIVALS, 250, 50), (1, CREW, 50, 50)]
    wanted = {("trespass", "rivals-car", "oval"), ("trespass", "crew-car", "yard")}
    until(lambda: wanted <= alarms(place), 5, "the alarms")
    registry.kill()
    registry.wait()
    painter.rows = [(1, RIVALS, 250, 50), (1, CREW, 500, 500)]
    place.ready_file.unlink()
    with (place.directory / "registry-2.log").open("wb") as log:
        again = subprocess.Popen([sys.executable, "-m", "services.registry"], env=place.environment(), stderr=log)
    try:
        until(place.ready_file.exists, 20, "the registry")
        until(lambda: ("trespass", "crew-car", "yard") not in alarms(place), 10, "what is over to be over")
        assert ("trespass", "rivals-car", "oval") in alarms(place)
        with psycopg.connect(place.database_url) as connection:
            row = connection.execute(
                """SELECT count(*) FROM register.alarm WHERE state = 'raised' AND kind = 'trespass' AND part = 'oval'
                    AND subject = 'rivals-car'"""
            ).fetchone()
        assert row == (1,)
        assert send("GET", "track", "log", "check")["is_whole"]
    finally:
        again.send_signal(signal.SIGTERM)
        assert again.wait(15) == 0, (place.directory / "registry-2.log").read_text()
        registry.returncode = 0
