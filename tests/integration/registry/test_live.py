"""Live streams and pictures over WebSocket: a real registry, broker and database, and readers of every kind."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.sync.connection import Connection

from chelu.api import Client, Endpoint, NewDevice, Organisation, Registered
from chelu.api import Site as SiteRecord
from chelu.bus import Session
from chelu.clock import SystemClock
from chelu.codec import columns
from chelu.errors import RefusedError, UnreachableError
from chelu.live import Watch
from chelu.local.ports import LOOPBACK
from chelu.messages import BSM, Batch
from chelu.topics import Kind
from services.registry.live import BEARER, PROTOCOL
from tests.integration.registry.conftest import ACCOUNTS, KEY, SITE, AddDevice, Place
from tests.waiting import until

BARE = bytes.fromhex((Path(__file__).parents[2] / "data" / "cv2x" / "bsm_core" / "frame.hex").read_text())
TOPIC = "obu/watched/bsm/up"
BURST = 250
_names = itertools.count()


@pytest.fixture(scope="module")
def watched(add_device: AddDevice) -> Registered:
    return add_device("watched")


def session_of(port: int, user: str, password: str) -> Session:
    session = Session(f"mqtt://{user}:{password}@{LOOPBACK}:{port}", client_id=user, clock=SystemClock(), outbox_limit=50_000)
    session.start()
    session.wait_connected(10)
    return session


@pytest.fixture
def device(mosquitto_port: int, watched: Registered) -> Iterator[Session]:
    """The device that is watched, at the broker."""
    session = session_of(mosquitto_port, "watched", watched.secret or "")
    yield session
    session.stop()


@pytest.fixture
def inference(mosquitto_port: int) -> Iterator[Session]:
    """Who makes pictures."""
    session = session_of(mosquitto_port, "inference", ACCOUNTS["inference"])
    yield session
    session.stop()


@pytest.fixture
def endpoint(place: Place, client: Client) -> Endpoint:
    return Endpoint(place.url, KEY)


def make_key(client: Client, roles: list[dict[str, str | None]], team: str | None = None, **fields: object) -> tuple[str, str]:
    """A person's name and their key."""
    name = f"watcher-{next(_names)}"
    client.people("POST", "users", json={"user_name": name, "password": "a long password", "roles": roles, "team": team})
    return name, client.people("POST", "keys", json={"name": "k", "owner": name, **fields})["key"]


def rows_of(frames: Watch) -> Iterator[dict[str, Any]]:
    for frame in frames:
        assert isinstance(frame, dict)
        yield frame


def begun(rows: Iterator[dict[str, Any]], say: Callable[[], object]) -> None:
    """Speak until the first row comes, so that nothing counts before the broker has let the reader listen."""
    assert "watching" in next(rows)
    heard = threading.Event()

    def speak() -> None:
        while not heard.wait(0.02):
            say()

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        next(rows)
    finally:
        heard.set()
        thread.join()


def test_rows_come_as_they_are_said_with_the_names_of_the_read_api(endpoint: Endpoint, device: Session) -> None:
    with Watch.stream(endpoint, "bsm", ["watched"]) as frames:
        rows = rows_of(frames)
        begun(rows, lambda: device.publish(TOPIC, BARE))
        device.publish(TOPIC, BARE)
        row = next(rows)
    assert {"device_id", "arrival_us", "device_key", *(field.name for field in BSM.fields)} == set(row)
    assert row["device_id"] == "watched"
    assert 29 < row["latitude_deg"] < 30


def test_columns_hold_the_same(endpoint: Endpoint, device: Session) -> None:
    with Watch.stream(endpoint, "bsm", ["watched"], as_columns=True) as frames:
        found = iter(frames)
        assert next(found) == {"watching": {"stream": "bsm", "devices": ["watched"], "format": "columns"}}
        stop = threading.Event()
        speaking = threading.Thread(target=lambda: [device.publish(TOPIC, BARE) for _ in iter(lambda: stop.wait(0.02), True)])
        speaking.start()
        frame = next(found)
        stop.set()
        speaking.join()
    assert isinstance(frame, tuple)
    batch, header = frame
    assert header == {"stream": "bsm"}
    assert set(batch["device_id"].tolist()) == {"watched"}
    assert {field.name for field in BSM.fields} < set(batch.columns)


