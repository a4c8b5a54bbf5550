"""Configuration, commands and receipts: documents in, answers out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.errors import MalformedError
from edge import control


def answer(document: object) -> dict[str, object]:
    _, given = control.read_configuration(json.dumps(document).encode())
    decoded = json.loads(given.encode())
    assert isinstance(decoded, dict)
    return decoded


def test_a_good_configuration_is_taken_over_and_acknowledged() -> None:
    desired, given = control.read_configuration(
        b'{"seqNum": 7, "heartbeat_s": 2.5, "log_level": "DEBUG", "muted_streams": ["spat"]}'
    )
    assert desired is not None
    assert (desired.heartbeat_s, desired.log_level, desired.muted_streams) == (2.5, "DEBUG", frozenset({"spat"}))
    assert json.loads(given.encode()) == {"seqNum": 7, "errorCode": 0}


@pytest.mark.parametrize(
    ("document", "code", "names"),
    [
        ({"seqNum": 7, "heartbeat_s": 0}, 1, "heartbeat_s = 0"),
        ({"seqNum": 7, "heartbeat_s": "often"}, 1, "heartbeat_s = 'often'"),
        ({"seqNum": 7, "log_level": "LOUD"}, 1, "log_level = 'LOUD'"),
        ({"seqNum": 7, "colour": "red"}, 1, "colour = 'red'"),
        ({"heartbeat_s": 1}, 1, "seqNum = None"),
        ([1, 2], 1, "not a JSON object"),
    ],
)
def test_a_bad_configuration_is_a_bad_parameter_that_is_named(document: object, code: int, names: str) -> None:
    given = answer(document)
    assert given["errorCode"] == code
    assert names in str(given["errorDesc"])
    assert len(str(given["errorDesc"])) <= 128


def test_a_bad_key_beside_a_good_one_changes_nothing() -> None:
    desired, _ = control.read_configuration(b'{"seqNum": 1, "heartbeat_s": 5, "run_status_s": -1}')
    assert desired is None


def test_a_command_is_read_with_its_values_and_what_is_none_is_answered() -> None:
    assert control.read_command(b'{"seqNum": 3, "command": "ping", "x": 1}') == control.Command(
        3, "ping", {"seqNum": 3, "command": "ping", "x": 1}
    )
    for payload, sequence in ((b'{"seqNum": 4, "command": 5}', 4), (b'{"command": "ping"}', 0), (b"[]", 0)):
        refused = control.read_command(payload)
        assert isinstance(refused, control.Answer)
        assert (refused.sequence, refused.code) == (sequence, control.BAD_PARAMETER)


def test_a_receipt_names_the_highest_number_of_each_stream() -> None:
    receipt = control.read_receipt(b'{"stored": {"bsm": 123, "heartbeat": 45}, "again": ["rsi"]}')
    assert receipt == control.Receipt({"bsm": 123, "heartbeat": 45}, frozenset({"rsi"}))


@pytest.mark.parametrize(
    "payload",
    [b"", b"{}", b"[]", b'{"stored": 1}', b'{"stored": {"bsm": -1}}', b'{"stored": {"bsm": true}}', b'{"stored": {"bsm": "1"}}'],
)
def test_a_receipt_that_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedError):
        control.read_receipt(payload)


@given(st.binary(max_size=200))
def test_no_bytes_get_further_than_an_answer(payload: bytes) -> None:
    desired, given = control.read_configuration(payload)
    assert desired is None or given.code == control.OK
    command = control.read_command(payload)
    assert isinstance(command, control.Command) or command.code == control.BAD_PARAMETER


def test_a_document_nested_too_deeply_is_refused() -> None:
    assert answer({"seqNum": 1})["errorCode"] == 0
    _, given = control.read_configuration(b"[" * 100_000)
    assert given.code == control.BAD_PARAMETER
