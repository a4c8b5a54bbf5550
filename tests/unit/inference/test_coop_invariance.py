"""Where the road points, where it lies, which side one drives on and what time it is change no answer of cooperation."""

from __future__ import annotations

from functools import cache
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.inference.coop.catalogue import APPLICATIONS
from tests.unit.inference.coop_scenes import ENDS, EXCHANGES, SCENES
from tests.unit.inference.coop_stage import BEGIN_US, Stage
from tests.unit.inference.staged import mover

Outline = dict[str, list[tuple[str, str]]]
SAID = ("decision", "priority", "amount", "position", "data", "why")
few = settings(deadline=None, max_examples=2, derandomize=True)
places = st.floats(-5000, 5000)


def outline(stage: Stage) -> Outline:
    """What each device was told in turn, and the states of each request; what is said again and again counts once."""
    told: Outline = {}
    for device, stream, document in stage.posts:
        what = sorted(each["kind"] for each in document.get("objects", ()))
        said = {name: document[name] for name in SAID if name in document}
        told.setdefault(device, []).append((str(document.get("type", stream)), str(said or what or "")))
    for note in stage.notes:
        if note.what == "moved":
            told.setdefault(f"request {note.number}", []).append((note.what, str(note.state)))
    return {name: [key for key, _ in groupby(said)] for name, said in told.items()}


@cache
def plain(name: str) -> Outline:
    return outline(SCENES[name](mover(), BEGIN_US))


def test_every_application_of_cooperation_has_a_scene_of_its_own() -> None:
    assert sorted(SCENES) == sorted(one.name for one in APPLICATIONS)


@pytest.mark.parametrize("name", SCENES)
def test_the_scene_of_each_application_comes_to_its_end(name: str) -> None:
    assert plain(name)["request 1"][-1][1] == ENDS.get(name, "done")


@pytest.mark.parametrize("name", EXCHANGES)
def test_in_the_scene_of_each_exchange_somebody_is_told_no(name: str) -> None:
    assert any("refus" in kind + said for told in plain(name).values() for kind, said in told)


@pytest.mark.parametrize("name", SCENES)
@few
@given(by_deg=st.floats(5, 355), east=places, north=places, up=st.floats(-50, 900), later_us=st.integers(0, 10**12))
def test_turning_and_moving_the_world_at_another_time_changes_no_answer(
    name: str, by_deg: float, east: float, north: float, up: float, later_us: int
) -> None:
    assert outline(SCENES[name](mover(by_deg=by_deg, to=(east, north, up)), BEGIN_US + later_us)) == plain(name)


@pytest.mark.parametrize("name", SCENES)
def test_driving_on_the_other_side_changes_no_answer(name: str) -> None:
    assert outline(SCENES[name](mover(is_mirrored=True), BEGIN_US)) == plain(name)
