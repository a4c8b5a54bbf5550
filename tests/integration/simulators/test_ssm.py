"""TTC, DRAC and PET against SUMO's SSM device, on 200 vehicles that follow one another and cross at four junctions."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from chelu.motion.footprints import forward
from simulators.scenario.metrics.metric import Question
from simulators.scenario.metrics.table import METRICS
from simulators.scenario.trace import Actor, Trace
from simulators.scenario.ways import Piece, Way, Ways

BINARIES = Path(sys.executable).parent
STEP_S, VEHICLES = 0.1, 200
# As wide as its lane: the device takes the crossing of two lanes as the conflict area, the metric that of the footprints.
LENGTH_M, WIDTH_M = 4.5, 3.2
FOLLOWS = 2  # the device's word for an ego behind its foe
LONGEST_TTC_S = 20.0  # with speeds that hardly differ the device's six decimals say nothing
NOWHERE = Ways.of((Way(name="none", x_m=0, y_m=0, heading_deg=0, pieces=(Piece(1.0),)),))
ROUTES = {
    "west-0": "left0A0 A0B0 B0right0",
    "west-1": "left1A1 A1B1 B1right1",
    "south-0": "bottom0A0 A0A1 A1top0",
    "south-1": "bottom1B0 B0B1 B1top1",
    "east-0": "right0B0 B0A0 A0left0",
    "north-0": "top0A1 A1A0 A0bottom0",
}


@pytest.fixture(scope="module")
def conflicts(tmp_path_factory):
    """Every conflict with its pair's trace: of hasty drivers who sometimes do not see one another."""
    directory = tmp_path_factory.mktemp("ssm")
    _simulate(directory)
    motion = _motion(directory / "motion.xml")
    found = []
    for conflict in ElementTree.parse(directory / "conflicts.xml").getroot():
        ego, foe = (motion[conflict.get(name, "")] for name in ("ego", "foe"))
        found.append((conflict, _trace(ego, foe), sorted(set(ego) & set(foe))))
    return found


def _simulate(directory):
    grid = "--grid --grid.number 2 --grid.length 200 --grid.attach-length 200 --default.lanenumber 1 --default.speed 13.89"
    _run("netgenerate", *grid.split(), "--no-turnarounds", "--default-junction-type", "priority", "-o", directory / "net.xml")
    (directory / "demand.xml").write_text(_demand(), "utf-8")
    _run(
        "sumo", "-n", directory / "net.xml", "-r", directory / "demand.xml", "--step-length", STEP_S, "--seed", 3,
        "--end", 400, "--collision.action", "none", "--time-to-teleport", -1, "--precision", 6, "--no-warnings",
        "--fcd-output", directory / "motion.xml", "--fcd-output.attributes", "x,y,angle,speed",
        "--device.ssm.measures", "TTC DRAC PET", "--device.ssm.thresholds", "4.0 2.0 3.0", "--device.ssm.trajectories", "true",
        "--device.ssm.range", 60, "--device.ssm.extratime", 5, "--device.ssm.file", directory / "conflicts.xml",
    )  # fmt: skip