def test_a_slow_reader_is_thinned_and_told_while_three_fast_ones_miss_nothing(
    place: Place, endpoint: Endpoint, device: Session
) -> None:
    count = 8_000
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect((LOOPBACK, place.port))
    address = f"ws://{LOOPBACK}:{place.port}/api/live/streams/bsm?device=watched"
    slow = connect(
        address,
        sock=plain,
        additional_headers={"Authorization": f"Bearer {KEY}"},
        max_queue=1,
        compression=None,
        ping_interval=None,
    )
    fast = [Watch.stream(endpoint, "bsm", ["watched"]) for _ in range(3)]
    heard: list[list[dict[str, Any]]] = [[], [], []]
    listening = [threading.Thread(target=_collect, args=(watch, rows)) for watch, rows in zip(fast, heard, strict=True)]
    for thread in listening:
        thread.start()
    until(lambda: device.publish(TOPIC, BARE) and all(len(rows) > 1 for rows in heard), 10, "every reader to hear")
    before = [len(rows) for rows in heard]
    for said in range(0, count, BURST):  # as fast as the fast ones, who share this process, can hear
        for _ in range(BURST):
            device.publish(TOPIC, BARE)
        wanted = said + BURST
        until(lambda: all(len(rows) >= since + wanted for rows, since in zip(heard, before, strict=True)), 60, "all rows, thrice")  # noqa: B023
    assert not any("thinned" in row for rows in heard for row in rows)
    lines = [json.loads(line) for line in _lines(slow)]
    thinned = sum(line["thinned"]["rows"] for line in lines if "thinned" in line)
    got = sum("time_us" in line for line in lines)
    print(f"\nslow reader: {got} rows, {thinned} thinned; fast ones {[len(rows) for rows in heard]}")
    assert thinned > count / 10
    assert got + thinned >= count
    for watch in fast:
        watch.close()
    for thread in listening:
        thread.join(10)
    slow.close()


def _collect(watch: Watch, rows: list[dict[str, Any]]) -> None:
    with contextlib.suppress(UnreachableError):  # closed by the test
        for row in rows_of(watch):
            rows += [row]


def _lines(slow: ClientConnection) -> Iterator[str]:
    """What waits for a reader that begins to read now, until nothing more comes."""
    while True:
        try:
            frame = slow.recv(timeout=1.0)
        except TimeoutError:
            return
        assert isinstance(frame, str)
        yield from frame.splitlines()


def east_of(number: int) -> bytes:
    """A picture of a track that stands and one that has moved so far."""
    batch = Batch(
        {"slot": np.array([1, 2], np.uint32), "east_m": np.array([0, number], np.float32), "age_ms": np.zeros(2, np.float32)}
    )
    return columns.pack(batch, {"site": SITE, "time_us": number})


def table_of(page: Connection, timeout_s: float = 10) -> tuple[Batch, dict[str, Any]]:
    """The next table; what the registry says of pictures that were passed over is left out."""
    while isinstance(frame := page.recv(timeout_s), str):
        pass
    return columns.unpack(frame)


def test_a_page_is_sent_changes_as_it_takes_them_and_only_the_newest(place: Place, client: Client, inference: Session) -> None:
    address, topic = f"ws://{LOOPBACK}:{place.port}/api/live/sites/{SITE}/changes", f"site/{SITE}/picture"
    with connect(address, additional_headers={"Authorization": f"Bearer {KEY}"}) as page:
        assert json.loads(page.recv())["watching"] == {"stream": "changes", "site": SITE, "format": "columns"}
        numbers, heard = itertools.count(1), threading.Event()

        def speak() -> None:
            while not heard.wait(0.01):
                inference.publish(topic, east_of(next(numbers)))

        speaking = threading.Thread(target=speak)
        speaking.start()
        first, header = table_of(page)
        assert (first["slot"].tolist(), header["since_us"], header["gone"]) == ([1, 2], None, [])
        second, since = table_of(page)
        assert (second["slot"].tolist(), since["since_us"]) == ([2], header["time_us"])
        until(lambda: next(numbers) > 200, 30, "two hundred pictures that the page has no time for")
        heard.set()
        speaking.join()
        inference.publish(topic, east_of(-1), qos=1).wait(10)
        with pytest.raises(TimeoutError):
            table_of(page, 0.3)
        page.send(b"took one")
        newest, told = table_of(page)
        while told["time_us"] != -1:  # what was on its way to the registry
            page.send(b"took one")
            newest, told = table_of(page)
        assert (newest["slot"].tolist(), newest["east_m"].tolist()) == ([2], [-1.0])


