"""Rules on a whole site: what a roadside unit hears on the air goes up by its agent, and what the rule says comes back to it.

A car drives north on the roads of `tests.unit.inference.signal_roads`; a rule is what the roadside says meanwhile, and what must
come of it. Another rule is a line in `RULES`.
"""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.messages import BSM, filled
from services.inference.signals import Light
from simulators.map_message import map_frames
from tests.e2e.conftest import PLACE, RSU, AgentProcess, Running, received
from tests.unit.inference.signal_roads import STOP_C, Shown, at, spat, town, town_file
from tests.waiting import until

FRAME = LocalFrame(PLACE["latitude_deg"], PLACE["longitude_deg"], PLACE["elevation_m"])
CAR, SPEED_MPS, PERIOD_S = 0xA1, 14.0, 0.1
Says = Callable[[float, int], list[bytes]]  # frames at t seconds, and that instant in µs


@dataclass(frozen=True, slots=True)
class Rule:
    """metres: from the car to the stop line at t = 0; lasts_s: how long it drives."""

    application: str
    says: Says
    metres: float
    lasts_s: float
    kind: str
    level: int


def signals(shown: Shown) -> Says:
    """The town's signals under the numbers 40 and 41, which only their MAPs tell."""
    maps = map_frames(town(), FRAME, {"c": 40, "d": 41})

    def says(t: float, now_us: int) -> list[bytes]:
        rows = spat(at(shown, t), now_us)
        frames = cv2x.encode_spat(rows.with_columns(frame=np.zeros(len(rows), np.int64)))
        return [*(maps if round(t / PERIOD_S) % 10 == 0 else []), *(frames.frame(row) for row in range(len(frames)))]

    return says


def spot(north: float) -> dict[str, Any]:
    """A place on the car's road."""
    latitude, longitude, _ = FRAME.to_geodetic(np.array([[0.0, north, 0.0]]))
    return {"offset_ll": {"position-LatLon": {"longitude_deg": float(longitude[0]), "latitude_deg": float(latitude[0])}}}


def information(**told: list[dict[str, Any]]) -> Says:
    """An RSI of these events (`rtes`) or signs (`rtss`), once a second."""
    place = {"latitude_deg": FRAME.latitude_deg, "longitude_deg": FRAME.longitude_deg}
    document = {"message": "rsi", "message_count": 0, "rsu_id": "00" * 8, "reference_position": place, **told}
    frame = cv2x.from_json(document)
    return lambda t, now_us: [frame] if round(t / PERIOD_S) % 10 == 0 else []


ALONG = {"reference_paths": [{"active_path": [spot(STOP_C - 200), spot(STOP_C + 150)], "path_radius_m": 5.0}]}
HAZARD = {"rte_id": 1, "event_type": 401, "event_source": "detection", "event_pos": spot(STOP_C + 20), "event_radius_m": 5.0}
JAM = {"rte_id": 2, "event_type": 707, "event_source": "detection", "event_pos": spot(STOP_C + 30), "event_radius_m": 5.0}
LIMIT = {"rts_id": 1, "sign_type": 85, "description": {"textString": "40"}, **ALONG}
WORKS = {"rts_id": 2, "sign_type": 38, **ALONG}

RULES = (
    Rule("svw", signals({(40, 1): [(Light.RED, 0, 60)]}), 70.0, 4.5, "stop line", 1),
    Rule("hlw", information(rtes=[HAZARD]), 90.0, 3.0, "event", 1),
    Rule("tjw", information(rtes=[JAM]), 90.0, 3.0, "event", 1),
    Rule("slw", information(rtss=[LIMIT]), 60.0, 3.0, "sign", 1),
    Rule("ivs", information(rtss=[WORKS]), 60.0, 3.0, "sign", 1),
    Rule("glosa", signals({(40, 1): [(Light.RED, 0, 22), (Light.PROTECTED_GREEN, 22, 50)]}), 240.0, 3.0, "stop line", 0),
)


@pytest.fixture(autouse=True)
def _roads(running: Running) -> None:
    """The town's, before anybody speaks."""
    running.client.put_roads("hillside", gzip.compress(town_file()))


