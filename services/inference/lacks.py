"""What could not be judged, and for want of what, by application: counted for the operator (`chelu health applications`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from chelu.messages import Batch
from chelu.store import TableColumn
from services.inference.picture import Picture
from services.inference.reports import Ints
from services.inference.types import Mask

INTERVAL_S = 10.0


class Lack(StrEnum):
    """Why a state of a road user could not be judged, or only without something."""

    LATE = "late"  # older than 5 s when it came, and not by a clock that is slow
    NO_PLACE = "no place"
    NO_MOTION = "no speed or heading"
    OLD = "too old"  # to be decided upon
    AHEAD = "clock ahead"  # its event time is still to come
    SELDOM = "too seldom"  # so long after the one before that between the two nobody could be warned
    NO_ROAD = "no road"  # a host that is on no lane of the site's roads, or there are none
    NO_SIGNAL = "no signal state"  # a host that nears a signal of which nobody knows what it shows
    NO_LIMIT = "no speed limit"  # a host for whom the roads have none; signs still count
    NO_HEIGHT = "no height"  # a host of whom nobody knows on which deck it is; it is taken to be on any
    NO_WEATHER = "no weather"  # no sensor tells; the road is taken as dry, and sight as clear


OF_STATES = frozenset({Lack.LATE, Lack.NO_PLACE, Lack.NO_MOTION, Lack.OLD, Lack.AHEAD, Lack.SELDOM})  # of every application
JUDGED_WITHOUT = frozenset({Lack.NO_HEIGHT, Lack.NO_WEATHER, Lack.NO_LIMIT})


@dataclass(slots=True)
class Lacks:
    """Since the start, or since the last report: states looked at, hosts among them, and how many lacked what."""

    states: int = 0
    hosts: int = 0
    of: Counter[str] = field(default_factory=Counter)  # by `Lack`

    def add(self, states: int, hosts: int, found: Mapping[Lack, int]) -> None:
        """Of one evaluation."""
        self.states += states
        self.hosts += hosts
        for lack, count in found.items():
            if count:
                self.of[lack] += count

    def since(self, before: Lacks) -> Lacks:
        """What came to it."""
        return Lacks(self.states - before.states, self.hosts - before.hosts, self.of - before.of)

    def copy(self) -> Lacks:
        """As it is now."""
        return Lacks(self.states, self.hosts, Counter(self.of))


def of_states(picture: Picture, slots: Ints, now_us: int, *, most_age_s: float, most_ahead_s: float) -> dict[Lack, int]:
    """What newer states of these slots lack, each at most one thing."""
    age_s = (now_us - picture.ints["time_us"][slots]) / 1e6
    speed, heading, waited = picture.floats["speed_mps"][slots], picture.floats["heading_deg"][slots], picture.waited_s(slots)
    left = np.ones(len(slots), np.bool_)
    found: dict[Lack, int] = {}
    for lack, mask in (
        (Lack.NO_PLACE, ~np.isfinite(picture.xyz[slots, 0])),
        (Lack.NO_MOTION, ~np.isfinite(speed + heading)),
        (Lack.OLD, age_s > most_age_s),
        (Lack.AHEAD, age_s < -most_ahead_s),
        (Lack.SELDOM, np.isfinite(waited) & (waited > most_age_s)),
    ):
        found[lack] = _taken(left, mask)
    return found


def _taken(left: Mask, mask: Mask) -> int:
    """How many of those left are in the mask, which are not left then."""
    if not mask.any():
        return 0
    count = int(np.count_nonzero(left & mask))
    left &= ~mask
    return count


def by_application(lacks: Lacks, needs: Mapping[str, Iterable[Lack]]) -> dict[str, dict[str, int]]:
    """Application → what it lacked, and for how many states; needs: beyond what all need."""
    return {
        name: {str(lack): lacks.of[lack] for lack in sorted({*OF_STATES, *own}) if lacks.of[lack]} for name, own in needs.items()
    }


LACK_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("interval_s", "double precision", "interval_s"),
    TableColumn("states", "bigint", "states"),
    TableColumn("hosts", "bigint", "hosts"),
    TableColumn("lacking", "jsonb", "lacking"),
    TableColumn("parameters_version", "bigint", "parameters_version"),
    TableColumn("parameters_refused", "text", "parameters_refused"),
    TableColumn("parameters", "jsonb", "parameters"),
)


@dataclass(frozen=True, slots=True)
class GoesBy:
    """Which parameters a site goes by: the register's version, why a newer one is not used, and what is not the default."""

    version: int = 0
    refused: str = ""
    differing: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def lack_row(
    site_id: str,
    lacks: Lacks,
    needs: Mapping[str, Iterable[Lack]],
    goes_by: GoesBy = GoesBy(),
    *,
    interval_s: float,
    now_us: int,
) -> Batch:
    """A row of city.judging: what every application that is switched on lacked, and what it went by."""
    values: dict[str, Any] = {
        "site_id": site_id,
        "lacking": by_application(lacks, needs),
        "parameters_refused": goes_by.refused,
        "parameters": dict(goes_by.differing),
    }
    return Batch(
        {
            "time_us": np.array([now_us], np.int64),
            "interval_s": np.array([interval_s]),
            "states": np.array([lacks.states], np.int64),
            "hosts": np.array([lacks.hosts], np.int64),
            "parameters_version": np.array([goes_by.version], np.int64),
            **{name: np.array([value], object) for name, value in values.items()},
        }
    )