def _run(program, *arguments):
    done = subprocess.run([BINARIES / program, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def _demand():
    draw = random.Random(7)
    rows = sorted((round(draw.uniform(0, 200), 1), draw.choice(list(ROUTES)), draw.uniform(0.7, 1.3)) for _ in range(VEHICLES))
    hasty = 'minGap="1" sigma="0.5" tau="0.9" speedDev="0" jmIgnoreFoeProb="0.4" jmIgnoreFoeSpeed="20" jmTimegapMinor="0.3"'
    routes = "".join(f'<route id="{name}" edges="{edges}"/>' for name, edges in ROUTES.items())
    vehicles = "".join(
        f'<vehicle id="{number}" type="car" route="{route}" depart="{depart}" departSpeed="max" speedFactor="{factor:.3f}">'
        '<param key="has.ssm.device" value="true"/></vehicle>'
        for number, (depart, route, factor) in enumerate(rows)
    )
    return f'<routes><vType id="car" length="{LENGTH_M}" width="{WIDTH_M}" {hasty}/>{routes}{vehicles}</routes>'


def _motion(file):
    """By vehicle: step → front bumper's x and y, heading, speed."""
    found: defaultdict[str, dict[int, tuple[float, ...]]] = defaultdict(dict)
    for _, element in ElementTree.iterparse(file):
        if element.tag == "timestep":
            step = round(float(element.get("time", "")) / STEP_S)
            for one in element:
                found[one.get("id", "")][step] = tuple(float(one.get(name, "")) for name in ("x", "y", "angle", "speed"))
            element.clear()
    return found


def _trace(ego, foe):
    """Both, at all instants at which both are on the road."""
    steps = sorted(set(ego) & set(foe))
    rows = np.array([[one[step] for one in (ego, foe)] for step in steps])[:, None]
    nothing, actors = np.zeros(rows.shape[:3]), tuple(Actor(name, "car", LENGTH_M, WIDTH_M, 1500.0) for name in ("ego", "foe"))
    return Trace(
        actors=actors, step_s=STEP_S, ways=NOWHERE, way=np.full((1, 2), -1),
        xy=rows[..., :2] - LENGTH_M / 2.0 * forward(rows[..., 2]), elevation_m=nothing, heading_deg=rows[..., 2],
        speed_mps=rows[..., 3], acceleration_mps2=nothing, along_m=nothing, aside_m=nothing, aside_mps=nothing,
        last=np.array([len(steps) - 1]), contact_s=np.array([np.inf]), contact=np.full((1, 2), -1),
    )  # fmt: skip


def _measured(trace, name):
    return METRICS[name].measure(Question(trace, (0, 1), trace.counts, {}, {}))


def _theirs(conflict, name):
    return np.array([np.nan if word == "NA" else float(word) for word in conflict.find(name).get("values").split()])


def _following(conflicts, metric, span):
    """Ours and the device's, at all instants of all conflicts at which the ego is behind its foe on the same street."""
    ours, theirs = [], []
    for conflict, trace, steps in conflicts:
        rows = dict(zip(steps, range(len(steps)), strict=True))
        times = np.rint(_theirs(conflict, "timeSpan") / STEP_S).astype(int)
        at = np.array([rows.get(step, -1) for step in times.tolist()])
        is_behind = (at >= 0) & (_theirs(conflict, "typeSpan") == FOLLOWS)
        is_behind &= np.ptp(trace.heading_deg[:, 0], axis=-1)[at] < 1e-6
        ours.append(_measured(trace, metric)[at[is_behind], 0])
        theirs.append(_theirs(conflict, span)[is_behind])
    return np.concatenate(ours), np.concatenate(theirs)


def test_time_to_collision_is_the_device_s(conflicts) -> None:
    ours, theirs = _following(conflicts, "ttc_s", "TTCSpan")
    counts = theirs < LONGEST_TTC_S
    assert counts.sum() > 10_000
    np.testing.assert_allclose(ours[counts], theirs[counts], rtol=1e-4, atol=2e-5)


def test_deceleration_rate_to_avoid_the_crash_is_the_device_s(conflicts) -> None:
    ours, theirs = _following(conflicts, "drac_mps2", "DRACSpan")
    counts = (theirs > 0) & (ours > 0)
    assert counts.sum() > 10_000
    np.testing.assert_allclose(ours[counts], theirs[counts], rtol=1e-4, atol=1e-5)
    assert np.nanmax(np.where(counts, theirs, np.nan)) > 3.0


def test_post_encroachment_time_is_the_device_s(conflicts) -> None:
    pairs = [
        (float(_measured(trace, "pet_s")[0]), float(conflict.find("PET").get("value")))
        for conflict, trace, _ in conflicts
        if conflict.find("PET").get("value") not in {"NA", ""}
    ]
    ours, theirs = np.array(pairs).T
    assert len(ours) > 400
    assert theirs.min() < 1.0
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
