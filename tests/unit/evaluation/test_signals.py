"""The judge of signal controllers: programmes as stages, what is safe, what a demand file may say, how seeds are compared."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from chelu.errors import ConfigurationError, MalformedError
from evaluation.signals import demand, network, trips
from evaluation.signals.bar import cells
from evaluation.signals.compare import best_baseline, paired, summary
from evaluation.signals.network import Edge, Network
from evaluation.signals.options import numbers, seeds_of
from evaluation.signals.programme import Limits, Phase, derive
from evaluation.signals.safety import Watch
from evaluation.signals.train import FIRST, learn

NOBODY = frozenset[int]()
GIVEN = Limits()


def programme(*phases: tuple[str, float], on_foot=NOBODY, limits=GIVEN):
    found = derive([Phase(state, duration) for state, duration in phases], on_foot, 0.0, limits)
    assert found is not None
    return found


def test_phases_with_green_and_without_yellow_are_stages_and_the_rest_is_their_change() -> None:
    found = programme(("GGr", 29), ("yyr", 4), ("rrr", 2), ("rrG", 20), ("rry", 3))
    assert found.states == ("GGr", "rrG")
    first, second = found.stages
    assert (first.phases, first.green_s, first.yellow_s, first.all_red_s, first.change_s) == ((0, 1), 29, 4, 2, 6)
    assert (second.phases, second.change_s, second.least_green_s) == ((2,), 3, 5)


def test_people_on_foot_who_lose_their_green_first_make_a_clearance_and_no_stage() -> None:
    found = programme(("GrG", 20), ("Grr", 5), ("yrr", 3), ("rGr", 10), ("ryr", 3), on_foot=frozenset({2}))
    assert [one.clearance_s for one in found.stages] == [5, 0]
    assert found.shown(0, "clearing", 1) == "Grr"
    assert found.shown(0, "yellow", 1) == "yrr"


def test_who_stays_green_goes_through_a_change_as_he_was() -> None:
    found = programme(("GGr", 20), ("Gyr", 3), ("GrG", 10), ("yry", 3))
    assert [found.shown(0, light, 1) for light in ("green", "clearing", "yellow", "red")] == ["GGr", "GGr", "Gyr", "Grr"]


def test_limits_of_the_programme_count_before_those_given() -> None:
    found = derive([Phase("Gr", 20, 8, 45), Phase("yr", 3), Phase("rG", 4), Phase("ry", 2)], NOBODY, 7.0, Limits(60.0))
    assert found is not None
    assert found.offset_s == 7.0
    assert [(one.least_green_s, one.most_green_s, one.yellow_s) for one in found.stages] == [(8, 45, 3), (4, 60, 3)]


def test_a_programme_without_a_choice_is_left_alone() -> None:
    assert derive([Phase("GG", 90)], NOBODY, 0.0, Limits()) is None
    assert derive([Phase("oo", 90)], NOBODY, 0.0, Limits()) is None
    assert derive([Phase("Gr", 30), Phase("yr", 3), Phase("Gr", 30), Phase("yr", 3)], NOBODY, 0.0, Limits()) is None


def seen(*shown: tuple[str, int], least=5.0) -> dict[str, int]:
    """Breaches of a sequence of (heads, seconds) at a light whose links 0 and 1 are foes; 2 has none."""
    crossing = Network({}, {}, {("x", 0): {("x", 1)}, ("x", 1): {("x", 0)}}, {}, {"x": {0, 1, 2}})
    watch, now = Watch(crossing, {"x": NOBODY}, {"x": least}), 0
    for state, seconds in shown:
        for _ in range(seconds):
            watch.see("x", state, float(now))
            now += 1
    return {name: count for name, count in asdict(watch.breaches).items() if count}


def test_a_proper_sequence_has_no_breach() -> None:
    assert seen(("Grr", 10), ("yrr", 3), ("rGr", 10), ("ryr", 3), ("GrG", 10), ("Gry", 3), ("GGr", 0)) == {}


@pytest.mark.parametrize(
    ("sequence", "breach"),
    [
        ([("Grr", 10), ("GGr", 10)], {"conflicting_greens": 1}),
        ([("Grr", 10), ("Ggr", 10)], {}),
        ([("Grr", 10), ("Ggr", 10), ("GGr", 3)], {"conflicting_greens": 1}),
        ([("Grr", 10), ("yrr", 2), ("rGr", 10)], {"short_yellows": 1, "short_intergreens": 1}),
        ([("Grr", 10), ("rrr", 4), ("rGr", 10)], {"short_yellows": 1}),
        ([("Grr", 10), ("rGr", 10)], {"short_yellows": 1, "short_intergreens": 1}),
        ([("rrr", 10), ("Grr", 4), ("yrr", 3), ("rrr", 2)], {"short_greens": 1}),
    ],
)
def test_what_is_not_safe_is_counted(sequence, breach) -> None:
    assert seen(*sequence) == breach


NET = """<net>
  <edge id="in"><lane id="in_0" index="0" speed="13.89" length="100"/></edge>
  <edge id="side"><lane id="side_0" index="0" speed="13.89" length="50"/></edge>
  <edge id="out">
    <lane id="out_0" index="0" speed="13.89" length="80"/>
    <lane id="out_1" index="1" speed="13.89" length="80"/>
  </edge>
  <edge id=":J_0" function="internal"><lane id=":J_0_0" index="0" speed="9" length="5"/></edge>
  <junction id="J" type="traffic_light" intLanes=":J_0_0 :J_2_0">
    <request index="0" response="00" foes="10" cont="0"/>
    <request index="1" response="01" foes="01" cont="1"/>
  </junction>
  <junction id=":J_2_0" type="internal" intLanes=":J_0_0"/>
  <connection from="in" to="out" fromLane="0" toLane="0" via=":J_0_0" tl="J" linkIndex="0" dir="s" state="O"/>
  <connection from="side" to="out" fromLane="0" toLane="1" via=":J_1_0" tl="J" linkIndex="1" dir="l" state="o"/>
  <connection from=":J_1" to="out" fromLane="0" toLane="1" via=":J_2_0" dir="l" state="m"/>
