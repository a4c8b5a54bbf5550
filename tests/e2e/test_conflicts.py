"""Every application about two road users, from the air to the warning: agent, broker, inference and database, all at once.

Of each there are two encounters, kilometres from all others: one in which the two touch if nobody acts, or in which the other
says that something is wrong; and one that nobody must be warned of. A roadside unit hears all of them, and sees who has no radio.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chelu.codec import cv2x
from chelu.geo import LocalFrame
from chelu.messages import BSM, PARTICIPANT, Batch, Stream, filled
from evaluation.v2x.actors import Actors, film, heights, still
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.staging import LANE_M, STAGES, stage
from evaluation.v2x.truth import needs_braking, truth_of
from services.inference.reports import Event
from services.inference.v2x.catalogue import APPLICATIONS
from tests.e2e.conftest import PLACE, RSU, AgentProcess, Running, received
from tests.e2e.test_rules import RULES
from tests.waiting import until

FRAME = LocalFrame(PLACE["latitude_deg"], PLACE["longitude_deg"], PLACE["elevation_m"])
PERIOD_S, LASTS_S, APART_M = 0.1, 16.0, 1500.0
DRAWN, SEED = 60, 11
LEAST_LEAD_S = 1.0  # before contact, heard by the unit's own software, on a machine that does other things as well
FIRST_ID, RSU_ID = 0xC000, 0x5253
CAR_CLASS, EMERGENCY_CLASS, SIREN_IN_USE, INTEGRATED = 10, 60, 2, 7
NEVER_S = float("inf")


@dataclass(frozen=True, slots=True)
class Pair:
    """One encounter; its first actor is the host, the second the other. says: codes in the other's messages."""

    application: str
    actors: Actors
    contact_s: float = NEVER_S
    is_danger: bool = True
    says: dict[str, int] = field(default_factory=dict)


def drawn(application: str) -> tuple[Pair, Pair]:
    """A contact that could be avoided, and an encounter in which nobody ever has to brake, of those that the judge stages."""
    encounters = stage(application, DRAWN, SEED)
    truth, rows = truth_of(encounters), np.arange(DRAWN)
    needed = np.zeros(DRAWN, np.bool_)
    for at_s in np.arange(0.0, encounters.lasts_s, 0.5):
        needed |= needs_braking(encounters, rows, np.full(DRAWN, at_s))
    danger = int(np.argmax(truth.is_avoidable))
    peace = int(np.argmin(needed | np.isfinite(truth.contact_s)))
    return (
        Pair(application, one_of(encounters, danger), float(truth.contact_s[danger])),
        Pair(application, one_of(encounters, peace), is_danger=False),
    )


def one_of(encounters: Encounters, row: int) -> Actors:
    """The actors of one encounter, the host at the origin at t = 0."""
    actors = encounters.actors.take(np.array([encounters.rows(block)[row] for block in range(encounters.blocks)]))
    return replace(actors, start=actors.start - actors.start[0])


def told(application: str, other: Sequence[float], speeds_mps: Sequence[float], **says: int) -> tuple[Pair, Pair]:
    """The host drives north; the other, which is `other` metres (east, north) from it, says what is wrong, or does not."""
    actors = replace(still(2), start=np.array([[0.0, 0.0], other]), speed_mps=np.array(speeds_mps, np.float64))
    return Pair(application, actors, says=dict(says)), Pair(application, actors, is_danger=False)


