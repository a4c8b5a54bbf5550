"""Whether what the registry says of orders is so: each state against what the simulated agents really heard and did. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from simulators.agents.agent import SimulatedAgent

AT_IT = frozenset({"received", "downloading", "verifying", "installing"})
Order = Mapping[str, Any]  # as the API shows it


def untrue(orders: Iterable[Order], agents: Mapping[str, SimulatedAgent]) -> list[str]:
    """A sentence for each order whose state is not so."""
    return [sentence for order in orders if (sentence := _untrue(order, agents[order["device_id"]]))]


def _untrue(order: Order, agent: SimulatedAgent) -> str:
    number, state = order["number"], order["state"]
    has_heard, has_done = number in agent.heard, number in agent.done
    is_ended = order["answer"] is not None and order["answer"].get("state") not in AT_IT
    against = {
        "it was answered": state in {"queued", "sent"} and order["answers"] > 0,
        "it never heard of it": state in {"delivered", "applied", "failed"} and not has_heard,
        "it has not done it": state == "applied" and not has_done,
        f"it has done it ({order['detail']})": state == "failed" and has_done,
        "it was answered how it ended": state in {"timed out", "delivered"} and is_ended,
        "late, which it is not": order["is_late"] and order["settled"] <= order["expires"],
    }
    found = next((what for what, is_so in against.items() if is_so), "")
    return f"order {number} of {agent.device_id} ({agent.trait}) is {state}, and {found}" if found else ""
