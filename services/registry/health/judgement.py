"""What is wrong with which devices: all of them against their limits at once. Pure.

What is so is so again only beyond the bound, and no longer so only when the clear bound is reached; what cannot be known just now
(nobody listened, nothing was measured) stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from services.registry.alarms import kinds
from services.registry.alarms.rules import Rule, Rules, Scope
from services.registry.health.columns import HEALTHY, IMPAIRED, OFFLINE, UNHEARD, Book, Floats, Mask

USUAL_BEAT_S = 60.0  # of a device of whose heartbeats nothing is known: T/ITS 0180.1 has run-status that often
SILENCE = 3.0  # heartbeats missed, after which a device counts as away whatever its alarm's threshold is
US = 1e6
MEASURED = (  # kind of alarm, the book's column, whether only its size counts
    (kinds.LOSS, "lost_share", False),
    (kinds.LATENCY, "latency_ms", False),
    (kinds.CLOCK, "skew_s", True),
    (kinds.PROCESSOR, "cpu_percent", False),
    (kinds.MEMORY, "memory_percent", False),
    (kinds.DISK, "disk_percent", False),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """A kind's limits as columns over the book's devices."""

    bound: Floats
    clear_bound: Floats
    is_enabled: Mask


@dataclass(frozen=True, slots=True)
class Judged:
    """One kind of alarm (and part), for all devices: what was measured, where it is so now, where it was so before."""

    kind: str
    part: str
    value: Floats
    is_so: Mask
    was_so: Mask


def limits_of(book: Book, rules: Rules) -> dict[str, Limits]:
    """Every kind's limits, looked up once for each site and device kind, and for each device that has a threshold of its own."""
    own = [place for key in rules.with_own if (place := book.place_of_key.get(key)) is not None]
    of_own = [Scope(book.sites[place], book.kinds[place], book.keys[place]) for place in own]
    found = {}
    for kind in kinds.HEALTH:
        usual, special = (
            _columns([rules.of(kind.name, scope) for scope in scopes])
            for scopes in ([Scope(*scope) for scope in book.scopes], of_own)
        )
        bound, clear_bound, is_enabled = usual.bound[book.scope], usual.clear_bound[book.scope], usual.is_enabled[book.scope]
        bound[own], clear_bound[own], is_enabled[own] = special.bound, special.clear_bound, special.is_enabled
        found[kind.name] = Limits(bound, clear_bound, is_enabled)
    return found


def _columns(rules: Sequence[Rule]) -> Limits:
    bounds = [_number(rule.bound) for rule in rules]
    clear = [_number(rule.bound if rule.clear_bound is None else rule.clear_bound) for rule in rules]
    return Limits(np.array(bounds), np.array(clear), np.array([rule.is_enabled for rule in rules], np.bool_))


def judge(
    book: Book, limits: Mapping[str, Limits], opened: Mapping[tuple[str, str], Mask], *, now_us: int, listening_us: int
) -> list[Judged]:
    """Every kind of alarm for every device.

    opened: by kind and part, where an alarm is open already (n,); listening_us: since when the broker is heard without a break.
    """
    nowhere = np.zeros(len(book), np.bool_)

    def was(kind: str, part: str = "") -> Mask:
        return opened.get((kind, part), nowhere)

    seen = presence(book, now_us=now_us, listening_us=listening_us)
    judged = [_offline(book, seen, limits[kinds.OFFLINE], was(kinds.OFFLINE))]
    is_there = ~judged[0].is_so & ~seen.is_silent & (book.integers["heard_us"] > 0)
    for kind, part, value in _measured(book):
        mine = limits[kind]
        is_so = beyond(value, mine, was(kind, part), is_low=kind == kinds.RATE)
        judged.append(Judged(kind, part, value, is_so & is_there & book.is_supervised & mine.is_enabled, was(kind, part)))
    known = {(each.kind, each.part) for each in judged}
    judged += [Judged(*key, seen.missed, nowhere, mask) for key, mask in opened.items() if key not in known]  # a stream given up
    return judged


