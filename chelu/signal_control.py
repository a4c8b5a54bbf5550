"""How an operator says what is to become of a signal: labels of it in the register, read by inference (docs/city/signals.md).

Labels, since an operator's labels have all that is wanted already: rights, an audit log, revisions, search, and inference
hears of a change at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from chelu.errors import CheluError

CONTROL = "signal-control"  # who decides: `OFF`, `MANUAL`, or a controller's name
PLAN = "signal-plan"  # seconds of green of each stage in turn, of a manual plan
PRIORITY = "signal-priority"  # for whom it may be given: `PRIORITIES`
CORRIDOR = "corridor-to"  # of an emergency vehicle's unit: the link that it is to be led to
OFF, MANUAL = "off", "manual"
AUTOMATIC = ("fixed", "webster", "green-wave", "actuated", "greedy", "max-pressure", "predictive", "learned")
PRIORITIES = ("all", "emergency", "none")
LEAST_GREEN_S, MOST_GREEN_S, MOST_STAGES = 1.0, 600.0, 16


class ControlError(CheluError):
    """What an operator wants cannot be; the text says why, with what is allowed."""


def plan_of(text: str) -> tuple[float, ...]:
    """A manual plan from its label, `20,15,8.5`; ControlError for what is none."""
    allowed = f"2 to {MOST_STAGES} numbers of {LEAST_GREEN_S:g} to {MOST_GREEN_S:g} s, by commas"
    try:
        greens = tuple(float(one) for one in text.split(","))
    except ValueError:
        raise ControlError(f"{PLAN} = {text!r} is not {allowed}") from None
    if not 2 <= len(greens) <= MOST_STAGES or not all(LEAST_GREEN_S <= one <= MOST_GREEN_S for one in greens):
        raise ControlError(f"{PLAN} = {text!r} is not {allowed}")
    return greens


def plan_text(greens_s: Sequence[float]) -> str:
    """A manual plan as its label."""
    return ",".join(f"{one:g}" for one in greens_s)


def may_have_priority(label: str, *, is_emergency: bool) -> bool:
    """Whether a vehicle may be given priority at a signal with this label; without one, whoever has the right to it."""
    return label != "none" and (label != "emergency" or is_emergency)
