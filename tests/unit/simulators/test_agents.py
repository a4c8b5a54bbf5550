"""Simulated agents: each fault is what it says, the seed decides, and the judge of states sees what is not so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chelu.errors import ConfigurationError
from simulators.agents.agent import STRAY_NUMBER, Fetch, SimulatedAgent, Word
from simulators.agents.fleet import UP, will_of
from simulators.agents.traits import Trait, read_faults, spread
from simulators.agents.truth import untrue

CONFIG = {"seqNum": 5, "ack": True, "heartbeat_s": 2}
INSTALL = {"seqNum": 6, "action": "install", "name": "sim-os", "version": "2.0", "bytes": 10}


def agent(trait: Trait, chance: float = 0.9) -> SimulatedAgent:
    return SimulatedAgent("a", trait, lambda: chance, late_s=9.0, versions={"sim-os": "1.0"})


def told(one: SimulatedAgent, document: dict[str, Any], topic: str = "rsu/a/config/down") -> list[Word | Fetch]:
    return one.told(topic, json.dumps(document).encode(), 7)


def codes(words: list[Word | Fetch]) -> list[tuple[int, int]]:
    return [(word.document["seqNum"], word.document["errorCode"]) for word in words if isinstance(word, Word)]


def test_an_honest_agent_does_what_it_says() -> None:
    one = agent(Trait.HONEST)
    (word,) = told(one, CONFIG)
    assert isinstance(word, Word)
    assert (word.stream, word.document["config"]["heartbeat_s"], word.in_s) == ("config/ack", 2, 0)
    assert (one.config["heartbeat_s"], one.done, one.heard) == (2, {5}, {5})


def test_each_fault_is_what_it_says() -> None:
    assert told(agent(Trait.LOSSY, chance=0.1), CONFIG) == []
    assert told(agent(Trait.SILENT), CONFIG) == []
    assert codes(told(agent(Trait.STRAY), CONFIG)) == [(STRAY_NUMBER + 5, 0), (5, 0)]
    assert codes(told(agent(Trait.DOUBLE), CONFIG)) == [(5, 0), (5, 0), (5, 2)]
    assert [word.in_s for word in told(agent(Trait.LATE), CONFIG) if isinstance(word, Word)] == [9.0]
    assert codes(told(agent(Trait.FULL), CONFIG)) == [(5, 2)]
    liar = agent(Trait.LIAR)
    (word,) = told(liar, CONFIG)
    assert isinstance(word, Word)
    assert (word.document["errorCode"], word.document["config"]["heartbeat_s"], liar.done) == (0, 10.0, set())


def test_a_package_is_fetched_before_it_is_done_but_by_those_who_pretend() -> None:
    topic = "rsu/a/upgrade/down"
    honest, pretender = agent(Trait.HONEST), agent(Trait.PRETENDER)
    assert [type(each) for each in told(honest, INSTALL, topic)] == [Word, Fetch]
    (end,) = honest.fetched(INSTALL, "", 8)
    assert (end.document["state"], end.document["versions"], honest.done) == ("done", {"sim-os": "2.0"}, {6})
    assert told(honest, INSTALL, topic)[1] == end  # asked again, it says the same
    _, end = told(pretender, INSTALL, topic)  # type: ignore[assignment]
    assert (end.document["state"], end.document["versions"], pretender.done) == ("done", {"sim-os": "2.0"}, set())
    assert pretender.versions == {"sim-os": "1.0"}
    told(honest, {"seqNum": 7, "action": "rollback", "name": "sim-os", "version": "1.0"}, topic)
    assert (honest.versions, honest.done) == ({"sim-os": "1.0"}, {6, 7})


def test_the_seed_decides_who_has_which_fault() -> None:
    shares = read_faults(["lossy=0.05", "late=0.1"])
    traits = spread(1000, shares, 3)
    assert (traits.count(Trait.LOSSY), traits.count(Trait.LATE), traits.count(Trait.HONEST)) == (50, 100, 850)
    assert spread(1000, shares, 3) == traits != spread(1000, shares, 4)


@pytest.mark.parametrize("texts", [["lossy"], ["lossy=x"], ["tired=0.1"], ["lossy=1.1"], ["lossy=0.6", "late=0.6"]])
def test_shares_that_are_none_are_refused(texts: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="--fault"):
        read_faults(texts)


def test_they_say_good_bye_and_the_broker_does_when_they_are_lost() -> None:
    assert SimulatedAgent.offline("stopped", 7).document == {"state": "offline", "reason": "stopped", "time_us": 7}
    will = will_of("a")
    assert (will.topic, will.qos, will.retain) == ("rsu/a/state", 1, True)
    assert json.loads(will.payload) == {"state": "offline", "reason": "connection lost"}


def test_they_speak_on_their_own_topics() -> None:
    assert {UP[name].pattern for name in ("state", "info")} == {"{kind}/{id}/state", "{kind}/{id}/info/up"}


@pytest.mark.parametrize(
    ("state", "heard", "done", "more"),
    [
        ("applied", {5}, set(), {}),
        ("applied", set(), set(), {}),
        ("failed", {5}, {5}, {}),
        ("failed", set(), set(), {}),
        ("sent", {5}, set(), {"answers": 1}),
        ("timed out", {5}, set(), {"answers": 1, "answer": {"errorCode": 0}}),
        ("applied", {5}, {5}, {"is_late": True}),
    ],
)
def test_a_state_that_is_not_so_is_found(state: str, heard: set[int], done: set[int], more: dict[str, Any]) -> None:
    one = agent(Trait.HONEST)
    one.heard, one.done = heard, done
    order = {
        "device_id": "a",
        "number": 5,
        "state": state,
        "answers": 0,
        "answer": None,
        "is_late": False,
        "detail": "",
        "settled": "1",
        "expires": "2",
        **more,
    }
    assert len(untrue([order], {"a": one})) == 1
    good = {**order, "state": "applied", "answers": 1, "answer": {"errorCode": 0}, "is_late": False}
    one.heard, one.done = {5}, {5}
    assert untrue([good], {"a": one}) == []