@dataclass(frozen=True, slots=True)
class Presence:
    """Who is there: heartbeats missed since each was heard last (NaN: it never was), and how many we would have heard."""

    missed: Floats
    listened: Floats

    @property
    def is_silent(self) -> Mask:
        """For so long that it cannot be chance, while we listened."""
        return self.beyond(np.full(len(self.missed), SILENCE))

    def beyond(self, bound: Floats) -> Mask:
        """Where more were missed than this while we listened."""
        return (self.missed > bound) & (self.listened > bound)

    def is_unknown(self, bound: Floats) -> Mask:
        """Where we have not listened for long enough to say."""
        return (self.missed > bound) & ~(self.listened > bound)


def presence(book: Book, *, now_us: int, listening_us: int) -> Presence:
    """See `Presence`; listening_us as for `judge`.

    Of whom only the standard says how often it is heard, that is by its stored rows: it is as late as they are counted.
    """
    heard = np.where(book.integers["heard_us"] > 0, book.integers["heard_us"], np.nan)
    is_by_rows = ~np.isnan(book.usual_beat_s) & np.isnan(book.profile_beat_s) & np.isnan(book.floats["beat_s"])
    until = np.where(is_by_rows, min(now_us, book.counted_us), now_us)
    since = np.where(is_by_rows, max(listening_us, book.counting_us), listening_us)
    beat_us = US * beats_s(book)
    return Presence(np.maximum(0.0, (until - heard) / beat_us), np.maximum(0.0, (until - since) / beat_us))


def beats_s(book: Book) -> Floats:
    """Between heartbeats: as the profile says, else as the device does, else as its standard does, else what is usual."""
    found = np.full(len(book), USUAL_BEAT_S)
    for said in (book.usual_beat_s, book.floats["beat_s"], book.profile_beat_s):
        found = np.where(np.isnan(said), found, said)
    return found


def statuses(book: Book, judged: Sequence[Judged], seen: Presence) -> tuple[npt.NDArray[np.int8], dict[str, Mask]]:
    """Every device's status as its number (n,), and its problems: by name, ``kind`` or ``kind part``, who has each (n,)."""
    wrong = np.zeros(len(book), np.bool_)
    problems: dict[str, Mask] = {}
    for each in judged:
        if each.is_so.any():
            wrong |= each.is_so
            problems[f"{each.kind} {each.part}".strip()] = each.is_so
    status = np.where(wrong, IMPAIRED, HEALTHY).astype(np.int8)
    was_off = (book.status == OFFLINE) & seen.is_unknown(np.full(len(book), SILENCE))
    status[book.integers["heard_us"] == 0] = UNHEARD
    status[judged[0].is_so | book.is_off | seen.is_silent | was_off] = OFFLINE
    return status, problems


def differing(before: Mapping[str, Mask], after: Mapping[str, Mask], count: int) -> Mask:
    """Whose problems are not those they were (n,)."""
    nowhere = np.zeros(count, np.bool_)
    found = np.zeros(count, np.bool_)
    for name in {*before, *after}:
        found |= before.get(name, nowhere) != after.get(name, nowhere)
    return found


def beyond(value: Floats, limits: Limits, was_so: Mask, *, is_low: bool = False) -> Mask:
    """Where a value is wrong: past the bound, or not yet back at the clear bound; one that is NaN leaves things as they were."""
    limit = np.where(was_so, limits.clear_bound, limits.bound)
    with np.errstate(invalid="ignore"):
        is_past = value < limit if is_low else value > limit
    return np.where(np.isnan(value), was_so, is_past)


def _offline(book: Book, seen: Presence, limits: Limits, was_so: Mask) -> Judged:
    """Gone by its own word or the broker's at once, silent after some missed heartbeats; for those that have any."""
    known = (book.profile_beat_s, book.floats["beat_s"], book.usual_beat_s, book.delays[:, 0])
    speaks = ~np.isnan(np.stack(known)).all(axis=0)
    is_silent = np.where(seen.is_unknown(limits.bound), was_so, seen.beyond(limits.bound) & speaks)
    is_so = (book.is_off | is_silent) & book.is_supervised & limits.is_enabled
    return Judged(kinds.OFFLINE, "", seen.missed, is_so, was_so)


def _measured(book: Book) -> Iterator[tuple[str, str, Floats]]:
    for stream in book.streams:
        yield kinds.RATE, stream, book.rates_hz[stream] / book.expected_hz[stream]
    for kind, column, is_size in MEASURED:
        yield kind, "", np.abs(book.floats[column]) if is_size else book.floats[column]


def _number(value: float | None) -> float:
    return np.nan if value is None else value
