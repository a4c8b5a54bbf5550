"""What an application says: the common answer that warning life works on.

It concerns a host and another road user, or a host and a thing: a stop line, a sign, a stretch of road with an event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from services.inference.pairs import Tracks
from services.inference.reports import Floats, Ints
from services.inference.types import Mask
from services.inference.v2x.hosts import Hosts
from services.inference.v2x.scene import Views

IMMINENT, WARNING, HELD, NOTHING = 2, 1, 0, -1
NOBODY = -1  # in place of the other's slot: the finding is about a thing
NO_THING = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """The thing that a finding is about, for whoever is told. kind, id: what and which; place: east, north, up in metres.

    facts: the application's own, as JSON holds them. advice: what the host had best do; a finding with advice is no warning.
    """

    kind: str
    id: str
    place: tuple[float, float, float]
    facts: Mapping[str, Any] = field(default_factory=dict)
    advice: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """n findings of one application: who is to be warned (host) of whom (other), slots of the picture.

    level: 0 keeps a warning that is already up (hysteresis) but raises none, 1 warns, 2 is imminent. ttc_s: time to the
    collision, required_mps2: deceleration the host needs, distance_m: gap or way to the conflict. Where a finding is about a
    thing, other is `NOBODY` and thing its key, the same as long as it is the same thing; `subject` tells of a row's thing, and is
    asked only when somebody is told. is_advice: findings carry advice, which goes out with level 0 and less often.
    """

    application: str
    host: Ints
    other: Ints
    level: Ints
    ttc_s: Floats
    required_mps2: Floats
    distance_m: Floats
    thing: Ints
    subject: Callable[[int], Subject] | None = None
    is_advice: bool = False

    def __len__(self) -> int:
        return len(self.host)


def assessment(
    application: str, tracks: Tracks, views: Views, *, level: Ints, ttc_s: Floats, required_mps2: Floats, distance_m: Floats
) -> Assessment:
    """Findings of those views (q,) whose level is not `NOTHING`."""
    host, other = tracks.slots[views.host], tracks.slots[views.other]
    return between(application, host, other, level=level, ttc_s=ttc_s, required_mps2=required_mps2, distance_m=distance_m)


def between(
    application: str, host: Ints, other: Ints, *, level: Ints, ttc_s: Floats, required_mps2: Floats, distance_m: Floats
) -> Assessment:
    """The same of hosts and others by their slots (q,)."""
    kept = level > NOTHING
    return Assessment(
        application,
        host[kept],
        other[kept],
        level[kept],
        ttc_s[kept],
        required_mps2[kept],
        np.maximum(distance_m[kept], 0.0),
        np.full(np.count_nonzero(kept), NO_THING, np.int64),
    )


def about_things(
    application: str,
    hosts: Hosts,
    rows: Ints,
    things: Ints,
    *,
    level: Ints,
    ttc_s: Floats,
    required_mps2: Floats,
    distance_m: Floats,
    subject: Callable[[int], Subject],
    is_advice: bool = False,
) -> Assessment:
    """Findings (q,) about things, by their keys, for `rows` of the hosts; those whose level is `NOTHING` are left out.

    `subject` is asked with a number below q.
    """
    kept = np.flatnonzero(level > NOTHING)
    return Assessment(
        application,
        hosts.slots[rows[kept]],
        np.full(len(kept), NOBODY, np.int64),
        level[kept],
        ttc_s[kept],
        required_mps2[kept],
        np.maximum(distance_m[kept], 0.0),
        things[kept],
        lambda row: subject(int(kept[row])),
        is_advice,
    )


def level_of(*, imminent: Mask, warns: Mask, holds: Mask) -> Ints:
    """The highest level whose condition is met, `NOTHING` for none."""
    return np.where(imminent, IMMINENT, np.where(warns, WARNING, np.where(holds, HELD, NOTHING)))
