"""Maps on a real registry, database and broker: kept with their files, valid one at a time, sent to units, compared."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chelu.api import Client, NewDevice
from chelu.codec import cv2x
from chelu.errors import RefusedError
from chelu.geo import LocalFrame
from chelu.roads.comparing import compare
from chelu.roads.opening import open_roads
from chelu.topics import Kind
from services.registry.maps.reading import exported
from tests.integration.registry.conftest import KEY, SITE, Place, chelu
from tests.integration.registry.fix_at_broker import MakeUnit, Send, registry_account, send, unit_hearing
from tests.unit.roads.lanelet2_files import crossing_with_lights, file_of
from tests.unit.roads.made import star
from tests.waiting import until

__all__ = ["registry_account", "send", "unit_hearing"]

DISTRICT = Path(__file__).parents[3] / "simulators" / "data" / "district.net.xml.gz"
BYTES = {"Content-Type": "application/octet-stream"}
NOW = datetime.datetime.now(datetime.UTC)
MESSAGE = """CREATE SCHEMA IF NOT EXISTS stream; CREATE TABLE IF NOT EXISTS stream.message (
    time timestamptz NOT NULL, device_key integer NOT NULL, kind text NOT NULL, value jsonb)"""


def net(*, rise: float = 0.0, groups: int = 2) -> bytes:
    return star([(0.0, 1, 1, rise), (180.0, 1, 1, 0.0)], groups=groups).encode()


def put(send: Send, content: bytes, name: str, **query: str) -> dict[str, Any]:
    return dict(send("POST", "maps", content=content, headers=BYTES, params={"file": name, **query}))


@pytest.fixture(scope="module")
def frame(client: Client) -> LocalFrame:
    site = client.site(SITE)
    return LocalFrame(site.latitude_deg, site.longitude_deg, site.elevation_m)


@pytest.fixture
def unit(unit_hearing: MakeUnit, frame: LocalFrame) -> MakeUnit:
    place = {"latitude_deg": frame.latitude_deg, "longitude_deg": frame.longitude_deg}
    return lambda name, **fields: unit_hearing("map/down", name, **{**place, **fields})


def order_of(client: Client, dispatch: int) -> dict[str, Any]:
    (order,) = client.people("GET", "dispatches", str(dispatch), "orders")["orders"]
    return dict(order)


def test_a_map_is_kept_with_its_file_and_what_is_doubtful_in_it(client: Client, send: Send) -> None:
    content = gzip.compress(net(rise=1.0).replace(b'width="3.5"', b'width="1.9"', 1), mtime=0)
    made = put(send, content, "first.net.xml.gz", note="survey of May")
    assert (made["format"], made["lanes"], made["ways"], made["signals"], made["is_valid"]) == ("sumo", 4, 2, 1, False)
    assert made["sha256"] == hashlib.sha256(content).hexdigest()
    assert made["counts"] == {"narrow lane": 1}
    assert made["findings"] == [{"kind": "narrow lane", "element": "lane in0_0", "what": "it is 1.90 m wide"}]
    assert b"".join(client.pieces(f"/api/sites/{SITE}/maps/{made['version']}/file")) == content
    with pytest.raises(RefusedError, match=r"version 1 is the same"):
        put(send, content, "again.net.xml")
    entries = list(client.audit(what="map"))
    assert (entries[-1]["after"]["file"], entries[-1]["action"]) == ("first.net.xml.gz", "insert")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<net><edge", "broken.xml:1: not XML"),
        (b"\x1f\x8bnothing", "a whole gzip file"),
        (b"", "it is required"),
        (b"  ", "the file is empty"),
        (b'<net><connection from="a" fromLane="0" to="b" toLane="0"/></net>', "/net/connection: it leads from the lane a_0"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reader_s_words(send: Send, content: bytes, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        put(send, content, "broken.xml")


def test_one_version_is_valid_at_an_instant_and_what_was_planned_is_kept(client: Client, send: Send) -> None:
    one, two, three = (put(send, net(rise=rise), f"{rise}.net.xml")["version"] for rise in (2.0, 3.0, 4.0))
    later, latest = (NOW + datetime.timedelta(days=days) for days in (1, 2))

    def plan() -> list[int | None]:
        return [it["version"] for it in send("GET", "map-plan")]

    send("POST", "maps", str(one), "activate", json={})
    assert [it["version"] for it in send("GET", "maps") if it["is_valid"]] == [one]
    send("POST", "maps", str(two), "activate", json={"valid_from": later.isoformat()})
    assert plan() == [one, two]
    found = send(
        "POST", "maps", str(three), "activate", json={"valid_from": later.isoformat(), "valid_until": latest.isoformat()}
    )
    assert [it["version"] for it in found][-2:] == [three, two]
    assert datetime.datetime.fromisoformat(found[-1]["since"]) == latest
    with pytest.raises(RefusedError, match=r"valid_from = .* is not allowed: an instant to come"):
        send("POST", "maps", str(two), "activate", json={"valid_from": "2020-01-01T00:00:00Z"})
    with pytest.raises(RefusedError, match=r"no map version"):
        send("POST", "maps", "999", "activate", json={})
    assert [it["version"] for it in send("GET", "maps") if it["is_valid"]] == [one]


def test_a_map_comes_out_in_other_formats(client: Client, send: Send, frame: LocalFrame, tmp_path: Path) -> None:
    content = file_of(*crossing_with_lights())
    version = put(send, content, "crossing.osm")["version"]
    own = open_roads(content, "crossing.osm", origin=frame).network
    for name in ("geojson", "hex", "json", "uper", "zip", "osm"):
        target = tmp_path / f"out.{name}"
        done = chelu_map("export", str(version), str(target), "--site", SITE, client=client)
        how = ", the file as it was given (.osm is none of .uper .hex .json .geojson .zip)" if name == "osm" else ""
        assert done == f"{target}: {target.stat().st_size} bytes{how}\n"
        if name == "osm":
            assert target.read_bytes() == content
        elif name == "zip":
            with zipfile.ZipFile(target) as archive:
                assert sorted(archive.namelist()) == [f"map.{part}.xml" for part in ("con", "edg", "nod", "tll")]
        else:
            again = open_roads(target.read_bytes(), name, origin=frame)
            assert compare(own, again.network, (frame, again.frame)).kept["lane"][0] == (9 if name == "geojson" else 6)
    assert exported(own, frame, "geojson") == (tmp_path / "out.geojson").read_bytes()


def chelu_map(*arguments: str, client: Client) -> str:
    done = chelu(PLACES[0], "map", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


PLACES: list[Place] = []


@pytest.fixture(autouse=True)
def _here(place: Place) -> None:
    PLACES[:] = [place]


def test_units_are_sent_their_part_once_and_their_answers_count(client: Client, send: Send, unit: MakeUnit) -> None:
    version = put(send, net(rise=6.0), "pushed.net.xml")["version"]
    near, far = unit("map-near"), unit("map-far", latitude_deg=30.5)
    assert far.told == []
    pushed = send("POST", "maps", str(version), "push", json={"units": ["map-near", "map-far"]})
    away, part = pushed["units"]
    assert (away["device_id"], away["is_sent"], away["e_tag"]) == ("map-far", False, None)
    assert away["why"] == "no node that a road leads to, and that fits into a frame, is within its 500 m"
    assert (part["device_id"], part["nodes"], part["beyond"], part["is_sent"]) == ("map-near", [1, 2, 3], 0, True)
    sent = near.wait(1)
    assert hashlib.sha256(sent).hexdigest() == part["e_tag"]
    assert len(cv2x.to_json(sent)["nodes"]) == 3
    near.say("map/down/ack", {"errorCode": 0, "eTag": part["e_tag"]})
    dispatch = pushed["dispatch"]["dispatch_id"]
    until(lambda: order_of(client, dispatch)["state"] == "applied", 10, "the order to be applied")
    near.say("info/up", {"config": {"mapConfig": {"mapSlice": part["map_slice"], "eTag": part["e_tag"]}}})

    def again(*, force: bool) -> Any:
        return send("POST", "maps", str(version), "push", json={"units": ["map-near"], "is_forced": force})

    until(lambda: again(force=False)["dispatch"] is None, 10, "the unit's tag to be known")
    assert again(force=False)["units"][0]["why"] == "it says that it has it"
    assert again(force=True)["dispatch"]["devices"] == 1
    with pytest.raises(RefusedError, match=r"no roadside unit of the site that may be told something 'nobody'"):
        send("POST", "maps", str(version), "push", json={"units": ["nobody"]})


def test_a_unit_that_takes_no_frames_is_not_sent_one_and_not_held_to_it(client: Client, send: Send, frame: LocalFrame) -> None:
    unit = NewDevice(device_id="map-open", kind=Kind.RSU, site_id=SITE, serial="R7", profile="openv2x")
    client.add_devices([replace(unit, latitude_deg=frame.latitude_deg, longitude_deg=frame.longitude_deg)])
    version = put(send, net(rise=19.0), "open.net.xml")["version"]
    for force in (False, True):
        pushed = send("POST", "maps", str(version), "push", json={"units": ["map-open"], "is_forced": force})
        assert (pushed["dispatch"], pushed["units"][0]["is_sent"]) == (None, False)
    assert pushed["units"][0]["why"] == "it takes no frames, being of profile openv2x"
    assert "map-open" not in [one["device_id"] for one in send("GET", "map-units")]
    client.delete_device("map-open")


def test_of_two_pushes_at_once_the_later_takes_the_other_s_place(
    client: Client, send: Send, unit: MakeUnit, place: Place
) -> None:
    unit("map-twice")  # and answers nothing
    versions = [put(send, net(rise=rise), f"at-once-{rise}.net.xml")["version"] for rise in (31.0, 32.0)]
    waits = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
        AND (query LIKE 'INSERT INTO register.device_order%' OR query LIKE '%''chelu maps''%')"""

    def push(version: int) -> None:
        with Client(place.url, KEY) as own:
            own.people("POST", "sites", SITE, "maps", str(version), "push", json={"units": ["map-twice"]})

    with (
        psycopg.connect(place.database_url) as connection,
        psycopg.connect(place.database_url, autocommit=True) as seeing,
        ThreadPoolExecutor(2) as pool,
    ):
        connection.execute("LOCK TABLE register.device_order IN EXCLUSIVE MODE")
        pushes = [pool.submit(push, version) for version in versions]
        until(lambda: seeing.execute(waits).fetchone() == (2,), 10, "both to be under way")
        connection.rollback()
        for each in pushes:
            each.result(timeout=30)
    states = [order["state"] for order in client.people("GET", "devices", "map-twice", "orders")]
    assert len(states) == 2
    assert states.count("superseded") == 1, "else both would be sent again and again, in turn"


