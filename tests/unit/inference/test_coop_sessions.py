"""Sessions: bounded, known again, ended in any case; zones that are never two's at once. Whatever is said, and whenever."""

from __future__ import annotations

import itertools
import json
import os
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chelu.coop.examples import EXAMPLES
from services.inference.coop.bookings import Bookings, Hold, TakenError, placed
from services.inference.coop.live import Live
from services.inference.coop.session import MOVES, OPEN, NoSuchMoveError, State
from tests.unit.inference.coop_stage import SIZE, Stage, lane
from tests.unit.inference.small_roads import crossing
from tests.unit.inference.test_coop_intersection import LINE_M, ask, holds, path, two


def test_from_every_open_state_a_session_can_end_and_from_an_ended_one_nothing_follows() -> None:
    for state, following in MOVES.items():
        assert (state in OPEN) == bool(following)
        if state in OPEN:
            assert {State.CANCELLED, State.EXPIRED} <= following
    stage = two()
    ask(stage, "obu-1", 3, 1, 8.0)
    stage.turn()
    session = stage.notes[0].session
    assert session is not None
    stage.say("obu-1", "coop.cancel", answers=session.number)
    stage.turn()
    with pytest.raises(NoSuchMoveError):
        session.move(State.GRANTED, "", stage.now_us)


def test_the_same_request_twice_at_once_is_answered_with_the_same_answer_and_opens_one_session() -> None:
    stage = two()
    number = ask(stage, "obu-1", 3, 1, 8.0)
    ask(stage, "obu-1", 3, 1, 8.0, seqNum=number)
    stage.turn()
    first, again = stage.told("obu-1")
    assert first == again
    assert len(stage.desk.table) == 1
    stage.desk.turn  # noqa: B018 - a later sending, after the end, gets what was told last
    stage.say("obu-1", "intersection.release", answers=number, outcome="cancelled")
    stage.turn()
    assert stage.states(number) == ["granted", "cancelled"]


def test_another_request_under_a_number_in_use_is_refused() -> None:
    stage = two()
    number = ask(stage, "obu-1", 3, 1, 8.0)
    ask(stage, "obu-1", 3, 1, 9.0, seqNum=number)
    stage.turn()
    assert "was used for another request" in stage.told("obu-1", "coop.refusal")[-1]["reason"]


def test_one_device_cannot_take_the_room_of_others() -> None:
    stage = two()
    for _ in range(12):
        ask(stage, "obu-1", 3, 1, 8.0)
    ask(stage, "obu-2", 4, 2, 8.0)
    stage.tick(0.1)
    assert "has a request of intersection open (1): end it first" in stage.told("obu-1", "coop.refusal")[-1]["reason"]
    assert stage.told("obu-2")[-1]["decision"] == "granted"
    for _ in range(200):
        stage.raw("obu-1", b"{}")
    assert stage.desk.counts["too_often"] > 100
    before = len(stage.posts)
    stage.say("obu-2", "coop.cancel", answers=1)
    stage.turn()
    stage.turn()
    assert any(device == "obu-2" for device, _, _ in stage.posts[before:])


def test_a_turn_that_has_taken_long_enough_leaves_the_rest_for_the_next() -> None:
    stage = two()
    for number in range(1, 6):
        stage.say("obu-1", "coop.cancel", answers=number)
    live = Live(stage.site.picture, stage.site.placement, stage.site.twins.twin, stage.now_us)
    for _ in range(5):
        posts, _ = stage.desk.turn(live, stage.register, lambda: True)
        assert len(posts) == 1
    assert stage.desk.is_idle


def test_a_full_site_says_so() -> None:
    stage = Stage(crossing(), {"coop_sessions": {"most_sessions": 1}})
    stage.car("obu-1", path(3, 1), LINE_M - 85.0, 10.0)
    stage.car("obu-2", path(4, 2), LINE_M - 85.0, 10.0)
    stage.tick(0.5)
    ask(stage, "obu-1", 3, 1, 8.0)
    ask(stage, "obu-2", 4, 2, 8.0)
    stage.turn()
    assert "the site has 1 open requests" in stage.told("obu-2")[-1]["reason"]


def test_every_session_expires_when_nobody_says_anything_more() -> None:
    stage = two()
    number = ask(stage, "obu-1", 3, 1, 8.0)
    stage.tick(0.1)
    for one in stage.actors:
        one.is_heard = False
    stage.tick(60.0, step_s=0.5)
    assert stage.states(number)[-1] in {"expired", "revoked"}
    assert len(stage.desk.table) == 0
    assert holds(stage) == []


