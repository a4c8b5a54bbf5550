"""What the registry makes of what it hears: nothing that a stranger says is trusted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu import topics
from chelu.bus import Received
from chelu.verifiers import fingerprint, new_secret, verifier
from services.registry.joining_rows import KEPT_A_SERIAL, Heard, Kept
from services.registry.strangers import Ack, Addresses, Arrival, Online, read, sort

LINE = verifier(new_secret())


def message(topic: str, document: Any) -> Received:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Received(topic=topic, payload=payload, qos=1, arrival_us=0, mid=1, sequence=None, retained=False)


def test_a_hello_is_read_and_its_verifier_taken_out_of_what_was_said() -> None:
    found = read(message("join/R1/crew.3/hello/up", {"kind": "rsu", "verifier": LINE, "colour": "grey"}))
    assert found == Heard("R1", "crew.3", "crew", LINE, fingerprint(LINE), {"kind": "rsu", "colour": "grey"})


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"\xff", b"[" * 5000, {}, {"verifier": LINE[:-4]}, {"verifier": LINE, "kind": "tram"}]
)
def test_a_hello_that_is_none_goes_into_quarantine_as_it_is(said: object) -> None:
    heard = message("join/R1/crew.3/hello/up", said)
    assert read(heard) == Kept("R1", heard.topic, heard.payload)


def test_what_is_too_long_is_cut_and_a_serial_that_is_none_passed_over() -> None:
    found = read(message("join/R1/crew.3/data/bsm", bytes(100_000)))
    assert isinstance(found, Kept)
    assert len(found.payload) == 64 << 10
    for serial in ("x" * 65, "a b", "ä", "..", "."):
        assert read(message(f"join/{serial}/crew.3/data/bsm", b"x")) is None


def test_devices_are_heard_when_they_come_and_when_they_have_made_a_secret() -> None:
    assert read(message("rsu/r/state", {"state": "online"})) == Online("r")
    assert read(message("rsu/r/state", {"state": "offline"})) is None
    assert read(message("rsu/r/command/down/ack", {"seqNum": 7, "errorCode": 0, "verifier": LINE})) == Ack("r", 7, LINE)
    for answer in (
        {"seqNum": 7, "errorCode": 2, "verifier": LINE},
        {"seqNum": 7, "errorCode": 0},
        {"seqNum": "7", "errorCode": 0, "verifier": LINE},
        {"seqNum": 2**63, "errorCode": 0, "verifier": LINE},
        {"seqNum": 7, "errorCode": 0, "verifier": "root"},
    ):
        assert read(message("rsu/r/command/down/ack", answer)) is None


def test_a_verifier_that_costs_much_or_could_be_two_lines_is_refused() -> None:
    _, scheme, _, salt, digest = LINE.split("$")
    for line in (
        f"${scheme}$1001${salt}${digest}",
        f"${scheme}$100${salt}${digest}",
        f"${scheme}$101${salt}${digest}\nroot:x",
        f"${scheme}$101${salt}\n${digest}",
        f"$6$101${salt}${digest}",
        f"${scheme}$١٠١${salt}${digest}",
    ):
        assert isinstance(read(message("join/R1/crew.3/hello/up", {"verifier": line})), Kept), line


def test_a_strangers_address_is_the_one_of_its_session() -> None:
    said = "1795631009: New client connected from 192.0.2.7:49049 as join+crew+3 (p5, c1, k60, u'join+crew+3')."
    arrival = read(message(topics.CONNECTIONS, said.encode()))
    assert arrival == Arrival("join+crew+3", "192.0.2.7")
    assert read(message(topics.CONNECTIONS, said.replace("join+crew+3", "rsu-1").encode())) is None
    v6 = read(message(topics.CONNECTIONS, said.replace("192.0.2.7", "2001:db8::7").encode()))
    assert v6 == Arrival("join+crew+3", "2001:db8::7")
    hello, other = (read(message(f"join/R/{place}/hello/up", {"verifier": LINE})) for place in ("crew.3", "crew.4"))
    assert arrival is not None
    assert hello is not None
    assert other is not None
    assert [getattr(word, "address", "") for word in Addresses().add_to([arrival, hello, other])] == ["192.0.2.7", None]
    few = Addresses(most=1)
    found = few.add_to([arrival, Arrival("join+crew+4", "192.0.2.8"), hello, other])
    assert [getattr(word, "address", "") for word in found] == [None, "192.0.2.8"]


def test_of_many_words_the_last_hello_and_no_more_data_than_is_kept_remain() -> None:
    hellos = [Heard("s", "k.0", "k", LINE, "f", {"n": number}) for number in range(3)]
    data = [Kept("s", "t", b"%d" % number) for number in range(KEPT_A_SERIAL + 50)]
    heard, kept, online, acks = sort([*hellos, *data, Online("a"), Online("a"), Ack("a", 1, LINE)])
    assert heard == hellos[-1:]
    assert kept == data[50:]
    assert (online, acks) == (["a"], [Ack("a", 1, LINE)])


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
TOPICS = ("join/s/k.1/hello/up", "join/s/k/hello/up", "rsu/r/state", "rsu/r/command/down/ack", topics.CONNECTIONS, "x")


@given(st.sampled_from(TOPICS), st.binary(max_size=300) | JSON)
def test_no_message_raises(topic: str, payload: bytes) -> None:
    read(message(topic, payload))