def test_a_map_that_no_message_holds_is_kept_and_neither_sent_nor_compared_but_refused_by_name(
    send: Send, unit: MakeUnit
) -> None:
    unit("map-crowded")
    crowded = star([(20.0 * arm, 1, 1, 0.0) for arm in range(18)], groups=0).encode()
    version = put(send, crowded, "crowded.net.xml")["version"]
    too_much = r"\(ways on from lane in0_0 = 17 is outside 0 … 16\)"
    says = rf"version = {version} is not allowed: a map that MAP messages can hold {too_much}"
    with pytest.raises(RefusedError, match=says):
        send("POST", "maps", str(version), "push", json={"units": ["map-crowded"]})
    send("POST", "maps", str(version), "activate", json={})
    with pytest.raises(RefusedError, match=says):
        send("GET", "map-units")


def test_what_a_unit_is_heard_to_send_is_compared_with_the_valid_map(send: Send, unit: MakeUnit, place: Place) -> None:
    version = put(send, net(rise=7.0), "heard.net.xml")["version"]
    send("POST", "maps", str(version), "activate", json={})
    told = unit("map-heard")
    (part,) = send("POST", "maps", str(version), "push", json={"units": ["map-heard"]})["units"]

    def mine() -> dict[str, Any]:
        return next(it for it in send("GET", "map-units") if it["device_id"] == "map-heard")

    assert mine()["differences"] == ["it has not been heard to send a MAP lately"]
    said = cv2x.to_json(told.wait(1))
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(MESSAGE)
        hear = """INSERT INTO stream.message (time, device_key, kind, value)
            SELECT now(), device_key, 'map', %s FROM register.device WHERE device_id = 'map-heard'"""
        connection.execute(hear, (json.dumps(said),))
        assert (mine()["differences"], mine()["nodes"], mine()["e_tag"]) == ([], [1, 2, 3], part["e_tag"])
        same = send("POST", "maps", str(version), "push", json={"units": ["map-heard"]})
        assert (same["dispatch"], same["units"][0]["why"]) == (None, "it is heard to send it")
        said["nodes"][0]["in_links"][0]["lanes"][0]["connects_to"][0]["phase_id"] = 9
        connection.execute(hear, (json.dumps(said),))
        (difference,) = mine()["differences"]
        assert difference.endswith("is sent under phase 9, and should be under 1")
        slow = put(send, net(rise=7.0).replace(b'speed="13.9"', b'speed="8.3"'), "slow.net.xml")["version"]
        said["nodes"][0]["in_links"][0]["lanes"][0]["connects_to"][0]["phase_id"] = 1
        connection.execute(hear, (json.dumps(said),))
        other = send("POST", "maps", str(slow), "push", json={"units": ["map-heard"]})
        assert other["units"][0]["is_sent"], "it is heard to send the same roads with other limits"
        said["nodes"][0]["in_links"][0]["lanes"][0]["connects_to"][0]["phase_id"] = 9
        connection.execute(hear, (json.dumps(said),))
        done = chelu(place, "map", "diff", "map-heard", "--site", SITE)
        assert (done.returncode, f"map-heard: {difference}" in done.stdout) == (1, True)
        connection.execute("DROP SCHEMA stream CASCADE")


