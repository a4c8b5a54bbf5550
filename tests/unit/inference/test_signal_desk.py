"""Signals under control, without a broker: what is told is read, decisions become commands in the limits, answers count."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

from chelu.codec.envelope import Envelope
from chelu.errors import MalformedError
from chelu.signals.stages import US, Stage
from chelu.topics import Kind
from edge.signal_plan import Granted, Limits, SignalPlan
from services.inference.city.control import told as reading
from services.inference.city.control.desk import SignalDesk
from services.inference.city.control.orders import HOLDS_S, RENEWED_S, Order, is_news, order_of
from services.inference.city.control.places import NOWHERE, Roads, places_of
from services.inference.city.control.sight import Look, Sight
from services.inference.city.control.told import Programme, Told
from services.inference.city.signals.contract import PERMISSIVE, PROTECTED
from services.inference.phase_map import PhaseMap
from services.inference.register import Device
from services.inference.stop_lines import stop_lines
from tests.unit.inference.small_roads import crossing

BEGIN = 1_777_622_400 * US
STAGES = (
    Stage((1, 3), 20, 7, 40, clearance_s=0, yellow_s=3, all_red_s=2, permissive=(3,)),
    Stage((2, 4), 15, 5, 30, clearance_s=4, yellow_s=3, all_red_s=2),
)
PROGRAMME = Programme(STAGES, 0, 1)


def at(seconds: float) -> int:
    return BEGIN + round(seconds * US)


def roads() -> Roads:
    network = crossing(has_signals=True)
    lines = stop_lines(network)
    assert lines is not None
    return Roads(network, lines, PhaseMap(lines, network.signals.id.tolist()).keys)


def device(**labels: str) -> Device:
    named = {name.replace("_", "-"): value for name, value in labels.items()}
    return Device(5, "signal-5", Kind.SIGNAL, "north", Envelope("deployed"), 0, labels=named)


def document(**more: Any) -> dict[str, Any]:
    times = {"yellow_s": 3, "all_red_s": 2}
    stages = [
        {"phases": [1, 3], "permissive": [3], "green_s": 20, "least_green_s": 7, "most_green_s": 40, "clearance_s": 0, **times},
        {"phases": [2, 4], "green_s": 15, "least_green_s": 5, "most_green_s": 30, "clearance_s": 4, **times},
    ]
    about = {"stage": 0, "following": 0, "light": "green", "since_us": BEGIN, "by": "plan", "session": "", "time_us": BEGIN}
    return {**about, "region": 0, "intersection": 1, "stages": stages, **more}


def told(**more: Any) -> Told:
    return reading.read(document(**more), None)


def seen(now_us: int, *vehicles: tuple[str, float, float]) -> Look:
    """Vehicles by lane, offset and speed; the track is their place in the list."""
    network = crossing(has_signals=True)
    lanes, offsets, speeds = zip(*vehicles, strict=True) if vehicles else ((), (), ())
    lane = np.array([network.lane_of[one] for one in lanes], np.int64)
    return Look(
        now_us,
        np.arange(len(lane)),
        lane,
        np.array(offsets, np.float64),
        np.array(speeds, np.float64),
        np.zeros(len(lane), np.int64),
    )


def test_a_document_of_a_signal_is_read_and_rubbish_is_refused() -> None:
    one = told(by="command")
    assert (one.programme, one.by, one.is_green) == (PROGRAMME, "command", True)
    assert (one.green_s(at(3)), told(light="yellow").green_s(at(3))) == (3.0, -1.0)
    assert reading.read(document(intersection=None), 8).programme.intersection == 8
    wrongs: list[dict[str, Any]] = [{"intersection": None}, {"stage": 7}, {"stages": []}, {"light": "blue"}, {"since_us": -1}]
    for wrong in wrongs:
        with pytest.raises(MalformedError):
            reading.read(document(**wrong), None)


def test_places_have_the_signals_movements_and_who_gives_way() -> None:
    places = places_of(roads(), [PROGRAMME])
    junctions = places.junctions
    assert junctions.is_lane.tolist() == [[True] * 4]
    assert (junctions.lane >= 0).sum() == 12
    by_lane = {lane: junctions.opens[0, :, junctions.lane[0] == lane] for lane in range(4)}
    assert {(one[:, 0].max(), one[:, 1].max()) for one in by_lane.values()} == {(PROTECTED, 0), (PERMISSIVE, 0), (0, PROTECTED)}
    yielding = junctions.yields[0].any(axis=1)
    is_permissive = junctions.opens[0, 0] == PERMISSIVE
    assert yielding.sum() > 0
    assert (is_permissive | ~yielding).all()
    network = crossing(has_signals=True)
    assert places.junction[network.lane_of["5to1_0"]] == NOWHERE
    assert junctions.exit_places[0] == pytest.approx(188.0 / 7.5, abs=0.1)


def test_who_comes_is_seen_by_lane_and_distance_and_whether_he_has_stood() -> None:
    sight = Sight(places_of(roads(), [PROGRAMME]), roads().lines)
    facts = np.zeros(1, np.int64), np.zeros(1)
    one = ("1to5_0", 180.0, 0.0), ("1to5_0", 100.0, 12.0), ("5to3_0", 50.0, 0.0)
    first = sight.state(seen(at(0), *one), *facts)
    assert first.vehicles.distance_m == pytest.approx([8.0, 88.0], abs=0.1)
    assert first.vehicles.is_new.all()
    assert first.vehicles.is_queued.tolist() == [True, False]
    assert first.exit_queue.sum() == 1
    second = sight.state(seen(at(1), ("1to5_0", 181.0, 1.0), ("1to5_0", 112.0, 12.0)), *facts)
    assert not second.vehicles.is_new.any()
    assert second.vehicles.is_queued.tolist() == [True, False]


def test_an_order_is_never_outside_what_the_signal_would_take() -> None:
    """Every stage, at every instant of a green and for every length, is granted by the very plan that the signal has."""
    for stage, green_s, wanted_s in itertools.product((0, 1), np.arange(0.0, 39.6, 1.3), (0.0, 1.0, 10.0, 300.0)):
        signal = SignalPlan(STAGES, Limits(150, 120), BEGIN)
        signal.command(0, at(40), BEGIN)
        signal.turn(at(green_s))
        order = order_of(told(), stage, at(green_s + wanted_s), at(green_s))
        assert order is not None
        assert isinstance(signal.command(order.stage, order.until_us, at(green_s)), Granted), (stage, green_s, wanted_s)
        late = signal.command(order.stage, order.until_us, at(green_s + 0.4))  # under way for so long
        assert isinstance(late, Granted), (stage, green_s, wanted_s)


def test_nothing_is_commanded_in_a_change_nor_while_a_vehicle_has_priority() -> None:
    for about in ({"light": "yellow", "following": 1}, {"by": "priority"}, {"by": "stop"}):
        assert order_of(told(**about), 1, at(9), at(3)) is None


def test_a_command_is_said_again_only_when_its_end_comes_near() -> None:
    last = Order(0, at(HOLDS_S))
    assert not is_news(Order(0, at(HOLDS_S + 1)), last, at(1))
    assert is_news(Order(0, at(HOLDS_S + 3)), last, at(HOLDS_S - RENEWED_S + 0.1))
    assert is_news(Order(1, at(9)), last, at(1))
    assert is_news(Order(0, at(9)), None, at(1))


def desk(controller: str = "greedy", **labels: str) -> SignalDesk:
    made = SignalDesk(itertools.count(1).__next__)
    made.use({5: device(signal_control=controller, **labels)}, BEGIN)
    made.hear(device(), "stage", json.dumps(document()).encode(), BEGIN)
    return made


def test_vehicles_that_wait_get_their_stage_and_it_is_kept_as_an_event() -> None:
    one = desk()
    (said,) = one.decide(seen(at(9), ("2to5_0", 180.0, 0.0), ("4to5_0", 180.0, 0.0)), roads())
    assert said.order.stage == 1
    assert said.document == {"seqNum": 1, "stage": 1, "until_us": said.order.until_us, "time_us": at(9)}
    assert [(each.what, each.stage, each.controller) for each in one.events()] == [("switched", 1, "greedy")]
    assert one.decide(seen(at(10), ("2to5_0", 180.0, 0.0)), roads()) == []


def test_a_refusal_is_counted_with_its_reason_and_the_command_said_anew() -> None:
    one = desk()
    waiting = ("2to5_0", 180.0, 0.0)
    (said,) = one.decide(seen(at(9), waiting), roads())
    answer = {"seqNum": said.number, "errorCode": 2, "errorDesc": "5.0 s ago", "refused": "late"}
    one.hear(device(), "stage/ack", json.dumps(answer).encode(), at(9.5))
    assert one.counts["refused, late"] == 1
    assert one.waits_ms == [500.0]
    assert [each.why for each in one.events() if each.what == "refused"] == ["5.0 s ago"]
    assert len(one.decide(seen(at(10), waiting), roads())) == 1


def test_a_signal_that_does_not_answer_is_noted_and_told_again() -> None:
    one = desk()
    one.decide(seen(at(9), ("2to5_0", 180.0, 0.0)), roads())
    assert len(one.decide(seen(at(13), ("2to5_0", 180.0, 0.0)), roads())) == 1
    assert one.counts["silent"] == 1


def test_a_manual_plan_holds_its_own_greens() -> None:
    one = desk("manual", signal_plan="10,30")
    lengths = []
    for second in range(100):
        lengths += [said.order.stage for said in one.decide(seen(at(second)), roads())][:1]
    assert one.state()[0]["controller"] == "manual"
    assert set(lengths) == {0, 1}


def test_what_nobody_can_do_is_said_and_the_signal_left_to_its_plan() -> None:
    for labels in ({"signal_control": "magic"}, {"signal_control": "manual"}, {"signal_control": "manual", "signal_plan": "x"}):
        made = SignalDesk(itertools.count(1).__next__)
        made.use({5: device(**labels)}, BEGIN)
        made.hear(device(), "stage", json.dumps(document()).encode(), BEGIN)
        assert made.decide(seen(at(9), ("2to5_0", 180.0, 0.0)), roads()) == []
        assert [each.what for each in made.events()] == ["unable"]


def test_rubbish_from_a_signal_is_counted_and_stops_nothing() -> None:
    one = desk()
    for payload in (b"", b"[]", b"{}", b"\xff", b'{"seqNum": "x"}'):
        one.hear(device(), "stage", payload, BEGIN)
        one.hear(device(), "stage/ack", payload, BEGIN)
    assert one.counts["unreadable"] > 5
    assert one.decide(seen(at(9), ("2to5_0", 180.0, 0.0)), roads())
