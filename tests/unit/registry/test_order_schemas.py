"""What a configuration or a command may say, and in which words it is refused."""

from __future__ import annotations

from chelu.topics import Kind
from services.registry.orders.schemas import COMMANDS, configuration, find_faults
from services.registry.problems import fault_of


def test_a_refusal_names_all_that_is_allowed() -> None:
    (fault,) = find_faults(COMMANDS["log_level"].parameters, {"level": "debug"}, at="parameters")
    assert (fault.field, fault.value, fault.allowed) == ("parameters.level", "'debug'", "one of DEBUG, INFO, WARNING, ERROR")


def test_a_check_of_our_own_is_told_in_our_own_words() -> None:
    fault = fault_of({"type": "value_error", "loc": ("body", "kind"), "msg": "Value error, one of a, b", "input": "c"})
    assert fault.allowed == "one of a, b"


def test_a_name_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    (fault,) = find_faults(configuration(Kind.RSU), {"colour": "red"}, at="change")
    assert fault.field == "change"
    assert fault.allowed.startswith("without colour: there are ")
    assert "heartbeat_s" in fault.allowed
    (fault,) = find_faults(COMMANDS["ping"].parameters, {"loud": True}, at="parameters")
    assert fault.allowed == "without loud: there are none"
