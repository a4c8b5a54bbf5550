"""A thousand vehicles on the district's map: each on a lane, none inside another, the same ones at every tick."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.bench import district
from evaluation.models.motion.tracks import Recording
from services.inference.reports import Reports

TICKS = 20


@pytest.fixture(scope="module")
def driven() -> Recording:
    return district.recording()


@pytest.fixture(scope="module")
def told(driven: Recording) -> list[Reports]:
    return district.crowd(driven, 1000, ticks=TICKS)


def test_the_same_vehicles_report_at_every_tick(told: list[Reports]) -> None:
    assert [len(np.unique(rows.key)) for rows in told] == [1000] * TICKS
    assert all(set(rows.key) == set(told[0].key) for rows in told)
    assert [int(np.ptp(rows.time_us)) for rows in told] == [0] * TICKS
    assert np.diff([int(rows.time_us[0]) for rows in told]).tolist() == [100_000] * (TICKS - 1)


def test_each_is_on_a_lane(driven: Recording, told: list[Reports]) -> None:
    assert driven.roads is not None
    for rows in (told[0], told[-1]):
        placed = driven.roads.place(rows.xyz, rows.heading_deg, np.full(len(rows), -1, np.int64))
        assert (placed.lane >= 0).all()


def test_those_of_another_time_keep_clear_of_the_others(driven: Recording, told: list[Reports]) -> None:
    most = int(driven.vehicle.max()) + 1
    for rows in (told[0], told[-1]):
        xy, part = rows.xyz[:, :2], (rows.device_key - 1) // most
        apart_m = np.linalg.norm(xy[:, None] - xy[None], axis=-1)
        assert apart_m[part[:, None] != part[None]].min() > district.SPACE_M
        assert len(np.unique(part)) > 1


def test_more_than_there_is_room_for_is_refused(driven: Recording) -> None:
    with pytest.raises(ValueError, match="and 100000 are wanted"):
        district.crowd(driven, 100_000, ticks=TICKS)