def test_pictures_are_passed_on_as_they_are_and_a_slow_reader_gets_the_newest(
    place: Place, endpoint: Endpoint, inference: Session
) -> None:
    def picture(number: int) -> bytes:
        return columns.pack(Batch({}), {"number": number, "fill": "x" * 200_000})

    with Watch.picture(endpoint, SITE) as watch:
        frames = iter(watch)
        assert next(frames) == {"watching": {"stream": "picture", "site": SITE, "format": "columns"}}
        numbers = itertools.count()
        topic, stop = f"site/{SITE}/picture", threading.Event()

        def show() -> None:
            while not stop.wait(0.005):
                inference.publish(topic, picture(next(numbers)))

        thread = threading.Thread(target=show)
        thread.start()
        first = next(frame for frame in frames if isinstance(frame, tuple))
        until(lambda: next(numbers) > 400, 30, "four hundred pictures nobody looks at")
        stop.set()
        thread.join()
        inference.publish(topic, picture(-1), qos=1).wait(10)
        seen, dropped = [first[1]["number"]], 0
        for frame in frames:
            if isinstance(frame, dict):
                dropped += frame["thinned"]["rows"]
            else:
                seen.append(frame[1]["number"])
                if frame[1]["number"] == -1:
                    break
    assert dropped > 100
    assert seen[:-1] == sorted(seen[:-1])


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/streams/nonsense?device=watched", 404, ["stream = 'nonsense' is not allowed: one of", "bsm", "heartbeat", "warning"]),
        ("/streams/bsm", 422, ["device", "it is required"]),
        ("/streams/bsm?device=nobody", 404, ["there is no device 'nobody'"]),
        ("/streams/spat?device=watched", 422, ["one that says spat; of watched, which is of kind obu: bsm, coop, heartbeat"]),
        ("/streams/bsm?device=watched&format=xml", 422, ["format", "'ndjson' or 'columns'"]),
        ("/streams/heartbeat?device=watched&format=columns", 422, ["ndjson, since watched's heartbeat is JSON documents"]),
        ("/streams/bsm?device=watched&colour=red", 422, ["colour", "one of the parameters device, format"]),
        ("/sites/nowhere/picture", 404, ["there is no site 'nowhere'"]),
    ],
)
def test_a_refusal_names_what_is_allowed(
    endpoint: Endpoint, watched: Registered, path: str, status: int, words: list[str]
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws{endpoint.url.removeprefix('http')}/api/live{path}", additional_headers={"Authorization": f"Bearer {KEY}"})
    response = caught.value.response
    document = json.loads(response.body or b"")
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    assert all(word in document["detail"] for word in words), document
    plain = httpx.get(f"{endpoint.url}/api/live{path}", headers={"Authorization": f"Bearer {KEY}"})
    assert (plain.status_code, plain.json()["detail"]) == (status, document["detail"])


def test_without_a_key_or_the_role_nobody_watches(
    place: Place, client: Client, endpoint: Endpoint, watched: Registered, mosquitto_port: int
) -> None:
    with pytest.raises(RefusedError, match="not known, or has expired"):
        Watch.stream(Endpoint(place.url, "wrong"), "bsm", ["watched"])
    with pytest.raises(InvalidStatus) as caught:
        connect(f"ws://{LOOPBACK}:{place.port}/api/live/sites/{SITE}/picture")
    assert caught.value.response.status_code == 401
    client.add_site(SiteRecord(site_id="elsewhere", latitude_deg=0, longitude_deg=0))
    _, key = make_key(client, [{"site": SITE, "role": "viewer"}, {"site": "elsewhere", "role": "administrator"}])
    for open_ in (lambda at: Watch.stream(at, "bsm", ["watched"]), lambda at: Watch.picture(at, SITE)):
        with pytest.raises(RefusedError, match=f"needed is tester on site '{SITE}'"):
            open_(Endpoint(place.url, key))
    _, key = make_key(client, [{"site": None, "role": "tester"}], scopes=["register:read"])
    with pytest.raises(RefusedError, match="scope = register:read, needed is data:read"):
        Watch.picture(Endpoint(place.url, key), SITE)


def test_a_team_watches_and_reads_its_own_vehicles_and_no_others(
    place: Place, client: Client, watched: Registered, mosquitto_port: int
) -> None:
    client.add_organisation(Organisation(organisation_id="crew", role="vehicle team"))
    client.add_devices([NewDevice(device_id="crew-bus", kind=Kind.VEHICLE, site_id=SITE, team="crew")])
    client.add_devices([NewDevice(device_id="crew-obu", kind=Kind.OBU, site_id=SITE, on_vehicle="crew-bus")])
    name, key = make_key(client, [], team="crew")
    mine = Endpoint(place.url, key)
    with Watch.stream(mine, "bsm", ["crew-obu"]) as frames:
        assert next(iter(frames)) == {"watching": {"stream": "bsm", "devices": ["crew-obu"], "format": "ndjson"}}
    with pytest.raises(RefusedError, match="needed is tester on site"):
        Watch.stream(mine, "bsm", ["crew-obu", "watched"])
    headers = {"Authorization": f"Bearer {key}"}
    read = httpx.get(f"{place.url}/api/streams/bsm", params={"device": "crew-obu"}, headers=headers)
    assert read.status_code == 503  # let in; nothing is stored
    assert httpx.get(f"{place.url}/api/streams/bsm", params={"device": "watched"}, headers=headers).status_code == 403
    with pytest.raises(RefusedError, match="people of the team"):
        client.delete_organisation("crew")
    with pytest.raises(RefusedError, match="team = 'nobody' is not allowed: a registered vehicle team"):
        client.change_user(name, {"team": "nobody"})


def test_a_socket_ends_with_its_key_and_says_why(place: Place, client: Client, watched: Registered, mosquitto_port: int) -> None:
    tester: list[dict[str, str | None]] = [{"site": SITE, "role": "tester"}]
    name, key = make_key(client, tester)
    with Watch.stream(Endpoint(place.url, key), "bsm", ["watched"]) as frames:
        rows = iter(frames)
        next(rows)
        client.people("DELETE", "keys", name, "k")
        with pytest.raises(RefusedError, match="the API key or session has ended"):
            next(rows)
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    _, key = make_key(client, tester, expires=soon.isoformat())
    with Watch.picture(Endpoint(place.url, key), SITE) as frames, pytest.raises(RefusedError, match="key or session has ended"):
        list(frames)
    name, key = make_key(client, tester)
    with Watch.stream(Endpoint(place.url, key), "bsm", ["watched"]) as frames:
        rows = iter(frames)
        next(rows)
        client.change_user(name, {"roles": [{"site": SITE, "role": "viewer"}]})
        with pytest.raises(RefusedError, match=f"is no longer tester on {SITE}"):
            next(rows)


def test_a_reason_that_is_too_long_for_a_close_frame_is_cut(
    place: Place, client: Client, watched: Registered, mosquitto_port: int
) -> None:
    user, tester, viewer = "u" * 64, {"site": SITE, "role": "tester"}, {"site": SITE, "role": "viewer"}
    client.people("POST", "users", json={"user_name": user, "roles": [tester]})
    key = client.people("POST", "keys", json={"name": "k" * 64, "owner": user})["key"]
    with Watch.stream(Endpoint(place.url, key), "bsm", ["watched"]) as frames:
        rows = iter(frames)
        next(rows)
        client.change_user(user, {"roles": [viewer]})
        with pytest.raises(RefusedError, match=f"from now on: {user}"):
            next(rows)


def test_a_browser_gives_its_key_as_a_subprotocol(place: Place, endpoint: Endpoint, mosquitto_port: int) -> None:
    address = f"ws://{LOOPBACK}:{place.port}/api/live/sites/{SITE}/picture"
    with connect(address, subprotocols=[PROTOCOL, BEARER + KEY]) as opened:  # type: ignore[list-item]  # a NewType of str
        assert opened.subprotocol == PROTOCOL
        assert json.loads(opened.recv(timeout=10))["watching"]["site"] == SITE


def test_asked_by_plain_http_the_address_says_that_it_wants_a_websocket(endpoint: Endpoint, watched: Registered) -> None:
    headers = {"Authorization": f"Bearer {endpoint.key}"}
    for path in ("/streams/bsm?device=watched", f"/sites/{SITE}/picture"):
        answer = httpx.get(f"{endpoint.url}/api/live{path}", headers=headers)
        assert (answer.status_code, answer.headers["Upgrade"]) == (426, "websocket")


def test_the_command_prints_a_line_a_row_and_ends_when_told(place: Place, device: Session) -> None:
    command = [sys.executable, "-c", "from chelu.cli import main; main()", "watch", "bsm", "--device", "watched", "-n", "3"]
    environment = {"PATH": "/usr/bin", "CHELU_API_URL": place.url, "CHELU_API_KEY": KEY}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: device.publish(TOPIC, BARE) and process.poll() is not None, 30, "the command to end")
        out, error = process.communicate(timeout=10)
    assert process.returncode == 0, error
    assert len(out.splitlines()) == 3
    assert "watched  vehicle_id" in out
    assert "°" in out
