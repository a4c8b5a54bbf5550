"""Which limits count for whom: of a kind's thresholds the most specific wins, field by field. Pure.

A device goes before a site with a device kind, that before a site, that before a device kind, that before everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from services.registry.alarms.kinds import KINDS, AlarmKind, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """The limits of one kind for one subject; see `AlarmKind`."""

    severity: Severity
    bound: float | None
    clear_bound: float | None
    raise_after_s: float
    clear_after_s: float
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom a threshold is, or who asks; None: whoever."""

    site_id: str | None = None
    device_kind: str | None = None
    device_key: int | None = None

    @property
    def rank(self) -> int:
        """How specific it is."""
        return 4 * (self.device_key is not None) + 2 * (self.site_id is not None) + (self.device_kind is not None)

    def covers(self, asked: Scope) -> bool:
        """Whether a threshold of this scope counts for `asked`."""
        pairs = (
            (self.site_id, asked.site_id),
            (self.device_kind, asked.device_kind),
            (self.device_key, asked.device_key),
        )
        return all(mine is None or mine == its for mine, its in pairs)


NAMES = tuple(field.name for field in fields(Rule))


class Rules:
    """All thresholds at one time, out of the table's rows; of kinds that this version does not know nobody asks."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._by_kind: dict[str, list[tuple[Scope, dict[str, Any]]]] = {}
        for row in rows:
            scope = Scope(row["site_id"], row["device_kind"], row["device_key"])
            given = {name: row[name] for name in NAMES if row[name] is not None}
            self._by_kind.setdefault(row["kind"], []).append((scope, given))
        for found in self._by_kind.values():
            found.sort(key=lambda each: each[0].rank)
        self._known: dict[tuple[str, Scope], Rule] = {}
        # Devices, by key, that have a threshold for themselves alone.
        keys = {scope.device_key for found in self._by_kind.values() for scope, _ in found}
        self.with_own = frozenset(key for key in keys if key is not None)

    def of(self, kind: str, asked: Scope) -> Rule:
        """What counts for `asked`; KeyError for a kind that there is not."""
        key = asked if asked.device_key in self.with_own else replace(asked, device_key=None)
        if (kind, key) not in self._known:
            self._known[kind, key] = self._merged(KINDS[kind], key)
        return self._known[kind, key]

    def _merged(self, kind: AlarmKind, asked: Scope) -> Rule:
        values: dict[str, Any] = {
            "severity": kind.severity,
            "bound": kind.bound,
            "clear_bound": kind.clear_bound,
            "raise_after_s": kind.raise_after_s,
            "clear_after_s": kind.clear_after_s,
        }
        for scope, given in self._by_kind.get(kind.name, ()):
            if scope.covers(asked):
                values |= _with_clear_bound(kind, values, given)
        return Rule(**{**values, "severity": Severity(values["severity"])})


def _with_clear_bound(kind: AlarmKind, wider: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What is given; a bound that is moved beyond the wider clear bound takes that along, unless that is given, too."""
    if "bound" not in given or kind.bound is None or kind.clear_bound is None:
        return given
    beyond = max if kind.clear_bound > kind.bound else min  # as for rates, where less is worse
    return {"clear_bound": beyond(given["bound"], wider["clear_bound"]), **given}
