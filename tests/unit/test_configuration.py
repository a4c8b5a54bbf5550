"""What the registry lets a device be configured with and what the agent takes are the same documents."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.topics import Kind
from edge.control import Desired, read_configuration
from services.registry.orders.schemas import RSU, configuration, find_faults

NAMES = sorted(Desired.model_fields)
patient = settings(deadline=None)  # how long an example takes is the machine's affair
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5000),
    st.floats(-1, 4000, allow_nan=False),
    st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR", "LOUD", ""]),
    st.lists(st.sampled_from(["bsm", "rsm", "spat", "map", "rsi", "xyz"]), max_size=4),
)


def takes(document: dict[str, Any]) -> bool:
    """Whether the agent takes it over."""
    desired, _ = read_configuration(json.dumps({"seqNum": 1, "ack": True, **document}).encode())
    return desired is not None


@patient
@given(st.dictionaries(st.sampled_from([*NAMES, "colour"]), VALUES, max_size=4))
def test_what_the_registry_allows_an_rsu_the_agent_takes(document: dict[str, Any]) -> None:
    if not find_faults(configuration(Kind.RSU), document, at="change"):
        assert takes(document), document


@patient
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "heartbeat_s": st.floats(0.1, 3600),
            "run_status_s": st.integers(1, 3600),
            "log_level": st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR"]),
            "muted_streams": st.lists(st.sampled_from(["bsm", "rsm", "spat", "map", "rsi"]), unique=True),
        },
    )
)
def test_what_the_agent_takes_the_registry_allows(document: dict[str, Any]) -> None:
    assert takes(document)
    assert find_faults(configuration(Kind.RSU), document, at="change") == []


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_schema_of_its_own_with_the_agent_s_names(kind: Kind) -> None:
    properties = set(configuration(kind)["properties"])
    assert {"heartbeat_s", "run_status_s", "log_level"} <= properties
    assert properties - set(RSU) <= set(NAMES)
    assert (set(RSU) <= properties) == (kind is Kind.RSU)


def test_a_fault_is_named_with_field_and_bound() -> None:
    (fault,) = find_faults(configuration(Kind.RSU), {"bsmConfig": {"upLimit": 10_001}}, at="change")
    assert (fault.field, fault.value) == ("change.bsmConfig.upLimit", "10001")
    assert "10000" in fault.allowed