def test_a_unit_that_starts_anew_is_sent_its_map_again_unless_it_says_that_it_has_it(
    client: Client, send: Send, unit: MakeUnit, place: Place
) -> None:
    version = put(send, net(rise=9.0), "again.net.xml")["version"]
    told = {name: unit(name) for name in ("map-forgets", "map-keeps")}

    def started(start: str) -> None:
        for each in told.values():
            each.say("state", {"state": "online", "start_id": start})
        query = "SELECT count(*) FROM register.unit_start WHERE start_id = %s"
        with psycopg.connect(place.database_url, autocommit=True) as connection:
            until(lambda: connection.execute(query, (start,)).fetchone() == (len(told),), 10, "their starts to be known")

    def due() -> int:
        with psycopg.connect(place.database_url, autocommit=True) as connection:
            row = connection.execute("SELECT count(*) FROM register.unit_start WHERE map_due IS NOT NULL").fetchone()
            return int(row[0]) if row else -1

    started("a")
    parts = send("POST", "maps", str(version), "push", json={"units": list(told)})["units"]
    for each in told.values():
        each.answer(each.wait(1))
    until(lambda: due() == 0, 10, "their first starts to be dealt with")
    sent = {name: len(each.told) for name, each in told.items()}
    started("b")
    told["map-keeps"].say("info/up", {"config": {"mapConfig": {"eTag": parts[1]["e_tag"]}}})
    again = told["map-forgets"].wait(sent["map-forgets"] + 1)
    assert hashlib.sha256(again).hexdigest() == parts[0]["e_tag"]
    told["map-forgets"].answer(again)
    assert due() == 0
    assert len(told["map-keeps"].told) == sent["map-keeps"]
    newest = client.people("GET", "dispatches", params={"limit": 1})["dispatches"][0]
    assert (newest["topic"], newest["devices"], newest["actor"]) == ("map", 1, "registry")


