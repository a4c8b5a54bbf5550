"""What the surroundings' applications say, and the book of what holds: only what changed leaves it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.inference.city import findings as told

SAID_AGAIN_US = 6 * 3600 * 1_000_000
Key = tuple[str, str, str]  # application, subject, part


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is so. subject: a device's id or a road's; part: what of it; value, bound: in the unit of `detail`.

    kind, severity: as `services.inference.city.findings` has them. detail["road_events"]: requests as the API of road events
    takes them, to be told for as long as it is so. Two of the same detail say the same, whatever the value is by now.
    """

    application: str
    subject: str
    part: str
    kind: str
    severity: str
    value: float
    bound: float
    text: str
    place: tuple[float, float, float] | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What there is one finding of."""
        return self.application, self.subject, self.part


@dataclass(frozen=True, slots=True)
class Judged:
    """All that an application now finds of a subject: of what stood before, the rest is over."""

    application: str
    subject: str
    findings: Sequence[Finding] = ()


@dataclass(slots=True)
class Entry:
    """A finding that holds: the name under which it is told, since when it holds, and when it was last said."""

    finding: Finding
    finding_id: str
    since_us: int
    said_us: int = 0

    def said(self, site_id: str) -> told.Finding:
        """As it is told."""
        one = self.finding
        names = {"application": one.application, "subject": one.subject, "part": one.part, "value": one.value, "bound": one.bound}
        return told.Finding(
            site_id=site_id,
            finding_id=self.finding_id,
            kind=one.kind,
            severity=one.severity,
            since_us=self.since_us,
            place=one.place or told.NOWHERE,
            spot=one.subject,
            text=one.text,
            detail={**one.detail, **names},
        )


class Book:
    """What holds at one site. A subject that nobody judges stays as it is: a silent gauge does not end a flood."""

    def __init__(self, site_id: str, new_id: Callable[[], str], standing: Iterable[Entry] = ()) -> None:
        self._site_id, self._new_id = site_id, new_id
        self._holds = {one.finding.key: one for one in standing}

    @property
    def holds(self) -> Sequence[Finding]:
        """Everything that stands now."""
        return [one.finding for one in self._holds.values()]

    def note(self, judged: Judged, now_us: int) -> list[told.Finding]:
        """What changed with this: begun, over, to be told in other words, or long not said."""
        found = {one.key: one for one in judged.findings}
        mine = [key for key in self._holds if key[:2] == (judged.application, judged.subject)]
        said = [self._holds.pop(key).said(self._site_id).over() for key in mine if key not in found]
        for key, finding in found.items():
            entry = self._holds.setdefault(key, Entry(finding, self._new_id(), now_us))
            is_news = entry.said_us == 0 or entry.finding.detail != finding.detail
            entry.finding = finding
            if is_news or now_us - entry.said_us >= SAID_AGAIN_US:
                entry.said_us = now_us
                said.append(entry.said(self._site_id))
        return said


def standing_of(rows: Iterable[Sequence[Any]]) -> dict[str, list[Entry]]:
    """By site what stood when the last process ended: rows of `STANDING`."""
    found: dict[str, list[Entry]] = {}
    for site_id, finding_id, kind, severity, since_us, text, detail, *place in rows:
        named = {name: detail[name] for name in ("application", "subject", "part")}
        value, bound = (float("nan") if detail[name] is None else float(detail[name]) for name in ("value", "bound"))
        rest = {name: each for name, each in detail.items() if name not in {*named, "value", "bound"}}
        where = None if place[0] is None else (place[0], place[1], place[2] or 0.0)
        one = Finding(**named, kind=kind, severity=severity, value=value, bound=bound, text=text, place=where, detail=rest)
        found.setdefault(site_id, []).append(Entry(one, finding_id, since_us, said_us=1))
    return found


# What holds: the last word of a week on each finding. Who finds says anew what holds, so nobody need look further back.
STANDING_VIEW = """CREATE OR REPLACE VIEW city.finding_standing AS
    SELECT * FROM (SELECT DISTINCT ON (finding_id) * FROM city.finding WHERE time > now() - interval '7 days'
        ORDER BY finding_id, time DESC, state = 'over' DESC) AS latest WHERE state = 'began' AND detail ? 'application'"""
STANDING = """SELECT site_id, finding_id, kind, severity, (extract(epoch FROM since) * 1000000)::bigint, text, detail,
    latitude_deg, longitude_deg, elevation_m FROM city.finding_standing"""
