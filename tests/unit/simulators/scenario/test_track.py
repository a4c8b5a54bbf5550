"""Nobody runs on the track before everybody is ready, and everybody is told when one is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.clock import VirtualClock
from simulators.scenario.dut.said import Said
from simulators.scenario.track.conducting import Conductor
from simulators.scenario.track.states import Limits, Session, State, told

LIMITS = Limits(silent_s=2.0, arm_s=10.0, ready_s=30.0, lasts_s=5.0)
DEVICES = {"ego": "obu-1", "walker": "phone-1"}
START_US = 1_795_000_000_000_000
Reply = Callable[[str, Mapping[str, Any]], int | None]


@dataclass
class Field:
    """Participants that answer as `reply` says: an error code, or None for nothing (`hub.Hub`)."""

    clock: VirtualClock
    reply: Reply
    said: list[tuple[str, str]] = field(default_factory=list)
    waiting: list[tuple[str, Said]] = field(default_factory=list)

    def command(self, device_id: str, document: Mapping[str, Any]) -> None:
        what = document.get("action", document["command"])
        self.said.append((device_id, what))
        code = self.reply(device_id, document)
        if code is not None:
            answer = {"seqNum": document["seqNum"], "errorCode": code, "errorDesc": "busy" if code else ""}
            self.waiting.append((device_id, Said("command/ack", json.dumps(answer).encode(), self.clock.wall_us())))

    def heard(self, wait_s: float) -> Iterator[tuple[str, Said]]:
        self.clock.advance(wait_s)
        taken, self.waiting = self.waiting, []
        yield from taken

    def to(self, device_id: str) -> list[str]:
        """What one was told, without repetitions."""
        words = [what for device, what in self.said if device == device_id]
        return [word for index, word in enumerate(words) if index == 0 or words[index - 1] != word]


def conducted(reply: Reply, wants_start: Callable[[], bool] = lambda: True) -> tuple[State, Session, Field, list[str]]:
    clock = VirtualClock(START_US)
    ground, session, words = Field(clock, reply), Session(tuple(DEVICES), LIMITS, clock.monotonic_s()), list[str]()
    conductor = Conductor(
        session, ground, clock, devices=DEVICES, about={"scenario": "tried"}, wants_start=wants_start, tell=words.append
    )
    return conductor.run(), session, ground, words


def test_a_run_goes_from_arming_to_done_and_everybody_is_told_each_step() -> None:
    state, session, ground, words = conducted(lambda _, __: 0)
    assert state is State.DONE
    assert [one.state for one in session.log] == [State.ARMING, State.ARMED, State.READY, State.RUNNING, State.DONE]
    for device in DEVICES.values():
        assert ground.to(device) == ["arm", "ready", "start", "ping", "end"]
    assert session.log[-1].at_s - session.log[-2].at_s == pytest.approx(5.0, abs=0.2)
    assert words[-1] == "done"


def test_nobody_starts_before_the_last_is_ready_and_the_reason_is_said_once() -> None:
    asked = [0]

    def reply(device: str, document: Mapping[str, Any]) -> int:
        if device == "phone-1" and document.get("action") == "ready":
            asked[0] += 1
            return 2 if asked[0] < 10 else 0
        return 0

    state, _, ground, words = conducted(reply)
    assert state is State.DONE
    assert words.count("walker is not ready: busy") == 1
    starts = [index for index, (_, what) in enumerate(ground.said) if what == "start"]
    assert min(starts) > max(index for index, one in enumerate(ground.said) if one == ("phone-1", "ready"))


def test_one_that_is_lost_in_mid_run_aborts_it_for_everybody() -> None:
    running = [0]

    def reply(device: str, document: Mapping[str, Any]) -> int | None:
        running[0] += document["command"] == "ping" and device == "phone-1"
        return None if device == "phone-1" and running[0] > 2 else 0

    state, session, ground, words = conducted(reply)
    assert state is State.ABORTED
    assert session.log[-1].reason == "lost walker: no sign of life for 2 s"
    assert ground.to("obu-1")[-1] == "abort"
    assert ground.to("phone-1")[-1] == "abort"  # it is told all the same: it may hear
    assert words[-1] == "walker did not answer that it is over"
    lasted = session.log[-1].at_s - session.log[-2].at_s
    assert lasted < 4.0


def test_one_that_never_arms_is_named() -> None:
    state, session, _, _ = conducted(lambda device, _: None if device == "phone-1" else 0)
    assert state is State.ABORTED
    assert session.log[-1].reason == "walker did not arm within 10 s"


def test_one_that_does_not_start_aborts_the_others() -> None:
    state, session, ground, _ = conducted(lambda device, one: 2 if device == "obu-1" and one.get("action") == "start" else 0)
    assert state is State.ABORTED
    assert session.log[-1].reason == "ego does not start: busy"
    assert ground.to("phone-1")[-1] == "abort"


def test_by_hand_everybody_is_told() -> None:
    def never() -> bool:
        raise KeyboardInterrupt

    state, session, ground, _ = conducted(lambda _, __: 0, never)
    assert (state, session.log[-1].reason) == (State.ABORTED, "by hand")
    assert ground.to("obu-1")[-1] == "abort"


def test_somebody_who_is_not_ready_any_more_holds_up_the_start() -> None:
    session = Session(("ego", "walker"), LIMITS, 0.0)
    for name in session.participants:
        session.armed(name, 0.1)
    for name in session.participants:
        session.ready(name, 0.2)
    session.unready("walker", 0.3)
    assert not session.start(0.4)
    assert session.wanting == ["walker"]
    session.ready("walker", 0.5)
    assert session.start(0.6)


STEPS = st.lists(
    st.tuples(st.sampled_from(["seen", "armed", "ready", "unready", "start", "abort", "turn"]), st.booleans(), st.floats(0, 3))
)


@given(STEPS)
def test_whatever_happens_a_run_never_leaves_its_end_and_never_starts_unready(steps: list[tuple[str, bool, float]]) -> None:
    session, now_s = Session(("ego", "walker"), LIMITS, 0.0), 0.0
    armed, ready = set[str](), set[str]()
    for what, is_first, wait_s in steps:
        now_s += wait_s
        name, before = ("ego" if is_first else "walker"), session.state
        if what == "start":
            began = session.start(now_s)
            assert began == (before is State.READY)
            assert not began or (armed == ready == {"ego", "walker"})
        elif what == "abort":
            session.abort("tried", now_s)
        elif what == "turn":
            session.turn(now_s)
        else:
            getattr(session, what)(name, now_s)
            {"armed": armed.add, "ready": ready.add, "unready": ready.discard}.get(what, lambda _: None)(name)
        assert not before.is_over or session.state is before
    assert [one["at_s"] for one in told(session.log, 0.0)] == sorted(round(one.at_s, 3) for one in session.log)