def test_what_a_site_drives_on_is_its_valid_map_and_nothing_else(client: Client, send: Send, place: Place) -> None:
    version = put(send, file_of(*crossing_with_lights()) + b"<!-- driven -->", "driven.osm")["version"]
    send("POST", "maps", str(version), "activate", json={})
    drawn = client.people("GET", "sites", SITE, "roads", "drawing")
    assert (drawn["is_map"], drawn["version"], len(drawn["lanes"]["width_m"])) == (True, version, 9)
    with pytest.raises(RefusedError, match=rf"the site drives on its map, version {version}, which is lanelet2"):
        client.roads(SITE)
    with pytest.raises(RefusedError, match=rf"the site drives on its map, version {version}; wanted is a new version of its map"):
        client.put_roads(SITE, gzip.compress(net().replace(b"<net>", b'<net version="1.20">')))
    sumo = put(send, net(rise=11.0), "driven.net.xml")["version"]
    send("POST", "maps", str(sumo), "activate", json={})
    assert gzip.decompress(client.roads(SITE)) == net(rise=11.0)
    event = send("POST", "road-events", json={"sort": "sign", "code": 85, "lane": "in0_0", "units": [unit_of(send)]})
    assert event["way"] == "in0_0"


def unit_of(send: Send) -> str:
    return str(send("GET", "map-units")[0]["device_id"])


