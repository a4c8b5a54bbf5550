"""What a broker is answered that asks by HTTP: the same as mosquitto's files say, for whatever is asked."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.local.rights import Rights, parse_acl
from chelu.provisioning import Account
from chelu.topics import TOPICS, Kind
from chelu.verifiers import verifier
from services.registry.broker_files import BrokerState
from services.registry.decisions import Admission, Decider
from services.registry.rights import ROLES, Child, Speaker, acl_lines

CHILDREN = (Child("gate", Kind.OBU, "obu-1"), Child("gate", Kind.RSU, "rsu-1"), Child("other", Kind.OBU, "bsm"))
SPEAKERS = (Speaker("rsu-1", "R328328"), Speaker("gate", "R328328"), Speaker("rsu", "rsu-1"))
STRANGERS = (Account("crew", 0), Account("crew", 1), Account("a.b", 10))
DEVICES = ("gate", "other", "obu-1", "rsu-1", "bsm", "up", "rsu", "V2X")
USERS = (*DEVICES, *ROLES, *(account.user for account in STRANGERS))
STATE = BrokerState(
    {user: verifier(user) for user in USERS},
    tuple(ROLES),
    CHILDREN,
    STRANGERS,
    {"rsu-1": verifier("new"), "bsm": verifier("new")},
    SPEAKERS,
)
DECIDER = Decider(STATE)
FILE = Rights(STATE.verifiers, parse_acl("\n".join(acl_lines(STATE.accounts, STATE.children, STATE.strangers, SPEAKERS))))
NAMES = st.sampled_from((*DEVICES, "R328328", "join", "crew.0", "crew.1", "a.b.10", "hello", "x", "", "%u", "data"))
LEVELS = sorted({level for row in TOPICS for level in row.pattern.split("/")} - {"{id}", "{kind}", "{place}", "#"})


@st.composite
def topics(draw: st.DrawFn) -> str:
    """Topics of the table, most of them, with names of any kind in their places; some are changed by a level."""
    row = draw(st.sampled_from(TOPICS))
    kind = draw(st.sampled_from(row.kinds or tuple(Kind)))
    topic = row.pattern.format(kind=kind.value, id=draw(NAMES), place=draw(NAMES))
    levels = topic.replace("#", draw(st.sampled_from(("data", "a/b")))).split("/")
    change = draw(st.sampled_from(("none", "none", "none", "level", "less", "more", "picture")))
    if change == "level":
        levels[draw(st.integers(0, len(levels) - 1))] = draw(st.one_of(NAMES, st.sampled_from(LEVELS)))
    return {"less": "/".join(levels[:-1]) or "x", "more": "/".join([*levels, "x"]), "picture": "site/hillside/picture"}.get(
        change, "/".join(levels)
    )


@given(st.sampled_from(USERS), topics(), st.booleans())
def test_the_hook_and_the_file_decide_the_same(user: str, topic: str, is_write: bool) -> None:
    found = DECIDER.may_publish(user, topic) if is_write else DECIDER.may_subscribe(user, topic)
    assert found is FILE.allows(user, topic, is_write=is_write), (user, topic)


@pytest.mark.parametrize("is_write", [False, True])
def test_they_decide_the_same_for_every_row_and_user(is_write: bool) -> None:
    allowed = 0
    for row in TOPICS:
        for kind in row.kinds or (Kind.OBU,):
            for name in (*DEVICES, "R328328", "x"):
                topic = row.pattern.format(kind=kind.value, id=name, place="crew.0").replace("#", "x")
                for user in USERS:
                    found = DECIDER.may_publish(user, topic) if is_write else DECIDER.may_subscribe(user, topic)
                    assert found is FILE.allows(user, topic, is_write=is_write), (user, topic)
                    allowed += found
    assert allowed > 100


@given(st.sampled_from(USERS), topics(), st.data())
def test_a_filter_is_granted_only_if_every_topic_that_it_matches_is(user: str, topic: str, data: st.DataObject) -> None:
    levels = topic.split("/")
    at = data.draw(st.integers(0, len(levels) - 1))
    name = data.draw(st.sampled_from(["/".join([*levels[:at], "+", *levels[at + 1 :]]), "/".join([*levels[:at], "#"])]))
    if DECIDER.may_subscribe(user, name):
        assert FILE.allows(user, topic, is_write=False)
        assert DECIDER.may_subscribe(user, f"$share/group/{name}")


def test_services_hear_the_filters_that_they_subscribe_to() -> None:
    for filter_ in ("obu/#", "join/#", "V2X/#", "obu/+/bsm/up"):
        assert DECIDER.may_subscribe("ingest", filter_)
    assert DECIDER.may_subscribe("gate", "obu/obu-1/#")
    assert DECIDER.may_subscribe("console", "site/+/picture")
    for user, filter_ in (
        ("ingest", "#"),
        ("ingest", "+/+/bsm/up"),
        ("gate", "obu/#"),
        ("obu-1", "obu/obu-1/#"),
        ("console", "#"),
    ):
        assert not DECIDER.may_subscribe(user, filter_)


def test_an_openv2x_roadside_and_its_gateway_speak_under_its_esn_and_nobody_does_under_an_id() -> None:
    topic = "V2X/RSU/R328328/RSM/UP"
    assert {user for user in USERS if DECIDER.may_publish(user, topic)} == {"rsu-1", "gate"}
    assert not any(DECIDER.may_publish(user, "V2X/RSU/R328328/MAP/UP") for user in USERS)
    assert {user for user in USERS if DECIDER.may_publish(user, "V2X/RSU/rsu-1/HB/UP")} == {"rsu"}


def test_nobody_publishes_to_a_wildcard_and_a_stranger_to_the_register_does_nothing() -> None:
    for topic in ("obu/obu-1/+/up", "obu/obu-1/#", "#", "+"):
        assert not DECIDER.may_publish("obu-1", topic)
        assert not DECIDER.may_publish("gate", topic)
    assert not DECIDER.may_publish("nobody", "obu/nobody/bsm/up")
    assert not DECIDER.may_subscribe("nobody", "obu/nobody/config/down")
    assert not DECIDER.may_publish("", "obu//bsm/up")


def test_a_password_counts_under_its_own_client_id_and_the_next_one_beside_it() -> None:
    assert DECIDER.admit("rsu-1", "rsu-1", "rsu-1") is Admission.YES
    assert DECIDER.admit("rsu-1", "new", "rsu-1") is Admission.WITH_NEXT
    assert DECIDER.admit("obu-1", "new", "obu-1") is Admission.NO
    assert DECIDER.admit("rsu-1", "rsu-1", "obu-1") is Admission.NO
    assert DECIDER.admit("rsu-1", "rsu-1", "") is Admission.NO
    assert DECIDER.admit("nobody", "", "nobody") is Admission.NO
    assert DECIDER.admit(STRANGERS[0].user, STRANGERS[0].user, STRANGERS[0].user) is Admission.YES


def test_an_answer_costs_the_same_for_ten_thousand_devices() -> None:
    def cost_s(count: int) -> float:
        lines = dict.fromkeys((f"d{number}" for number in range(count)), "x")
        children = tuple(Child("gate", Kind.OBU, f"c{number}") for number in range(count))
        decider = Decider(BrokerState({**lines, "gate": "x"}, tuple(ROLES), children))
        best = float("inf")
        for _ in range(5):
            started_s = time.process_time()
            for _ in range(2000):
                assert decider.may_publish("d5", "obu/d5/bsm/up")
                assert decider.may_publish("gate", "obu/c5/bsm/up")
            best = min(best, time.process_time() - started_s)
        return best

    assert cost_s(10_000) < 3 * cost_s(10)