def pairs() -> list[Pair]:
    """All encounters, each at a place of its own."""
    made = [one for application in STAGES for one in drawn(application)]
    made += told("avw", (LANE_M, 180.0), (15.0, 0.0), events=Event.DISABLED | Event.HAZARD_LIGHTS)
    made += told("clw", (LANE_M, 90.0), (20.0, 12.0), events=Event.STABILITY_CONTROL)
    made += told("evw", (LANE_M, -150.0), (10.0, 25.0), siren=SIREN_IN_USE, vehicle_class=EMERGENCY_CLASS)
    columns = round(len(made) ** 0.5)
    centres = [np.array([place % columns, place // columns]) * APART_M for place in range(len(made))]
    return [
        replace(one, actors=replace(one.actors, start=one.actors.start + centre))
        for one, centre in zip(made, centres, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Stage:
    """All actors in one table; first: of each pair, its host's row."""

    actors: Actors
    first: npt.NDArray[np.int64]
    says: dict[str, npt.NDArray[np.int64]]

    def frames(self, at_s: float, now_us: int) -> list[bytes]:
        """What is on the air at an instant."""
        rows = self._table(at_s, now_us)
        speak, are_seen = (rows.take(mask) for mask in (self.actors.speaks, ~self.actors.speaks))
        here = np.array([[FRAME.latitude_deg, FRAME.longitude_deg, FRAME.elevation_m]])
        rsm = only(PARTICIPANT, are_seen).with_columns(frame=np.zeros(len(are_seen), np.int64))
        encoded = cv2x.encode_bsm(only(BSM, speak)), cv2x.encode_rsm(rsm, reference_position=here)
        return [frames.frame(row) for frames in encoded for row in range(len(frames))]

    def _table(self, at_s: float, now_us: int) -> Batch:
        """Columns of BSM and participant together."""
        actors, n = self.actors, len(self.actors)
        shown = film(actors, np.array([at_s]))
        local = np.column_stack([shown.xy[:, 0], heights(actors, shown.way_m)[:, 0]])
        latitude, longitude, elevation = FRAME.to_geodetic(local)
        lights = np.where(at_s >= actors.signals_s, actors.lights, 0)
        codes = {"transmission": np.full(n, 2), "vehicle_class": np.full(n, CAR_CLASS), "lights": lights, **self.says}
        still_there = {name: np.zeros(n) for name in ("acceleration_lateral_mps2", "acceleration_vertical_mps2")}
        both = Batch({**filled(PARTICIPANT, n).columns, **filled(BSM, n).columns})
        dtypes = {name: both[name].dtype for name in both}
        columns: dict[str, Any] = {
            "time_us": np.full(n, now_us), "sec_mark_ms": np.full(n, now_us // 1000 % 60_000),
            "vehicle_id": FIRST_ID + np.arange(n), "participant_id": np.arange(n), "rsu_id": np.full(n, RSU_ID),
            "participant_type": actors.kind, "source": np.full(n, INTEGRATED),
            "latitude_deg": latitude, "longitude_deg": longitude, "elevation_m": elevation,
            "speed_mps": shown.speed_mps[:, 0], "heading_deg": shown.heading_deg[:, 0],
            "acceleration_longitudinal_mps2": shown.acceleration_mps2[:, 0], "yaw_rate_dps": shown.yaw_rate_dps[:, 0],
            "length_m": actors.size_m[:, 0], "width_m": actors.size_m[:, 1], **still_there, **codes,
            **{f"{name}_valid": np.ones(n, np.bool_) for name in codes},
        }  # fmt: skip
        return both.with_columns(**{name: values.astype(dtypes[name]) for name, values in columns.items()})


def only(stream: Stream, rows: Batch) -> Batch:
    """The columns of a stream."""
    return Batch({name: rows[name] for name in stream.dtypes()})


def staged(made: Sequence[Pair]) -> Stage:
    """All pairs on one stage."""
    sizes = [len(one.actors) for one in made]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    columns = {name: np.concatenate([getattr(one.actors, name) for one in made]) for name in Actors.__slots__}
    actors = Actors(**columns)
    says = {name: np.zeros(len(actors), np.int64) for name in ("events", "siren")}
    says["vehicle_class"] = np.full(len(actors), CAR_CLASS)
    for row, one in zip(first, made, strict=True):
        for name, value in one.says.items():
            says[name][row + 1] = value
    return Stage(actors, first, says)


def play(unit: AgentProcess, sink: socket.socket, stage: Stage) -> list[tuple[float, dict[str, Any]]]:
    """Everybody drives in real time; what the unit's software was told, and when."""
    heard, began = list[tuple[float, dict[str, Any]]](), time.monotonic()
    for tick in range(round(LASTS_S / PERIOD_S)):
        until(lambda: time.monotonic() - began >= tick * PERIOD_S, 5, "the next tenth of a second")  # noqa: B023
        at_s = time.monotonic() - began
        unit.hear(stage.frames(at_s, time.time_ns() // 1000))
        heard += [(time.monotonic() - began, one) for one in received(sink)]
    return heard


def test_every_conflict_application_warns_whom_it_must_in_time_and_nobody_else(
    running: Running, unit: AgentProcess, sink: socket.socket
) -> None:
    made = pairs()
    assert {one.application for one in made} | {one.application for one in RULES} == {one.name for one in APPLICATIONS}
    stage = staged(made)

    def is_heard() -> bool:
        unit.hear(stage.frames(0.0, time.time_ns() // 1000))
        return bool(running.client.accounts().get("bsm"))

    until(is_heard, 30, "the unit's first message to be stored")
    heard = play(unit, sink, stage)
    raised = {
        (one["application"], one["host"]["vehicle_id"]): (at_s, one) for at_s, one in reversed(heard) if one["state"] == "raised"
    }
    for first, pair in zip(stage.first, made, strict=True):
        found = raised.get((pair.application, f"{FIRST_ID + int(first):016x}"))
        if not pair.is_danger:
            assert found is None, (pair.application, found)
            continue
        assert found is not None, (pair.application, sorted(raised))
        assert found[1]["host"]["device_id"] == RSU
        assert found[0] <= min(pair.contact_s - LEAST_LEAD_S, LASTS_S), pair.application
    stored = {str(row["warning_id"]) for row in running.client.warnings()}
    assert {one["warning_id"] for _, one in raised.values()} <= stored
