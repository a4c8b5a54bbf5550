"""Vehicles under supervision on a real registry, database and broker: words, events, alarms, captures, months."""

from __future__ import annotations

import csv
import datetime
import io
import json
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest
from mcap.reader import make_reader

from chelu.api import Client, NewDevice
from chelu.errors import RefusedError
from chelu.messages import BSM, SPAT, TELEMETRY
from chelu.topics import Kind
from tests.integration.registry.conftest import SITE, Place, chelu
from tests.integration.registry.fix_at_broker import Send, registry_account, send
from tests.integration.registry.fix_vehicles import (
    S,
    Vehicle,
    alarms,
    car,
    device_key,
    events,
    reported,
    robot,
    state,
    stored,
    streams,
)
from tests.waiting import until

__all__ = ["car", "registry_account", "robot", "send", "streams"]

LATITUDE, LONGITUDE = 29.5332, 106.503


def test_a_vehicle_says_how_it_is_driven_and_by_whom_it_is_told(place: Place, send: Send, car: Vehicle) -> None:
    car.say("automated", cause="driver", in_odd=True, odometer_m=1000.0)
    until(lambda: state(send, "car"), 5, "its state")
    found = state(send, "car")
    assert (found["mode"], found["team"], found["in_odd"], found["is_disengaged"]) == ("automated", "crew", True, False)
    assert "automated" in chelu(place, "supervision", "list", "--site", SITE).stdout


def test_a_disengagement_raises_its_alarm_at_once_until_it_drives_by_itself_again(place: Place, send: Send, car: Vehicle) -> None:
    car.say("automated")
    begun = time.monotonic()
    at_us = car.say("manual", cause="system", reason="lidar lost")
    until(lambda: alarms(place, "car") == {"disengagement"}, 5, "the alarm")
    took_ms = 1000 * (time.monotonic() - begun)
    print(f"\ndisengagement to alarm: {took_ms:.0f} ms")
    assert took_ms < 1000
    event = events(send, "car")[-1]
    assert (event["what"], event["former_mode"], event["mode"], event["reason"]) == (
        "disengagement", "automated", "manual", "lidar lost",
    )  # fmt: skip
    assert event["capture"] == "pending", "the streams around it are to be kept"
    assert datetime.datetime.fromisoformat(event["time"]).timestamp() == pytest.approx(at_us / 1e6)
    car.say("automated", cause="driver")
    until(lambda: alarms(place, "car") == set(), 5, "it to be over")
    entries = send("GET", "track", "log", params={"subject": "car", "what": "disengagement"})["entries"]
    assert entries[-1]["detail"]["reason"] == "lidar lost"


