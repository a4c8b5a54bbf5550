"""By which clock a vehicle stamps its words: one that was set back is another clock, whose words are not old. Pure.

A word that is stamped no later than the last may be an old one: repeated (QoS 1), or from a spool, which is emptied at once or
beside words of now. By a clock that was set back every word is stamped so, and they are as far apart by their stamps as by their
arrival. So such a word is held until another one tells, which is said within ten seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from services.registry.supervision.words import ModeWord

MOST_OFF_US = 1_000_000  # between two words, of their stamps against their arrivals
FEWEST_APART_US = 2_000_000  # of two words that tell of a clock: what is sent at once is no further apart
NEAR_US = 2_000_000  # a stamp that is further ahead of its arrival than this is by another clock
MOST_SEEN = 16
MOST_HELD = 100
Timed = tuple[ModeWord, int]  # and when it arrived
Speaker = tuple[int, str]  # a vehicle's key, and the device that speaks for it: each has a clock of its own


@dataclass(frozen=True, slots=True)
class VehicleClock:
    """A vehicle's. shift_us: from its stamps to our time; seen: the last words; held: words that are old, or by another clock."""

    shift_us: int = 0
    seen: tuple[int, ...] = ()
    held: tuple[Timed, ...] = ()


RIGHT = VehicleClock()


def heard(clock: VehicleClock, last_us: int | None, word: ModeWord, heard_us: int) -> tuple[VehicleClock, list[Timed]]:
    """What a vehicle's word tells of its clock, and the words that count now, by our time. last_us: of the last that counted."""
    if (which := hash(word)) in clock.seen:
        return clock, []
    clock = replace(clock, seen=(*clock.seen, which)[-MOST_SEEN:])
    for shift_us in dict.fromkeys((clock.shift_us, 0)):
        time_us = word.time_us + shift_us
        if last_us is None or (time_us > last_us and (not shift_us or time_us <= heard_us + NEAR_US)):
            return replace(clock, shift_us=shift_us, held=()), shifted([(word, heard_us)], shift_us)
    held = (*_with_pace(clock.held, word, heard_us), (word, heard_us))[:MOST_HELD]
    first, first_us = held[0]
    if last_us is None or heard_us - first_us < FEWEST_APART_US:
        return replace(clock, held=held), []
    shift_us = max(first_us, last_us + 1) - first.time_us
    return replace(clock, shift_us=shift_us, held=()), shifted(held, shift_us)


def stored(clock: VehicleClock, word: ModeWord, heard_us: int) -> list[Timed]:
    """A word that was missed, by our time. That it was stored late is nothing of its clock."""
    is_by_it = word.time_us + clock.shift_us <= heard_us + NEAR_US
    return shifted([(word, heard_us)], clock.shift_us if is_by_it else 0)


def shifted(words: Iterable[Timed], shift_us: int) -> list[Timed]:
    """The same, stamped so much later."""
    if not shift_us:
        return list(words)
    return [(word.model_copy(update={"time_us": word.time_us + shift_us}), heard_us) for word, heard_us in words]


def _with_pace(held: tuple[Timed, ...], word: ModeWord, heard_us: int) -> tuple[Timed, ...]:
    """What is held, when the word comes as long after it as its stamp says; else nothing."""
    if not held:
        return ()
    first, first_us = held[0]
    return held if abs((word.time_us - first.time_us) - (heard_us - first_us)) <= MOST_OFF_US else ()
