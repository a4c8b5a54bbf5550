"""The demo's staged conflicts amid the district's traffic, through all stages with roads and model: warned in time or never."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from chelu.messages import SPAT, filled
from chelu.roads import sumo
from services.inference.life import State
from services.inference.motion_model import OnnxMotionModel, shipped
from services.inference.network import NetworkRoads
from services.inference.reports import Participant, Reports, Track
from services.inference.site import Site, SiteParameters
from simulators.conflicts import staged_district
from simulators.judge import Warned, judge
from simulators.scene import Role
from tests.unit.inference.scenes import EPOCH_US

DATA = Path(__file__).parents[3] / "simulators" / "data"
UNTIL_S = 26.0


def _reports(rows, actors, time_us):
    actor = rows["actor"].astype(np.int64)
    now, zero = np.full(len(rows), time_us, np.int64), np.zeros(len(rows), np.int64)
    return Reports(
        kind=zero + int(Track.SPEAKS),
        key=(actor + 1).astype(np.uint64),
        time_us=now,
        arrival_us=now,
        xyz=np.stack([rows["x_m"], rows["y_m"], rows["z_m"]], axis=1),
        height_sigma_m=np.full(len(rows), 0.5),
        speed_mps=rows["speed_mps"],
        heading_deg=rows["heading_deg"],
        acceleration_mps2=rows["acceleration_mps2"],
        yaw_rate_dps=rows["yaw_rate_dps"],
        length_m=actors["length_m"][actor],
        width_m=actors["width_m"][actor],
        participant_type=zero + int(Participant.MOTOR),
        device_key=actor + 1,
        own_key=actor + 1,
        message_count=zero,
        sec_mark_ms=zero,
        own_id=(actor + 1).astype(np.uint64),
        place_sigma_m=np.full(len(rows), np.nan),
        events=zero,
        lights=zero,
        vehicle_class=zero,
        is_responding=zero,
    )


def _spat(rows, now_us):
    """What the district's signals say at an instant."""
    n = len(rows)
    return filled(
        SPAT, n, time_us=np.full(n, now_us), intersection_id=rows["intersection_id"], phase_id=rows["phase_id"].astype(np.int16),
        light=rows["light"], start_s=np.zeros(n), likely_end_s=rows["likely_end_s"],
    )  # fmt: skip


@pytest.mark.parametrize(("has_model", "has_signals"), [(True, True), (True, False), (False, True)])
def test_staged_conflicts_are_judged_as_expected(has_model, has_signals) -> None:
    staging = staged_district()
    scene = staging.scene.clipped(0, UNTIL_S)
    roads = NetworkRoads(sumo.read((DATA / "district.net.xml.gz").read_bytes()))
    model = OnnxMotionModel(shipped()) if has_model else None
    site = Site(SiteParameters(), roads=roads, model=model, new_id=map(str, itertools.count()).__next__)
    names, warned = scene.actors["name"], []
    whole = scene.read(scene.begin_ms, scene.end_ms)
    samples, signals = whole.samples, whole.signals
    samples = samples.take(scene.actors["role"][samples["actor"]] == Role.OBU)
    for time_ms in np.unique(samples["time_ms"]).tolist():
        first, last = np.searchsorted(samples["time_ms"], [time_ms, time_ms + 1])
        now_us = EPOCH_US + time_ms * 1000
        begin, end = np.searchsorted(signals["time_ms"], [time_ms, time_ms + 1])
        if has_signals:
            site.signals.update(_spat(signals.take(np.arange(begin, end)), now_us))
        for one in site.step(_reports(samples.take(np.arange(first, last)), scene.actors, now_us), now_us):
            if one.state is State.RAISED:
                about = one.subject.id if one.subject else "" if one.other is None else str(names[one.other.vehicle_id - 1])
                warned.append(Warned(one.application, str(names[one.host.vehicle_id - 1]), about, time_ms / 1000))
    verdicts = judge(staging.expectations(UNTIL_S), warned)
    assert len(verdicts) >= 4
    assert all(verdict.is_met for verdict in verdicts), "\n".join(map(str, verdicts))
    runners = {one.host for one in warned if one.application == "svw"}
    assert runners == ({"staged-runner"} if has_signals else set())  # the drivers of the recording all stop