def car(north: float, now_us: int) -> bytes:
    """The car's BSM."""
    latitude, longitude, elevation = FRAME.to_geodetic(np.array([[0.0, north, 0.0]]))
    names = ("acceleration_longitudinal_mps2", "acceleration_lateral_mps2", "acceleration_vertical_mps2", "yaw_rate_dps")
    batch = filled(
        BSM, 1, time_us=np.array([now_us]), sec_mark_ms=np.array([now_us // 1000 % 60_000], np.uint16),
        vehicle_id=np.array([CAR], np.uint64), latitude_deg=latitude, longitude_deg=longitude, elevation_m=elevation,
        speed_mps=np.array([SPEED_MPS]), heading_deg=np.zeros(1), length_m=np.array([4.6]), width_m=np.array([1.8]),
        **{name: np.zeros(1) for name in names}, transmission=np.full(1, 2, np.uint8), transmission_valid=np.ones(1, np.bool_),
        vehicle_class=np.full(1, 10, np.uint8), vehicle_class_valid=np.ones(1, np.bool_),
    )  # fmt: skip
    return cv2x.encode_bsm(batch).frame(0)


def drive(unit: AgentProcess, sink: socket.socket, rule: Rule) -> list[dict[str, Any]]:
    """The car comes as long as the rule lasts, and then speaks no more."""
    began, told, tick = time.monotonic(), list[dict[str, Any]](), 0
    while (t := time.monotonic() - began) < rule.lasts_s:
        now_us = time.time_ns() // 1000
        unit.hear([*rule.says(t, now_us), car(STOP_C - 2.3 - rule.metres + SPEED_MPS * t, now_us)])
        tick += 1
        until(lambda: time.monotonic() - began >= tick * PERIOD_S, 5, "the next tenth of a second")  # noqa: B023
        told += received(sink)
    return told


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.application)
def test_a_rule_is_told_to_whom_it_concerns_and_stored(
    running: Running, unit: AgentProcess, sink: socket.socket, rule: Rule
) -> None:
    def is_heard() -> bool:
        """The roads have reached inference, and the unit's messages with them: the car's first message is in the database."""
        unit.hear([car(STOP_C - 290.0, time.time_ns() // 1000)])
        return bool(running.client.accounts().get("bsm"))

    until(is_heard, 30, "the unit's first message to be stored")
    told = drive(unit, sink, rule)
    (raised,) = [one for one in told if one["application"] == rule.application and one["state"] == "raised"]
    assert raised["host"]["vehicle_id"] == f"{CAR:016x}"
    assert raised["host"]["device_id"] == RSU
    assert raised["other"] is None
    assert (raised["subject"]["kind"], raised["level"]) == (rule.kind, rule.level)
    assert (raised["advice"] is not None) == (rule.level == 0)
    assert raised["subject"]["latitude_deg"] == pytest.approx(PLACE["latitude_deg"], abs=0.01)

    def stored() -> list[dict[str, Any]]:
        rows = [row for row in running.client.warnings() if row["application"] == rule.application]
        return rows if {row["state"] for row in rows} >= {"raised", "cleared"} else []

    rows = until(stored, 20, "the end to be stored")
    assert {row["subject_kind"] for row in rows} == {rule.kind}
    assert {row["other_device_key"] for row in rows} == {None}
    assert {str(row["warning_id"]) for row in rows} == {raised["warning_id"]}
    if rule.application == "svw":
        explains_itself(running, raised["warning_id"])


def explains_itself(running: Running, warning_id: str) -> None:
    """The replay of a warning of a red light raises it again, and tells which line, what it shows and which limits decided."""
    explanation = json.loads(running.chelu("explain", warning_id, "--json").stdout)
    assert explanation["replay"]["verdict"] != "not_raised", explanation["replay"]["differences"]
    assert explanation["warning"]["raised"]["subject"]["light"] == "red"
    assert explanation["known"]["host"]["lane"]
    assert "reaction_s" in {one["name"] for one in explanation["known"]["margins"]}
    text = running.chelu("explain", warning_id).stdout
    assert "is warned of stop line" in text
    assert "light red" in text
