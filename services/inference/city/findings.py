"""What the city brain has found and somebody has to see to: an incident, a sensor that is wrong, a jam to come. No I/O.

A finding is told twice: when it begins and when it is over; its id stays. It is published, stored in ``city.finding``, and read
from there by the registry's event board, which makes cases of findings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chelu.messages import Batch
from chelu.store import TableColumn

FINDING_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("finding_id", "text", "finding_id"),
    TableColumn("kind", "text", "kind"),
    TableColumn("state", "text", "state"),  # began, over
    TableColumn("severity", "text", "severity"),  # info, warning, major, critical
    TableColumn("latitude_deg", "double precision", "latitude_deg", is_nullable=True),
    TableColumn("longitude_deg", "double precision", "longitude_deg", is_nullable=True),
    TableColumn("elevation_m", "double precision", "elevation_m", is_nullable=True),
    TableColumn("spot", "text", "spot"),
    TableColumn("since", "timestamptz", "since_us"),
    TableColumn("text", "text", "text"),
    TableColumn("detail", "jsonb", "detail"),
)
NOWHERE = (float("nan"),) * 3
# Of the last day, those that began and did not end: who found them has ended meanwhile, and nobody would say that they are over.
# Those of an application that takes up again what it had found stay.
UNENDED = """SELECT site_id, finding_id, kind, severity, latitude_deg, longitude_deg, elevation_m, spot,
        (extract(epoch FROM since) * 1000000)::bigint, text, detail
    FROM (SELECT DISTINCT ON (finding_id) * FROM city.finding WHERE time > now() - interval '1 day'
        ORDER BY finding_id, time DESC, state DESC) AS newest
    WHERE state = 'began' AND NOT detail ? 'application'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """since_us: event time at which it began; place: latitude, longitude, elevation; spot: lane, segment or device."""

    site_id: str
    finding_id: str
    kind: str
    severity: str
    since_us: int
    place: tuple[float, float, float] = NOWHERE
    spot: str = ""
    text: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    is_over: bool = False

    def over(self, **why: object) -> Finding:
        """The same, no longer so."""
        return replace(self, is_over=True, detail={**self.detail, **why})


def rows_to_store(findings: Sequence[Finding], now_us: int) -> Batch:
    """Rows of city.finding, told now."""
    text = ("site_id", "finding_id", "kind", "severity", "spot", "text")
    place = np.array([one.place for one in findings], np.float64).reshape(-1, 3)
    return Batch(
        {
            "time_us": np.full(len(findings), now_us, np.int64),
            "since_us": np.array([one.since_us for one in findings], np.int64),
            **{name: np.array([getattr(one, name) for one in findings], object) for name in text},
            "state": np.array([_state(one) for one in findings], object),
            **dict(zip(("latitude_deg", "longitude_deg", "elevation_m"), place.T, strict=True)),
            "detail": np.array([dict(one.detail) for one in findings], object),
        }
    )


def document(finding: Finding, now_us: int) -> bytes:
    """The message on `chelu.topics.FINDINGS`."""
    latitude, longitude, elevation = (None if np.isnan(one) else one for one in finding.place)
    told = {
        "site": finding.site_id,
        "finding_id": finding.finding_id,
        "kind": finding.kind,
        "state": _state(finding),
        "severity": finding.severity,
        "time_us": now_us,
        "since_us": finding.since_us,
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        "elevation_m": elevation,
        "spot": finding.spot,
        "text": finding.text,
        "detail": dict(finding.detail),
    }
    return json.dumps(told, ensure_ascii=False, allow_nan=False).encode()


def unended(rows: Iterable[Sequence[Any]]) -> list[Finding]:
    """Rows of `UNENDED`, as over."""
    found = []
    for site_id, finding_id, kind, severity, latitude, longitude, elevation, spot, since_us, text, detail in rows:
        place = tuple(float("nan") if one is None else float(one) for one in (latitude, longitude, elevation))
        one = Finding(
            site_id=site_id,
            finding_id=finding_id,
            kind=kind,
            severity=severity,
            since_us=since_us,
            place=(place[0], place[1], place[2]),
            spot=spot,
            text=text,
            detail=detail,
        )
        found.append(one.over(ended_by="a new start"))
    return found


def _state(finding: Finding) -> str:
    return "over" if finding.is_over else "began"