def test_a_map_of_several_frames_becomes_several_files(client: Client, send: Send, frame: LocalFrame, tmp_path: Path) -> None:
    version = put(send, DISTRICT.read_bytes(), "district.net.xml.gz")["version"]
    said = chelu_map("export", str(version), str(tmp_path / "out.uper"), "--site", SITE, client=client).splitlines()
    files = [tmp_path / f"out.{number}.uper" for number in range(1, len(said) + 1)]
    assert said == [f"{file}: {file.stat().st_size} bytes" for file in files]
    assert len(files) > 1
    assert max(file.stat().st_size for file in files) <= 8188
    own = open_roads(DISTRICT.read_bytes(), "district", origin=frame).network
    again = open_roads(b"\n".join(file.read_bytes().hex().encode() for file in files), "out.hex", origin=frame)
    kept = compare(own, again.network, (frame, again.frame)).kept
    assert kept["lane"][0] == 274 - 10


def test_the_commands_do_so(place: Place, send: Send, tmp_path: Path) -> None:
    file = tmp_path / "typed.net.xml"
    file.write_bytes(net(rise=8.0))
    added = chelu(place, "map", "add", str(file), "--site", SITE, "--activate", "--note", "as built")
    assert added.returncode == 0, added.stderr
    assert ["is_valid", "yes"] in [line.split() for line in added.stdout.splitlines()]
    listed = chelu(place, "map", "list", "--site", SITE)
    (line,) = [line for line in listed.stdout.splitlines() if "typed.net.xml" in line]
    version = line.split()[0]
    assert line.split()[1] == "yes"
    plan = chelu(place, "map", "activate", version, "--site", SITE, "--until", "2036-01-01T00:00:00")
    assert plan.returncode == 0, plan.stderr
    assert "2035-12-31" in plan.stdout
    shown = chelu(place, "map", "show", version, "--site", SITE)
    assert "as built" in shown.stdout
    pushed = chelu(place, "map", "push", version, "--site", SITE)
    assert pushed.returncode == 0, pushed.stderr
    (tmp_path / "empty").touch()
    empty = chelu(place, "map", "add", str(tmp_path / "empty"), "--site", SITE)
    assert empty.stderr == f"chelu: FILE = '{tmp_path / 'empty'}' is not allowed: a file that is not empty\n"
    nobody = chelu(place, "map", "diff", "nobody", "--site", SITE)
    assert "a roadside unit of" in nobody.stderr