def test_clocks_that_jump_end_sessions_and_break_nothing() -> None:
    stage = two()
    number = ask(stage, "obu-1", 3, 1, 8.0)
    stage.tick(0.1)
    stage.now_s += 7200
    stage.tick(0.5)
    assert stage.states(number)[-1] in {"expired", "revoked"}
    second = ask(stage, "obu-2", 4, 2, 8.0)
    stage.tick(0.1)
    stage.now_s -= 7200
    stage.tick(3.0)
    assert stage.states(second)[-1] in {"expired", "revoked", "refused"}
    assert len(stage.desk.table) == 0


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "it is not JSON"),
        (b"\xff\x00", "it is not JSON"),
        (b"[]", "a JSON object is expected"),
        (b'{"type": "wish", "seqNum": 7}', "type = 'wish' is not allowed"),
        (b'{"type": "priority.answer", "seqNum": 7}', "type = 'priority.answer' is not allowed: up"),
        (b'{"type": "coop.cancel", "seqNum": 7, "time_us": 1, "answers": 99}', "answers = 99 is none of obu-1's open requests"),
        (
            b'{"type": "intersection.release", "seqNum": 7, "time_us": 1, "answers": 99, "outcome": "crossed"}',
            "none of obu-1's requests",
        ),
        (b'{"type": "priority.cancel", "seqNum": 7, "time_us": 1, "answers": 99}', "none of obu-1's requests"),
        (b"x" * 70_000, "70000 bytes where 65536 are allowed"),
    ],
)
def test_rubbish_and_what_belongs_to_no_session_is_refused_saying_why(payload, why) -> None:
    stage = two()
    stage.raw("obu-1", payload)
    stage.turn()
    answer = stage.told("obu-1", "coop.refusal")[-1]
    assert why in answer["reason"]
    assert answer.get("answers") == (7 if b'"seqNum": 7' in payload else None)


def test_a_request_that_is_old_or_of_tomorrow_is_refused() -> None:
    stage = two()
    for time_us in (stage.now_us - 6_000_000, stage.now_us + 6_000_000):
        body = {**EXAMPLES["intersection.request"], "time_us": time_us, "seqNum": time_us % 1000}
        stage.raw("obu-1", json.dumps(body).encode())
        stage.turn()
        assert "the platform's clock" in stage.told("obu-1", "coop.refusal")[-1]["reason"]


def test_a_number_of_another_application_or_an_ended_session_is_refused() -> None:
    stage = two()
    number = ask(stage, "obu-1", 3, 1, 8.0)
    stage.turn()
    stage.say("obu-1", "priority.cancel", answers=number)
    stage.turn()
    assert "is a request of intersection, not of priority" in stage.told("obu-1", "coop.refusal")[-1]["reason"]
    stage.say("obu-1", "intersection.release", answers=number, outcome="cancelled")
    stage.say("obu-1", "intersection.release", answers=number, outcome="cancelled")
    stage.turn()
    assert "is over: cancelled" in stage.told("obu-1", "coop.refusal")[-1]["reason"]


def test_no_bytes_whatever_stop_the_desk() -> None:
    stage = two()
    for name, example in EXAMPLES.items():
        stage.tick(0.3)
        stage.raw("obu-1", json.dumps({**example, "time_us": stage.now_us}).encode())
        stage.raw("obu-2", os.urandom(200) + name.encode())
    stage.tick(1.0)
    assert stage.desk.counts["declined"] >= len(EXAMPLES)