</net>"""


@pytest.fixture
def net(tmp_path: Path) -> Network:
    (tmp_path / "small.net.xml").write_text(NET)
    return network.read(tmp_path / "small.net.xml")


def test_foes_are_the_networks_own_also_where_one_waits_inside_the_junction(net: Network) -> None:
    assert net.edges["out"] == Edge(80.0, 2, 13.89)
    assert net.before == {"out": {"in", "side"}}
    assert net.foes == {("J", 0): {("J", 1)}, ("J", 1): {("J", 0)}}
    assert net.yields == {("J", 0): set(), ("J", 1): {("J", 0)}}


def demanded(tmp_path: Path, net: Network, text: str, begin_s=0.0, end_s=100.0):
    file = tmp_path / "demand.rou.xml"
    file.write_text(text)
    return demand.check(file, net, begin_s, end_s)


def test_a_demand_of_known_roads_is_counted(tmp_path: Path, net: Network) -> None:
    early, late = (f'<trip depart="{second}" from="in" to="out"/>' for second in (5, 150))
    text = f'{early}<flow begin="0" end="900" from="side" to="out"/>{late}'
    assert demanded(tmp_path, net, f"<routes>{text}</routes>") == demand.Demand(3, 2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('<routes><vehicle depart="1"><route edges="in gone out"/></vehicle></routes>', "unknown are 'gone'"),
        ('<routes><trip depart="1" from="in" to="there"/></routes>', "unknown are 'there'"),
        ('<routes><trip depart="500" from="in" to="out"/></routes>', "somebody who departs from 0 to 100 s"),
        ("<routes/>", "somebody who departs"),
        ("<net/>", "root element is <routes>"),
        ("trip,1,2", "not XML"),
    ],
)
def test_a_demand_that_cannot_be_driven_is_refused_saying_why(tmp_path: Path, net: Network, text, sentence) -> None:
    with pytest.raises((ConfigurationError, MalformedError), match=sentence):
        demanded(tmp_path, net, text)


def test_delay_counts_those_on_the_way_and_those_who_never_departed(tmp_path: Path) -> None:
    rows = ((10, 2, 60, 1), (30, 0, -1, 5), (0, 45, -1, -1))
    columns = ("timeLoss", "departDelay", "arrival", "depart")
    told = "".join(
        "<tripinfo " + " ".join(f'{name}="{value}"' for name, value in zip(columns, row, strict=True)) + "/>" for row in rows
    )
    (tmp_path / "trips.xml").write_text(f"<tripinfos>{told}</tripinfos>")
    found = trips.read(tmp_path / "trips.xml")
    assert found.delay_s == pytest.approx((12 + 30 + 45) / 3, abs=1e-3)
    assert (found.delay_completed_s, found.due, found.completed, found.on_the_way, found.never_departed) == (12, 3, 1, 1, 1)


def test_differences_are_those_of_the_same_seeds() -> None:
    own, other = (
        {seed: {"delay_s": value} for seed, value in values.items()}
        for values in ({"1": 9, "2": 11}, {"2": 13, "1": 10, "3": 99})
    )
    found = paired(own, other)
    assert (found["seeds"], found["difference_s"], found["difference_percent"]) == (2, -1.5, -13.04)
    assert found["half_interval_s"] == pytest.approx(12.706 * 0.5, abs=0.01)  # Student's t, one degree of freedom
    assert paired({"1": {"delay_s": 9}}, {"1": {"delay_s": 10}})["half_interval_s"] is None


def test_the_best_plain_controller_is_what_others_are_held_against() -> None:
    assert (
        best_baseline({"webster": {"1": {"delay_s": 1}}, "fixed": {"1": {"delay_s": 9}}, "greedy": {"1": {"delay_s": 5}}})
        == "greedy"
    )
    assert best_baseline({"webster": {"1": {"delay_s": 1}}}) is None
    assert summary({}) == {}


def test_seeds_and_shares_are_read_from_their_text() -> None:
    assert seeds_of("3") == (1, 2, 3)
    assert seeds_of("7,") == (7,)
    assert seeds_of("3,4,9") == (3, 4, 9)
    assert numbers("--scales", "0.8,1") == (0.8, 1.0)


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "1,1", "2.5", "100000"])
def test_what_is_no_list_of_seeds_is_refused(text) -> None:
    with pytest.raises(ConfigurationError, match="--seeds"):
        seeds_of(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "nan", "inf", "11"])
def test_what_is_no_share_is_refused(text) -> None:
    with pytest.raises(ConfigurationError, match="--scales"):
        numbers("--scales", text)


def test_training_does_not_go_on_from_a_file_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "other.log").write_text("nothing of ours\n")
    with pytest.raises(ConfigurationError, match="--log"):
        learn(FIRST, tmp_path / "other.log", generations=1, children=1, workers=1, tell=print)


def test_a_cell_of_the_bar_counts_seeds_that_every_controller_has_driven() -> None:
    delays = {"fixed": (30, 31), "actuated": (29, 29), "greedy": (20, 21), "max-pressure": (25, 19), "predictive": (18, 18.5)}
    safe = {"never_departed": 0, "breaches": {"conflicting_greens": 0}}
    done = {f"{seed}/fork/1/{name}": {"delay_s": values[seed - 1], **safe} for name, values in delays.items() for seed in (1, 2)}
    found = cells({**done, "3/fork/1/predictive": {"delay_s": 99, **safe}})["fork × 1"]
    assert (found["best"], found["seeds"], found["difference_s"]) == ("greedy", 2, -2.25)
    assert found["is_no_worse"]
    assert not found["is_surely_better"]  # two seeds that differ by half a second: 2.25 ± 3.18
    assert cells({name: one for name, one in done.items() if not name.endswith("greedy")}) == {}
