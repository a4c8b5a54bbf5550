"""`chelu explain` on a whole site: two vehicles meet, and their warning is found, replayed, told, drawn, and refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from chelu import api
from chelu.bus import Session
from chelu.codec import cv2x
from chelu.errors import RefusedError
from chelu.geo import LocalFrame
from chelu.store import Database, drop_before, open_series
from chelu.topics import Kind
from simulators.connection import with_account
from tests.e2e.conftest import PLACE, Running
from tests.e2e.test_roadside import connected
from tests.unit.ingest.crafted import bsm_batch
from tests.waiting import until

FRAME = LocalFrame(PLACE["latitude_deg"], PLACE["longitude_deg"], PLACE["elevation_m"])
HEADINGS = {"obu-1": 0.0, "obu-2": 90.0}
SPEED_MPS, MEET_S, PERIOD_S = 14.0, 4.0, 0.1
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def vehicles(running: Running) -> Iterator[dict[str, Session]]:
    """Two vehicles' units, registered and connected."""
    running.client.add_site(api.Site(site_id="valley", **PLACE))
    devices = [api.NewDevice(device_id=name, kind=Kind.OBU, site_id="hillside") for name in HEADINGS]
    secrets = {one.device_id: one.secret or "" for one in running.client.add_devices(devices)}
    sessions: dict[str, Session] = {}
    for name in HEADINGS:
        address = with_account(running.site.endpoints.mqtt_url, name, secrets[name])
        session = until(lambda: connected(address, name, [(f"obu/{name}/warning/down", 1)]), 15, f"{name} to be let in")  # noqa: B023
        assert session is not None
        sessions[name] = session
    yield sessions
    for session in sessions.values():
        session.stop()


def frame(number: int, heading_deg: float, left_s: float, tick: int) -> bytes:
    now_us = time.time_ns() // 1000
    away = -SPEED_MPS * left_s
    east, north = (away, 0.0) if heading_deg else (0.0, away)
    latitude, longitude, elevation = FRAME.to_geodetic(np.array([[east, north, 0.0]]))
    batch = bsm_batch(1, time_us=now_us, count=tick, speed_mps=SPEED_MPS).with_columns(
        vehicle_id=np.array([number], np.uint64), heading_deg=np.array([heading_deg]),
        latitude_deg=latitude, longitude_deg=longitude, elevation_m=elevation,
    )  # fmt: skip
    return cv2x.encode_bsm(batch).frame(0)


def drive(vehicles: dict[str, Session]) -> list[dict[str, Any]]:
    """Both towards one place, in turns every 50 ms; the warnings that they got."""
    began, told = time.monotonic(), list[dict[str, Any]]()
    for tick in range(round(MEET_S / PERIOD_S)):
        for place, (name, session) in enumerate(vehicles.items()):
            due = began + (tick + place / 2) * PERIOD_S
            while (wait := due - time.monotonic()) > 0:
                told += [json.loads(one.payload) for one in session.drain(100, wait)]
            left_s = MEET_S - (time.monotonic() - began)
            session.publish(f"obu/{name}/bsm/up", frame(place + 1, HEADINGS[name], left_s, tick))
    return told


def test_a_warning_explains_itself_from_the_database(running: Running, vehicles: dict[str, Session], tmp_path: Path) -> None:
    explained: dict[str, dict[str, Any]] = {}
    for _ in range(3):  # a machine that holds inference up evaluates at other instants than the replay does: they meet again
        told = [one for one in drive(vehicles) if one["state"] == "raised"]
        assert {one["host"]["device_id"] for one in told} == set(HEADINGS)
        raised = [one["warning_id"] for one in told]
        listed = until(lambda: _listed(running, len(explained) + len(raised)), 15, "the warnings to be stored")  # noqa: B023
        explained |= {one: _explained(running, one) for one in raised}
        assert {line.split()[0] for line in listed} == set(explained)
        said = [one["replay"] for one in explained.values()]
        if "same" in {one["verdict"] for one in said}:
            break
    assert "same" in {one["verdict"] for one in said}, [(one["verdict"], one["differences"]) for one in said]
    assert "not_raised" not in {one["verdict"] for one in said}
    _is_whole(next(one for one in explained.values() if one["replay"]["verdict"] == "same"))

    warning_id = next(iter(explained))
    text = running.chelu("explain", warning_id[:8], "--plot", str(tmp_path / "view.svg")).stdout
    for words in ("The host: motor", "The other: motor", "by obu-1", "by obu-2", "goes with probability", "Why", "Replayed from"):
        assert words in text
    assert ElementTree.parse(tmp_path / "view.svg").getroot().tag.endswith("svg")
    assert running.chelu("explain", warning_id, "--plot", str(tmp_path / "view.png")).returncode == 0
    assert (tmp_path / "view.png").read_bytes().startswith(b"\x89PNG")

    asked = running.client.people("GET", "sites", "hillside", "warnings", warning_id, "explanation")
    assert {name: asked[name] for name in ("warning", "known", "replay")} == {
        name: explained[warning_id][name] for name in ("warning", "known", "replay")
    }

    _refuses(running, ("explain", UNKNOWN), "no stored warning has the id")
    _refuses(running, ("explain", "nonsense"), "WARNING = 'nonsense' is not allowed")
    _refuses(running, ("explain", warning_id, "--site", "valley"), "is of site 'hillside', not of 'valley'")
    _refuses(running, ("explain", warning_id, "--plot", "view.gif"), "a file that ends in .svg or .png")
    _retire(running)
    _refuses(running, ("explain", warning_id), "CHELU_INGEST_KEEP_HOURS says for how long they are kept")
    with pytest.raises(RefusedError, match="CHELU_INGEST_KEEP_HOURS"):
        running.client.people("GET", "sites", "hillside", "warnings", warning_id, "explanation")


def _listed(running: Running, count: int) -> list[str]:
    lines = running.chelu("explain", "--site", "hillside").stdout.splitlines()
    return lines if len(lines) == count else []


def _explained(running: Running, warning_id: str) -> dict[str, Any]:
    result = running.chelu("explain", warning_id, "--json")
    assert result.returncode == 0, result.stderr
    explanation: dict[str, Any] = json.loads(result.stdout)
    return explanation


def _is_whole(explanation: dict[str, Any]) -> None:
    """It says what the people of a test site ask."""
    known, raised = explanation["known"], explanation["warning"]["raised"]
    assert explanation["replay"]["raised"]["time_us"] == raised["time_us"]
    assert explanation["replay"]["is_cause_stored"]
    assert known["level"] == explanation["warning"]["level"] > 0
    assert {known[side]["sources"][0]["device_id"] for side in ("host", "other")} == set(HEADINGS)
    assert all(way["probability"] > 0 and len(way["xy_m"]) == 21 for side in ("host", "other") for way in known[side]["futures"])
    assert known["view"]["first_s"] == pytest.approx(raised["ttc_s"], abs=0.1)
    assert all({"name", "value", "unit", "limit", "level"} <= set(one) for one in known["margins"])
    assert "brake_now_s" in {one["name"] for one in known["margins"]}
    assert explanation["warning"]["life"][0]["state"] == "raised"
    assert explanation["found"]


def _retire(running: Running) -> None:
    """What ingest does with rows that are older than they are kept for."""
    with Database(running.site.endpoints.database_url).connect(autocommit=True) as connection:
        series = open_series(connection, "stream.bsm")
        drop_before(connection, series, time.time_ns() // 1000 + 4 * 86_400_000_000)


def _refuses(running: Running, command: tuple[str, ...], words: str) -> None:
    result = running.chelu(*command)
    assert result.returncode == 1
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