class Book(RuleBasedStateMachine):
    """Sessions that book, move and leave one node's zones at will."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Bookings()

    @rule(
        session=st.sampled_from("abcdef"),
        spans=st.dictionaries(st.integers(1, 4), st.tuples(st.integers(-3, 5), st.integers(6, 12)), min_size=1),
        begin=st.integers(0, 60),
    )
    def take(self, session, spans, begin) -> None:
        found = self.book.earliest(spans, session, begin, begin + 100)
        if found is not None:
            assert found >= begin
            self.book.take(session, placed(spans, session, found))
            for earlier in range(begin, found):  # there was no sooner one
                assert self.book.against(placed(spans, session, earlier))

    @rule(session=st.sampled_from("abcdef"), zone=st.integers(1, 4), begin=st.integers(0, 60))
    def take_blindly(self, session, zone, begin) -> None:
        before = self.book.of(session)
        wanted = [Hold(zone, session, begin, begin + 5)]
        if self.book.against(wanted):
            with pytest.raises(TakenError):
                self.book.take(session, wanted)
            assert self.book.of(session) == before
        else:
            self.book.take(session, wanted)

    @rule(session=st.sampled_from("abcdef"))
    def drop(self, session) -> None:
        self.book.drop(session)
        assert self.book.of(session) == ()

    @rule(now=st.integers(0, 100))
    def forget(self, now) -> None:
        self.book.forget(now, {"a"})

    @invariant()
    def no_zone_is_two_sessions_at_once(self) -> None:
        for one, two_ in itertools.combinations(self.book.holds(), 2):
            assert one.session_id == two_.session_id or not one.overlaps(two_)


TestBook = Book.TestCase
TestBook.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


class Crossing(RuleBasedStateMachine):
    """Vehicles from all arms that ask, brake, dash, go silent, cancel and repeat themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(crossing())
        self.count = 0
        self.asked: list[tuple[str, int]] = []

    @rule(
        arms=st.sampled_from([(a, b) for a in range(1, 5) for b in range(1, 5) if a != b]),
        far=st.floats(10, 150),
        speed=st.floats(0, 14),
    )
    def come(self, arms, far, speed) -> None:
        if self.count == 12:
            return
        self.count += 1
        name = f"obu-{self.count}"
        self.stage.car(name, path(*arms), LINE_M - far, speed, responds=self.count % 4 == 0, rights={"emergency"})
        self.stage.tick(0.2)
        self.asked.append((name, ask(self.stage, name, arms[0], arms[1], far / max(speed, 3.0))))

    @rule(seconds=st.floats(0.1, 4))
    def go_on(self, seconds) -> None:
        self.stage.tick(seconds)

    @rule(data=st.data(), speed=st.sampled_from([0.0, 3.0, 8.0, 14.0]), is_heard=st.booleans())
    def change(self, data, speed, is_heard) -> None:
        if self.stage.actors:
            one = data.draw(st.sampled_from(self.stage.actors))
            one.speed, one.is_heard = speed, is_heard

    @rule(data=st.data(), kind=st.sampled_from(["crossed", "cancelled"]))
    def release(self, data, kind) -> None:
        if self.asked:
            name, number = data.draw(st.sampled_from(self.asked))
            self.stage.say(name, "intersection.release", answers=number, outcome=kind)

    @invariant()
    def no_zone_is_two_sessions_at_once(self) -> None:
        for one, two_ in itertools.combinations(holds(self.stage), 2):
            assert one.session_id == two_.session_id or not one.overlaps(two_)

    @invariant()
    def who_is_granted_holds_its_zones_and_who_waits_holds_none(self) -> None:
        held = {hold.session_id for hold in holds(self.stage)}
        for session in self.stage.desk.table.all_open():
            assert UUID(session.session_id)
            if session.state is State.GRANTED:
                assert session.session_id in held
            else:
                assert session.session_id not in held

    def teardown(self) -> None:
        """Every session ends, whatever happened before."""
        for one in self.stage.actors:
            one.is_heard = False
        self.stage.tick(120.0, step_s=2.0)
        assert len(self.stage.desk.table) == 0


TestCrossing = Crossing.TestCase
TestCrossing.settings = settings(max_examples=6, stateful_step_count=12, deadline=None)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["obu-1", "obu-2"])), max_size=20))
def test_replays_and_what_is_out_of_order_leave_each_request_with_one_session(order) -> None:
    stage = two()
    documents = [
        json.dumps({
            "type": "intersection.request", "seqNum": number, "time_us": stage.now_us, "intersection": {"region": 0, "id": 5},
            "approach": lane(3, 5), "exit": lane(5, 1), "motion": stage.motion("obu-1"), "size": SIZE, "arrival_in_s": 8.0,
        }).encode()
        for number in range(6)
    ]  # fmt: skip
    for number, name in order:
        stage.raw(name, documents[number])
    stage.tick(0.1)
    asked = [(one.device.device_id, one.number) for one in stage.notes if one.what == "asked"]
    assert len(asked) == len(set(asked))
    own = [number for number, name in order if name == "obu-1"]
    assert [number for name, number in asked if name == "obu-1"] == own[:1]  # of one device one at a time
    assert all(stage.states(number) for _, number in asked)
