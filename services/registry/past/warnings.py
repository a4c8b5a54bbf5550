"""Stored warnings brought to what is told of them: who was warned of whom, from when until when, and how severely. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chelu.geo import LocalFrame
from services.registry.past.models import Party, StoredWarning, WarningStep
from services.registry.past.tracks import PARTICIPANTS, SEEN, SPEAKS

Row = Mapping[str, Any]
CLEARED = "cleared"


def stored_warning(row: Row, became: Row | None) -> StoredWarning:
    """One warning: `row` raised it, `became` is its newest row."""
    detail = row["detail"]
    return StoredWarning(
        warning_id=row["warning_id"],
        application=row["application"],
        level=max(row["level"], became["highest"] if became else 0),
        raised_us=row["time_us"],
        decided_us=row["decided_us"],
        published_us=row["published_us"],
        ended_us=ended_us(became) if became else None,
        host=_party(detail["host"]),
        other=_party(detail["other"]) if detail["other"] else None,
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        lead_s=row["ttc_s"],
        distance_m=row["distance_m"],
        required_deceleration_mps2=row["required_mps2"],
    )


def ended_us(newest: Row) -> int | None:
    """When it was cleared, or lapsed for want of a renewal; None where its newest row does not say how long it holds."""
    return newest["time_us"] if newest["state"] == CLEARED else holds_until_us(newest)


def holds_until_us(row: Row) -> int | None:
    """Until when a row keeps its warning up, in event time: that is where a map of the past is."""
    until_us = row["valid_until_us"]
    return None if not until_us else int(row["time_us"] + until_us - row["decided_us"])


def step(row: Row) -> WarningStep:
    """One change of a warning's life."""
    names = ("state", "level", "time_us", "decided_us", "published_us", "distance_m")
    return WarningStep(**{name: row[name] for name in names}, ttc_s=row["ttc_s"], required_deceleration_mps2=row["required_mps2"])


def _party(told: Row) -> Party:
    return Party(**{name: told[name] for name in Party.model_fields})


def on_map(rows: Sequence[Row], raised_us: Mapping[str, int], frame: LocalFrame, from_us: int) -> list[dict[str, Any]]:
    """Each warning once with its states in order (ms from `from_us`), level 0 for its end; host and other as tracks are named."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = found.setdefault(
            row["warning_id"], _about(row, frame) | {"raised_us": raised_us.get(row["warning_id"], row["time_us"])}
        )
        one["states"].append(_state(row, from_us))
    return list(found.values())


def _about(row: Row, frame: LocalFrame) -> dict[str, Any]:
    detail = row["detail"]
    subject = detail["subject"]
    return {
        "warning_id": row["warning_id"],
        "application": row["application"],
        "host": _track(row, "host"),
        "other": _track(row, "other") if detail["other"] else None,
        "subject": {"kind": subject["kind"], "id": str(subject["id"]), "place": _place(subject, frame)} if subject else None,
        "states": [],
    }


def _state(row: Row, from_us: int) -> dict[str, Any]:
    until_us = None if row["state"] == CLEARED else holds_until_us(row)
    return {
        "at_ms": (row["time_us"] - from_us) / 1000,
        "level": 0 if row["state"] == CLEARED else row["level"],
        "until_ms": None if until_us is None else (until_us - from_us) / 1000,
        "ttc_s": row["ttc_s"],
        "distance_m": row["distance_m"],
    }


def _track(row: Row, side: str) -> dict[str, Any]:
    """As `tracks.header_of` names it: whom the roadside sees by the unit's number, who speaks by the own id."""
    number, device_key = row["detail"][side]["participant_id"], row[f"{side}_device_key"]
    if number is None:
        return {"kind": SPEAKS, "key": row[f"{side}_vehicle_id"] or "0" * 16}
    return {"kind": SEEN, "key": f"{int(device_key or 0) * PARTICIPANTS + int(number):016x}"}


def _place(subject: Row, frame: LocalFrame) -> list[float | None]:
    told = [subject.get(name) for name in ("latitude_deg", "longitude_deg", "elevation_m")]
    place: Iterable[float] = frame.to_local(*(np.nan if value is None else value for value in told)).reshape(-1).tolist()
    return [round(value, 2) if np.isfinite(value) else None for value in place]
