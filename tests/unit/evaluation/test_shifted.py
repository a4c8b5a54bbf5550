"""Collisions made of recorded traffic: they are collisions, at a crossing, and ways do not cost their warnings."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from evaluation.models.motion.shifted import BEFORE, collisions, leads_s
from evaluation.models.motion.tracks import read_trace
from services.inference.motion_model import OnnxMotionModel, shipped

TRACE = Path(__file__).parents[3] / "simulators" / "data" / "district_trace.npz"


@pytest.fixture(scope="module")
def recording():
    return read_trace(TRACE)


@pytest.fixture(scope="module")
def found(recording):
    return list(itertools.islice(collisions(recording, 20_000), 6))


def test_both_are_where_their_paths_cross_at_once_and_drive(recording, found) -> None:
    assert len(found) == 6
    for one in found:
        middle = [recording.xyz[rows[BEFORE], :2] for rows in (one.one, one.two)]
        assert np.hypot(*(middle[0] - middle[1])) <= 2.5
        assert min(recording.speed_mps[rows[BEFORE]] for rows in (one.one, one.two)) >= 4.0
        assert 4.5 <= one.contact_s <= 7.0


def test_every_one_is_warned_of_with_ways(recording, found) -> None:
    leads = leads_s(recording, found, OnnxMotionModel(shipped()))
    assert (leads > 0.3).all(), leads
