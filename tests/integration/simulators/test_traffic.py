"""Background traffic that SUMO drives: it keeps off the actors, they see it, and the same seed gives the same bytes."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from chelu.errors import CannotStartError, MissingExtraError
from chelu.messages import Batch
from simulators.scenario.air import radio_of
from simulators.scenario.cases import Design, Request, cases_of, parameter_given
from simulators.scenario.deciding.pilot import NoPilot
from simulators.scenario.description import Description
from simulators.scenario.engine import run, simulate
from simulators.scenario.judging import judge_driven
from simulators.scenario.library import TEMPLATES, source_of
from simulators.scenario.performing import perform
from simulators.scenario.plan import plan
from simulators.scenario.reading import read_text
from simulators.scenario.scenes import scene_of
from simulators.scenario.state import State
from simulators.scenario.sweeping import sweep
from simulators.scenario.trace import Trace
from simulators.scenario.verdict import Outcome
from simulators.scenario.verdict_files import warnings_in
from simulators.scene import Origin, Role

EGO = 0


def described(**replaced: str) -> Description:
    """The template with some of its lines otherwise, over a short time."""
    text = source_of("in-traffic").text
    for old, new in {"after_s: 25": "after_s: 8", "step: 1}": "step: 1}", **replaced}.items():
        assert old in text
        text = text.replace(old, new)
    return read_text(text, "in-traffic", TEMPLATES)


def ran(description: Description, *given: str) -> Trace:
    fixed = dict(parameter_given(text, description) for text in given)
    return run(description, cases_of(description, Request(fixed=fixed)))


@pytest.fixture(scope="module")
def standing() -> Trace:
    """The one under test stands in the lane, and nobody is told."""
    text = {"speed_kmh: 45": "speed_kmh: 0", "driver: {model: idm, desired_kmh: 50}": "driver: {model: none}"}
    return ran(described(**text, **{"after_s: 8": "after_s: 14"}), "vehicles_per_hour=1500")


def test_traffic_stops_behind_an_actor_that_stands_and_its_like_passes_beside(standing: Trace) -> None:
    assert standing.cast == 1
    assert np.isinf(standing.contact_s).all()
    gap_m = standing.xy[:, 0, EGO, 0][:, None] - standing.xy[:, 0, 1:, 0]
    beside_m = np.abs(standing.xy[:, 0, EGO, 1][:, None] - standing.xy[:, 0, 1:, 1])
    is_behind = (gap_m[-1] > 0) & (beside_m[-1] < 1.0)
    assert is_behind.any()
    assert np.nanmin(gap_m[:, is_behind]) > 4.8, "a car's length and more"
    assert (np.nan_to_num(standing.speed_mps[-1, 0, 1:]) > 8.0).any()


def test_the_one_that_drives_keeps_behind_slower_traffic_and_nobody_is_touched() -> None:
    trace = ran(described(**{"desired_kmh: 50": "desired_kmh: 120", "after_s: 8": "after_s: 20"}), "vehicles_per_hour=1500")
    assert np.isinf(trace.contact_s).all()
    assert trace.speed_mps[-1, 0, EGO] * 3.6 < 70, "alone it would drive 100 km/h by then"


@pytest.mark.parametrize("seed", [5, 10])
def test_who_comes_out_of_the_side_road_lets_an_actor_pass(seed: int) -> None:
    """With these seeds somebody waits there when it comes."""
    trace = ran(described(**{"after_s: 8": "after_s: 25", "most: 24": "most: 60"}), "vehicles_per_hour=1500", f"seed={seed}")
    assert np.isinf(trace.contact_s).all()
    assert trace.acceleration_mps2[:, 0, EGO].min() > -4.0


def test_the_same_seed_gives_the_same_bytes_alone_and_in_any_company(tmp_path: Path) -> None:
    description = described(**{"after_s: 8": "after_s: 2", "warm_up_s: 60": "warm_up_s: 15"})
    fixed = dict(parameter_given(text, description) for text in ("seed=1,2,1", "vehicles_per_hour=900"))
    cases = cases_of(description, Request(fixed=fixed, design=Design.GRID))
    every, alone = run(description, cases), run(description, cases.take(np.array([1])))
    for name in ("xy", "heading_deg", "speed_mps", "acceleration_mps2", "elevation_m"):
        column = getattr(every, name)
        assert np.array_equal(column[:, [1]], getattr(alone, name), equal_nan=True), name
        assert np.array_equal(column[:, [0]], column[:, [2]], equal_nan=True), name
    assert not np.array_equal(every.xy[:, 0], every.xy[:, 1], equal_nan=True)
    for workers in (1, 2):
        assert sweep(description, cases, tmp_path / str(workers), workers=workers) is not None
    files = [sorted((tmp_path / str(workers)).glob("*.npz")) for workers in (1, 2)]
    assert [one.read_bytes() for one in files[0]] == [one.read_bytes() for one in files[1]]


def warned(description: Description, *given: str) -> Batch:
    fixed = dict(parameter_given(text, description) for text in given)
    found = perform(description, cases_of(description, Request(fixed=fixed)), "applications").warnings
    assert found is not None
    return found


CROWDED = ("vehicles_per_hour=1500", "seed=2")
ASLEEP = {
    "speed_kmh: 45": "speed_kmh: 90",
    "driver: {model: idm, desired_kmh: 50}": "driver: {model: none}",
    "after_s: 8": "after_s: 6",
}


@pytest.mark.parametrize("radio", ["{}", "{penetration: 0}"])
def test_traffic_is_on_the_air_and_who_does_not_look_is_warned_of_it(radio: str) -> None:
    """It drives into what is slower ahead; told of it by its own messages, or by a roadside unit."""
    found = warned(described(**ASLEEP, **{"end:": f"radio: {radio}\nend:"}), *CROWDED)
    fcw = found.take(np.asarray((found["application"] == "fcw") & (found["host"] == "ego") & (found["state"] == "raised")))
    assert fcw["other"].tolist() == ["traffic_1"]
    assert 2.0 < float(fcw["time_s"][0]) < 4.0, "the contact is at 4.8 s"


def test_traffic_that_is_unheard_nobody_is_warned_of() -> None:
    found = warned(described(**ASLEEP, **{"most: 24": "most: 24\n  unheard: true"}), *CROWDED)
    assert set(found["application"].tolist()) == {"slw"}, "it is too fast"
    assert set(found["host"].tolist()) == {"ego"}


def test_what_is_heard_of_traffic_is_the_same_for_the_same_seed_on_any_number_of_workers(tmp_path: Path) -> None:
    radio = {"end:": "radio: {loss: 0.3, noise_m: 1, penetration: 0.5}\nend:", "after_s: 8": "after_s: 4"}
    description = described(**{**ASLEEP, **radio})
    fixed = dict(parameter_given(text, description) for text in ("seed=1,2", "vehicles_per_hour=1500"))
    cases = cases_of(description, Request(fixed=fixed, design=Design.GRID))
    for workers in (1, 2):
        assert sweep(description, cases, tmp_path / str(workers), device="applications", workers=workers) is not None
    files = [sorted((tmp_path / str(workers)).glob("*.npz")) for workers in (1, 2)]
    assert [one.read_bytes() for one in files[0]] == [one.read_bytes() for one in files[1]]
    said = [warnings_in(one) for one in files[0]]
    assert any(one is not None and len(one) for one in said)


def test_what_traffic_says_in_real_time_is_the_same_for_the_same_seed() -> None:
    description = described(**{"end:": "radio: {noise_m: 1, penetration: 0.5}\nend:"})
    traces = [ran(description, "vehicles_per_hour=1500") for _ in range(2)]
    one, other = (scene_of(trace, 0, Origin(29.5, 106.5), "s", radio_of(description, trace, 0)) for trace in traces)
    for name in one.actors:
        assert np.array_equal(one.actors[name], other.actors[name])
    roles = one.actors["role"][1:]
    assert set(roles.tolist()) == {Role.OBU, Role.PERCEIVED}
    first, second = (scene.read(0, scene.end_ms).samples for scene in (one, other))
    assert len(np.unique(first["actor"])) == len(one.actors)
    for name in first:
        assert np.array_equal(first[name], second[name])
        assert np.isfinite(first[name]).all()


def test_more_traffic_than_places_makes_that_run_an_error_that_says_so_and_no_other(tmp_path: Path) -> None:
    description = described(**{"most: 24": "most: 2", "after_s: 8": "after_s: 2"})
    fixed = dict([parameter_given("vehicles_per_hour=0,1500", description), parameter_given("seed=1", description)])
    found = sweep(description, cases_of(description, Request(fixed=fixed, design=Design.GRID)), tmp_path)
    assert found is not None
    assert found.outcome.tolist() == [Outcome.PASS, Outcome.ERROR]
    assert found.validity[0].title == "the run is driven to its end"
    assert "more traffic than places" in found.validity[0].reason[1]
    assert "raise most" in found.validity[0].reason[1]


class Kills(NoPilot):
    """Ends SUMO after a second."""

    def look(self, state: State, instant: int) -> None:
        if instant == 50:
            children = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children").read_text().split()
            for child in children:
                if b"traffic.town" in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(int(child), signal.SIGKILL)


def test_a_run_whose_traffic_ends_is_kept_as_far_as_it_came_with_the_reason() -> None:
    description = described()
    trace = simulate(plan(description, cases_of(description, Request())), pilot=Kills())
    assert trace.broken == ("SUMO is away (it was ended by signal 9) at 1.02 s",)
    assert trace.last[0] == 51
    verdicts = judge_driven(trace, description)
    assert verdicts.worst is Outcome.ERROR
    assert "SUMO is away" in verdicts.validity[0].reason[0]


def test_a_network_that_sumo_cannot_drive_on_is_refused_with_what_it_says() -> None:
    text = source_of("side-road").text + "traffic: {}\n"
    with pytest.raises(CannotStartError, match="Found invalid logic position of a link for junction 'centre'"):
        ran(read_text(text, "side-road", TEMPLATES))


def test_without_libsumo_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is there on a developer's machine: that it is not is made so."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"chelu\[sumo\]"):
        ran(described())
