"""Where the road points, where it lies, which side one drives on and what time it is leave every verdict unchanged."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.inference import scenes, staged
from tests.unit.inference.scenes import drive, parties, raised

LASTS_S = 4.0
SCENES = staged.scenes()
places = st.floats(-5000, 5000)


def _verdict(cars, later_us=0):
    """Who is warned of whom by what, and when."""
    epoch = scenes.EPOCH_US
    try:
        scenes.EPOCH_US = epoch + later_us
        found = raised(drive(cars, LASTS_S))
    finally:
        scenes.EPOCH_US = epoch
    return {(one.application, parties(one)[0], parties(one)[1] or staged.OTHER): t for t, one in found}


@cache
def _plain(name):
    return _verdict(SCENES[name])


def _same(found, plain) -> None:
    assert set(found) == set(plain)
    assert all(abs(found[key] - plain[key]) <= 0.11 for key in plain)  # a rounding may cost one message


@pytest.mark.parametrize("name", SCENES)
def test_the_scene_of_each_application_is_warned_of_by_it(name) -> None:
    assert (name, staged.HOST, staged.OTHER) in _plain(name)


@settings(deadline=None, max_examples=6, derandomize=True)
@given(name=st.sampled_from(sorted(SCENES)), by_deg=st.floats(0, 360))
def test_turning_the_world_changes_no_verdict(name, by_deg) -> None:
    _same(_verdict(staged.turned(SCENES[name], by_deg)), _plain(name))


@settings(deadline=None, max_examples=6, derandomize=True)
@given(name=st.sampled_from(sorted(SCENES)), east=places, north=places, up=st.floats(-50, 900))
def test_moving_the_world_changes_no_verdict(name, east, north, up) -> None:
    _same(_verdict(staged.moved(SCENES[name], east, north, up)), _plain(name))


@pytest.mark.parametrize("name", SCENES)
def test_driving_on_the_other_side_changes_no_verdict(name) -> None:
    _same(_verdict(staged.mirrored(SCENES[name])), _plain(name))


@settings(deadline=None, max_examples=6, derandomize=True)
@given(name=st.sampled_from(sorted(SCENES)), later_us=st.integers(0, 10**12))
def test_the_time_of_day_changes_no_verdict(name, later_us) -> None:
    _same(_verdict(SCENES[name], later_us), _plain(name))


@pytest.mark.parametrize("name", SCENES)
def test_one_deck_above_the_other_nobody_is_warned(name) -> None:
    host, *others = SCENES[name]
    above = [replace(one, start=(*one.start[:2], 7.0)) for one in others]
    assert _verdict([host, *above]).keys() & {(name, staged.HOST, staged.OTHER)} == set()
