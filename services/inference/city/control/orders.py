"""From what a controller decides to what a signal is commanded: a green until an instant, within the limits that the signal told.

The signal refuses what is outside its limits; so what is too short is lengthened to the least green, and what is too long cut at
the most, here where it is decided. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from chelu.signals.stages import US
from services.inference.city.control.told import Told

HOLDS_S = 4.0  # a command outlasts its decision by so long: then, if we are gone, the signal's own plan goes on from there
RENEWED_S = 2.0  # before it ends
SLACK_S = 1.5  # a command is under way meanwhile: without, a least green that begins so much later would be too short


@dataclass(frozen=True, slots=True)
class Order:
    """Show a stage until an instant."""

    stage: int
    until_us: int


def order_of(told: Told, stage: int, runs_out_us: int, now_us: int) -> Order | None:
    """The command for a stage that was decided on until `runs_out_us`; nothing where none would change anything.

    During a change nothing is commanded: the stage that follows is settled, and its green has not begun.
    """
    if not told.is_green or told.by in {"priority", "stop"}:
        return None
    wanted, shown = told.programme.stages[stage], told.programme.stages[told.stage]
    holds_us = max(runs_out_us, now_us) + round(HOLDS_S * US)
    if stage == told.stage:
        least_us, most_us = (told.since_us + round(one * US) for one in (wanted.least_green_s, wanted.most_green_s))
        until_us = min(max(holds_us, least_us), most_us)
        return Order(stage, until_us) if until_us > now_us else None
    begins_us = max(told.since_us + round(shown.least_green_s * US), now_us) + round(shown.change_s * US)
    lasts_s = min(wanted.least_green_s + SLACK_S, wanted.most_green_s)
    return Order(stage, begins_us + round(lasts_s * US))


def is_news(order: Order, last: Order | None, now_us: int) -> bool:
    """Whether a signal has to be told: another stage, or an end that comes near."""
    if last is None or last.stage != order.stage or last.until_us <= now_us:
        return True
    return last.until_us - now_us < RENEWED_S * US and order.until_us > last.until_us
