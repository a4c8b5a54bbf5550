"""One trial: staged encounters through one site's stages, and how each ended: warned when, and by the plain way when."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from evaluation.v2x.actors import Floats
from evaluation.v2x.encounters import Encounters
from evaluation.v2x.instants import SixInstants
from evaluation.v2x.measured import Conditions
from evaluation.v2x.radio import EPOCH_US, broadcast
from services.inference.life import Notice, State
from services.inference.network import NetworkRoads
from services.inference.site import Site, SiteParameters

CLEARED_S = 1.0  # a warning that ended so shortly before the contact still counts as given
EVENT_S = {"ebw": 6.0}  # one that tells of an event ends with it, and the forward collision warning goes on


@dataclass(frozen=True, slots=True)
class Spell:
    """A warning's life: encounter, host's block, from when to when."""

    encounter: int
    block: int
    raised_s: float
    cleared_s: float


@dataclass(slots=True)
class Outcome:
    """application: which is judged; spells: its warnings; by_application: warnings that each raised; baseline_s (n,)."""

    application: str
    spells: list[Spell]
    baseline_s: Floats
    by_application: dict[str, int] = field(default_factory=dict)

    def given_s(self, contact_s: Floats) -> Floats:
        """When the host's warning that held at the contact was raised, inf for none: (n,)."""
        given, grace_s = np.full(len(contact_s), np.inf), EVENT_S.get(self.application, CLEARED_S)
        for one in self.spells:
            holds = one.block == 0 and one.raised_s < contact_s[one.encounter] <= one.cleared_s + grace_s
            if holds:
                given[one.encounter] = min(given[one.encounter], one.raised_s)
        return given

    def first_s(self, count: int) -> Floats:
        """When each encounter was first warned of, whoever was: (n,)."""
        first = np.full(count, np.inf)
        for one in self.spells:
            first[one.encounter] = min(first[one.encounter], one.raised_s)
        return first


def run(
    encounters: Encounters,
    conditions: Conditions,
    seed: int,
    *,
    roads: NetworkRoads | None = None,
    height_error_m: Floats | None = None,
    prepare: Callable[[Site], None] | None = None,
    tell: Callable[[float], None] | None = None,
) -> Outcome:
    """Drive all of them through one picture.

    height_error_m: what each actor's heights are off all the time; prepare: told the site before anybody speaks.
    """
    air = broadcast(encounters, conditions, seed)
    if height_error_m is not None:
        air.reports.xyz[:, 2] += height_error_m[air.actor]
    site = Site(SiteParameters(), roads=roads, model=None, new_id=map(str, itertools.count()).__next__)
    if prepare is not None:
        prepare(site)
    plain, book = SixInstants(encounters) if encounters.blocks > 1 else None, _Book(len(encounters), encounters.application)
    for now_s, rows in air.ticks(encounters.lasts_s):
        arrived = air.reports.take(np.arange(rows.start, rows.stop))
        book.note(site.step(arrived, EPOCH_US + round(now_s * 1e6)), now_s)
        if plain is not None:
            plain.step(air, rows, now_s)
        if tell is not None:
            tell(now_s / encounters.lasts_s)
    baseline_s = plain.warned_s if plain is not None else np.full(len(encounters), np.inf)
    return book.outcome(encounters.lasts_s, baseline_s)


class _Book:
    """Keeps the warnings of one trial."""

    def __init__(self, count: int, application: str) -> None:
        self._count, self._application = count, application
        self._open: dict[str, tuple[int, int, float]] = {}
        self._spells: list[Spell] = []
        self._by: dict[str, int] = {}

    def note(self, notices: list[Notice], now_s: float) -> None:
        for one in notices:
            if one.state is State.RAISED:
                self._by[one.application] = self._by.get(one.application, 0) + 1
            if one.application != self._application:
                continue
            if one.state is State.RAISED:
                actor = one.host.vehicle_id - 1
                self._open[one.warning_id] = actor % self._count, actor // self._count, now_s
            elif one.state is State.CLEARED and one.warning_id in self._open:
                encounter, block, raised_s = self._open.pop(one.warning_id)
                self._spells.append(Spell(encounter, block, raised_s, now_s))

    def outcome(self, end_s: float, baseline_s: Floats) -> Outcome:
        rest = [Spell(encounter, block, raised, end_s) for encounter, block, raised in self._open.values()]
        return Outcome(self._application, [*self._spells, *rest], baseline_s, self._by)