def test_leaving_its_odd_and_a_fault_are_alarms_and_events(place: Place, send: Send, car: Vehicle) -> None:
    before = len(events(send, "car"))
    faults = [{"code": "B1", "severity": "severe", "text": "brake pressure"}, {"code": "L2", "text": "lidar dirty"}]
    car.say("automated", in_odd=False, faults=faults)
    until(lambda: alarms(place, "car") == {"odd-left", "vehicle-fault"}, 5, "the alarms")
    found = [(event["what"], event["reason"], event["capture"]) for event in events(send, "car")[before:]]
    assert sorted(found) == [
        ("fault", "brake pressure", "pending"), ("fault", "lidar dirty", "pending"), ("left its ODD", "", "pending"),
    ]  # fmt: skip
    car.say("automated", in_odd=True)
    until(lambda: alarms(place, "car") == set(), 5, "them to be over")
    car.say("automated", in_odd=True, faults=faults)
    until(lambda: alarms(place, "car") == {"vehicle-fault"}, 5, "the alarm of what comes and goes")
    car.say("automated", in_odd=True)
    until(lambda: alarms(place, "car") == set(), 5, "it to be over")
    with psycopg.connect(place.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM register.alarm WHERE kind = 'vehicle-fault'").fetchone() == (1,)
    assert len(events(send, "car")) == before + 3


def test_a_vehicle_whose_clock_is_set_back_is_supervised_on(place: Place, send: Send, car: Vehicle) -> None:
    car.say("automated")
    before = len(events(send, "car"))
    begun_us = time.time_ns() // 1000

    def by_its_clock() -> int:
        return time.time_ns() // 1000 - 600 * S

    car.say("manual", at_us=by_its_clock(), cause="system", reason="lidar lost")

    def is_alarmed() -> bool:
        car.say("manual", at_us=by_its_clock())
        return alarms(place, "car") == {"disengagement"}

    until(is_alarmed, 10, "the alarm")
    (event,) = events(send, "car")[before:]
    assert (event["what"], event["reason"]) == ("disengagement", "lidar lost")
    assert datetime.datetime.fromisoformat(event["time"]).timestamp() >= begun_us / 1e6
    car.say("automated", cause="driver")
    until(lambda: alarms(place, "car") == set(), 5, "it to be over, by a clock that is right again")


def test_rubbish_and_a_repeated_word_change_nothing_and_stop_nobody(place: Place, send: Send, car: Vehicle) -> None:
    for payload in (
        b"",
        b"{",
        b"[]",
        b'{"mode": "asleep", "time_us": 1}',
        b"\xff",
        b'{"time_us": 1, "mode": "manual", "reason": "\\u0000"}',
    ):
        car.say(payload=payload)
    at_us = car.say("assisted", cause="planned")
    car.say("manual", at_us=at_us - S)
    car.say("assisted", at_us=at_us)
    until(lambda: state(send, "car")["mode"] == "assisted", 5, "the last good word")
    before = len(events(send, "car"))
    car.say("automated", cause="driver")
    until(lambda: state(send, "car")["mode"] == "automated", 5, "what comes after")
    assert len(events(send, "car")) == before + 1


def test_what_was_missed_is_read_from_what_was_stored_and_a_silent_vehicle_alarms(
    place: Place, send: Send, robot: Vehicle, streams: None
) -> None:
    """The registry was away when the robot said this; and nothing was heard of it since."""
    now_us = time.time_ns() // 1000
    words = [(now_us - 50 * S, "automated", None), (now_us - 45 * S, "remote", "system"), (now_us - 40 * S, "remote", None)]
    for at_us, mode, cause in words:
        reported(place, "robot", at_us, mode, cause)
    until(lambda: state(send, "robot"), 15, "its state")
    assert state(send, "robot")["mode"] == "remote"
    assert [event["what"] for event in events(send, "robot")] == ["disengagement"]
    until(lambda: alarms(place, "robot") == {"disengagement", "vehicle-silent"}, 5, "the alarm that it is silent")
    robot.say("automated", cause="operator")
    until(lambda: alarms(place, "robot") == set(), 5, "them to be over")
    kinds = send("GET", "vehicles", params={"kind": "delivery robot"})
    assert [row["vehicle"] for row in kinds] == ["robot"]


def test_a_deleted_vehicle_is_forgotten_and_its_device_speaks_for_its_next_one_only_from_then_on(
    place: Place, client: Client, send: Send, streams: None
) -> None:
    """What was said of the first vehicle comes after the move, and after it is deleted; another vehicle is supervised on."""
    for name in ("sold", "bought"):
        client.add_devices([NewDevice(device_id=name, kind=Kind.VEHICLE, site_id=SITE, credential=False)])
    for name, vehicle in (("mover", "sold"), ("witness", None)):
        client.add_devices([NewDevice(device_id=name, kind=Kind.OBU, site_id=SITE, on_vehicle=vehicle)])
    now_us = time.time_ns() // 1000
    for name in ("mover", "witness"):
        reported(place, name, now_us - 19 * S, "automated")
    until(lambda: state(send, "sold") and state(send, "witness"), 15, "their states")
    reported(place, "mover", time.time_ns() // 1000, "manual", "system")
    client.people("PATCH", "devices", "mover", json={"on_vehicle": "bought"}, headers={"If-Match": "*"})
    client.people("DELETE", "devices", "sold")
    until(lambda: alarms(place, "witness") == {"vehicle-silent"}, 30, "the witness to be silent")
    assert state(send, "sold") == state(send, "bought") == {}
    assert events(send, "bought") == []
    assert alarms(place, "bought") == set()
    reported(place, "mover", time.time_ns() // 1000, "assisted", "driver")
    until(lambda: state(send, "bought"), 15, "what is said from then on")
    assert (state(send, "bought")["mode"], events(send, "bought")) == ("assisted", [])


def test_a_vehicle_of_which_nothing_can_be_said_keeps_no_other(place: Place, send: Send, car: Vehicle, robot: Vehicle) -> None:
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE register.alarm ADD CONSTRAINT taste CHECK (subject <> 'robot') NOT VALID")
        for vehicle in (robot, car):
            vehicle.say("automated")
            vehicle.say("manual", cause="system")
        until(lambda: alarms(place, "car") == {"disengagement"}, 5, "the alarm")
        until(lambda: state(send, "robot")["mode"] == "manual", 5, "what the other one says")
        assert alarms(place, "robot") == set()
        connection.execute("ALTER TABLE register.alarm DROP CONSTRAINT taste")
    until(lambda: alarms(place, "robot") == {"disengagement"}, 5, "it to be said when it can be")
    for vehicle in (robot, car):
        vehicle.say("automated", cause="driver")
    until(lambda: alarms(place, "car") | alarms(place, "robot") == set(), 5, "them to be over")


def test_the_streams_around_an_event_are_kept_whatever_becomes_of_them(
    place: Place, client: Client, send: Send, car: Vehicle, streams: None, tmp_path: Path
) -> None:
    client.add_devices(
        [
            NewDevice(device_id=name, kind=kind, site_id=SITE)
            for name, kind in (("other", Kind.OBU), ("rsu", Kind.RSU), ("light", Kind.SIGNAL))
        ]
    )
    at_us = time.time_ns() // 1000 - 40 * S
    times = [at_us + n * S // 10 for n in range(-350, 350)]
    own = {"vehicle_id": 7, "latitude_deg": LATITUDE, "longitude_deg": LONGITUDE, "elevation_m": 245.0, "speed_mps": 5.0}
    stored(place, BSM, times, device_key(place, "car-obu"), **own, heading_deg=90.0)
    stored(place, BSM, times[::2], device_key(place, "other"), **own | {"vehicle_id": 8, "longitude_deg": LONGITUDE + 0.002})
    stored(place, BSM, times, device_key(place, "other"), **own | {"vehicle_id": 9, "longitude_deg": LONGITUDE + 0.02})
    stored(place, SPAT, times[::5], device_key(place, "rsu"), intersection_id=3)
    stored(place, SPAT, times[::10], device_key(place, "light"), intersection_id=4)
    stored(place, TELEMETRY, times[::10], device_key(place, "car"), speed_mps=5.0, mileage_m=8000.0)
    when = datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).isoformat()
    marked = send("POST", "events", json={"vehicle": "car", "time": when, "reason": "hard braking"})
    assert marked["capture"] == "pending"
    number = str(marked["event_id"])
    until(lambda: send("GET", "events", number)["capture"] == "kept", 20, "the capture")
    with psycopg.connect(place.database_url) as connection:
        connection.execute("DELETE FROM stream.bsm")
        connection.execute("DELETE FROM stream.spat")
    written = tmp_path / "event.mcap"
    told = chelu(place, "supervision", "capture", number, "--site", SITE, "-o", str(written))
    assert told.returncode == 0, told.stderr
    with written.open("rb") as file:
        reader = make_reader(file)
        summary = reader.get_summary()
        assert summary is not None
        schemas = {channel.topic: summary.schemas[channel.schema_id].name for channel in summary.channels.values()}
        messages = list(reader.iter_messages())
    count = Counter(channel.topic for _, channel, _ in messages)
    assert count == {
        "/vehicles/car-obu/location": 600,
        "/vehicles/other/location": 300,
        "/scene": 900,
        "/chelu/bsm": 900,
        "/chelu/spat": 180,
        "/chelu/telemetry": 60,
        "/events": 1,
    }, "what was far away, or longer than half a minute before or after, is not in it"
    assert schemas["/vehicles/car-obu/location"] == "foxglove.LocationFix"
    assert schemas["/scene"] == "foxglove.SceneUpdate"
    assert schemas["/events"] == "foxglove.Log"
    stamps = [message.log_time for _, _, message in messages]
    assert stamps == sorted(stamps)
    fix = json.loads(next(message.data for _, channel, message in messages if channel.topic == "/vehicles/car-obu/location"))
    assert (fix["latitude"], fix["longitude"], fix["position_covariance_type"]) == (LATITUDE, LONGITUDE, 0)
    said = json.loads(next(message.data for _, channel, message in messages if channel.topic == "/events"))
    assert said["message"] == "car: marked by hand (hard braking)"
    with pytest.raises(RefusedError, match="an instant that is not marked yet"):
        send("POST", "events", json={"vehicle": "car", "time": when})


def test_an_event_without_rows_has_no_capture_and_says_so(send: Send, robot: Vehicle, streams: None) -> None:
    when = datetime.datetime.fromtimestamp(time.time() - 3000, datetime.UTC).isoformat()
    marked = send("POST", "events", json={"vehicle": "robot", "time": when})
    until(lambda: send("GET", "events", str(marked["event_id"]))["capture"] == "nothing", 10, "it to be looked for")
    with pytest.raises(RefusedError, match=r"there is no capture of event '\d+ \(nothing\)'"):
        send("GET", "events", str(marked["event_id"]), "capture")
    for body, text in (
        ({"vehicle": "nobody"}, "vehicle = nobody is not allowed"),
        ({"vehicle": "robot", "time": "2020-01-01T00:00:00Z"}, "time = .* is not allowed"),
        ({"vehicle": "robot", "time": "2036-01-01T00:00:00Z"}, "time = .* is not allowed"),
        ({"vehicle": "robot", "time": "2036-01-01T00:00:00"}, "time = .* is not allowed"),
    ):
        with pytest.raises(RefusedError, match=text):
            send("POST", "events", json=body)


def test_a_month_adds_up_by_team_in_the_sites_own_time(place: Place, send: Send, car: Vehicle, robot: Vehicle) -> None:
    """Spans put in by hand around the month's ends in Shanghai: 2026-05 begins there at 16:00 UTC of April 30."""
    spans = [
        ("car", "2026-04-30 15:00Z", "2026-04-30 17:00Z", "automated", 20_000.0),
        ("car", "2026-05-10 00:00Z", "2026-05-10 03:00Z", "manual", 60_000.0),
        ("car", "2026-05-31 15:30Z", "2026-05-31 16:30Z", "automated", 10_000.0),
        ("robot", "2026-05-10 00:00Z", "2026-05-10 02:00Z", "automated", None),
        ("robot", "2026-05-11 00:00Z", "2026-05-11 02:00Z", "off", 0.0),
    ]
    with psycopg.connect(place.database_url) as connection:
        for vehicle, starts, ends, mode, metres in spans:
            key = device_key(place, vehicle)
            row = (key, starts, ends, mode, metres)
            connection.execute("INSERT INTO register.mode_span VALUES (%s, %s, %s, %s, %s)", row)
        connection.execute(
            """INSERT INTO register.vehicle_event (site_id, device_key, vehicle, team, time, what, capture_due)
                VALUES (%s, %s, 'car', 'crew', '2026-05-10 01:00Z', 'disengagement', now() + interval '1 day')""",
            (SITE, device_key(place, "car")),
        )
    start_us = int(datetime.datetime(2026, 5, 10, tzinfo=datetime.UTC).timestamp() * S)
    stored(place, TELEMETRY, [start_us + n * 10 * S for n in range(720)], device_key(place, "robot"), speed_mps=2.0)
    (team,) = send("GET", "months", "2026-05")["teams"]
    lines = {vehicle["vehicle"]: vehicle for vehicle in team["vehicles"]}
    assert lines["car"]["hours"] == {"automated": 1.5, "manual": 3.0}
    assert lines["car"]["kilometres"] == {"automated": 15.0, "manual": 60.0}
    assert (lines["robot"]["hours"], lines["robot"]["sources"]) == ({"automated": 2.0}, ["odometer", "telemetry"])
    assert lines["robot"]["kilometres"]["automated"] == pytest.approx(14.4, rel=0.01)
    assert team["events"] == {"disengagement": 1}
    assert team["automated_km_per_disengagement"] == pytest.approx(29.4, rel=0.01)
    told = chelu(place, "supervision", "month", "2026-05", "--site", SITE, "--csv")
    rows = list(csv.DictReader(io.StringIO(told.stdout)))
    assert [(row["vehicle"], row["automated h"]) for row in rows] == [
        ("car", "1.5"),
        ("robot", "2.0"),
        ("all of the team", "3.5"),
    ]
    assert send("GET", "months", "2025-01")["teams"] == []
    for month in ("2026-13", "May", "2026-5"):
        with pytest.raises(RefusedError, match=r"month = .* is not allowed: a month as YYYY-MM"):
            send("GET", "months", month)
