"""Whom and what a stored warning is about, found again in a picture whose slots are not those of then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from services.inference.picture import Picture, resized
from services.inference.register import Register
from services.inference.reports import Ints, Track
from services.inference.site import Evaluation, Site
from services.inference.v2x.assessment import NOBODY, NOTHING, Assessment

ABSENT = -1


@dataclass(frozen=True, slots=True)
class Who:
    """A road user by what names it for good: its 8-byte id, else the device that sees it and its number there.

    device_key: 0 where that device is not registered any more, or does not matter.
    """

    vehicle_id: int
    device_key: int
    participant_id: int | None

    @classmethod
    def of(cls, told: Mapping[str, Any], register: Register) -> Self:
        """From a warning's `host` or `other`."""
        if told["vehicle_id"]:
            return cls(int(told["vehicle_id"], 16), 0, None)
        device = register.devices.get(told["device_id"] or "")
        return cls(0, device.key if device else 0, told["participant_id"])

    def is_in(self, picture: Picture, slots: Ints) -> Ints:
        """Those of these slots that are its tracks."""
        if self.vehicle_id:
            return np.asarray(slots[picture.own_id[slots] == self.vehicle_id])
        key = self.device_key * 65_536 + (self.participant_id or 0)
        return np.asarray(slots[(picture.key[slots] == key) & (picture.kind[slots] == Track.SEEN)])

    def slot(self, site: Site) -> int:
        """Its track, `ABSENT` while it has none; of several the one that counts."""
        found = self.is_in(site.picture, site.picture.live())
        if not len(found):
            return ABSENT
        twin = resized(site.twins.twin, site.picture.capacity, -1)[found]
        return int(found[np.argmin(twin >= 0)])


@dataclass(frozen=True, slots=True)
class Finding:
    """What an application found of both: a row of an assessment."""

    of: Assessment
    row: int

    @property
    def level(self) -> int:
        return int(self.of.level[self.row])

    @property
    def key(self) -> tuple[int, int, int]:
        """Host, other and thing."""
        return int(self.of.host[self.row]), int(self.of.other[self.row]), int(self.of.thing[self.row])


@dataclass(frozen=True, slots=True)
class Case:
    """An application, whom it warned, and of whom or what; thing: kind and id of what is no road user."""

    application: str
    host: Who
    other: Who | None
    thing: tuple[str, str] | None

    @classmethod
    def of(cls, detail: Mapping[str, Any], register: Register) -> Self:
        """From a warning's JSON."""
        other, subject = detail["other"], detail.get("subject")
        return cls(
            detail["application"],
            Who.of(detail["host"], register),
            Who.of(other, register) if other else None,
            (subject["kind"], subject["id"]) if subject else None,
        )

    def finding(self, site: Site, evaluation: Evaluation) -> Finding | None:
        """What the application says of it in this evaluation, None where it says nothing."""
        host = self.host.slot(site)
        other = NOBODY if self.other is None else self.other.slot(site)
        if host == ABSENT or (self.other is not None and other == ABSENT):
            return None
        for found in (one for one in evaluation.findings if one.application == self.application):
            for row in np.flatnonzero((found.host == host) & (found.other == other)).tolist():
                if self.thing is None or _is_about(found, row, self.thing):
                    return Finding(found, row)
        return None


def _is_about(found: Assessment, row: int, thing: tuple[str, str]) -> bool:
    if found.subject is None:
        return False
    subject = found.subject(row)
    return (subject.kind, subject.id) == thing


def level_of(assessments: list[Assessment], key: tuple[int, int, int]) -> int:
    """The level that these give to host, other and thing: the highest, `NOTHING` where none names them."""
    host, other, thing = key
    levels = [
        found.level[(found.host == host) & (found.other == other) & (found.thing == thing)].tolist() for found in assessments
    ]
    return max((level for some in levels for level in some), default=NOTHING)
