"""Where road users are and how they move, with how far that may be off: estimates as columns, brought to an instant and blended.

The model is nearly constant velocity (Bar-Shalom, Li, Kirubarajan: Estimation with Applications to Tracking and Navigation, 2001,
§6.2). Both axes share one covariance of place and velocity, so that a blend of n estimates is some arithmetic on columns and no
matrix is inverted. A sighting is an estimate, too: of the instant at which it was true, however late it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from services.inference.reports import Floats, Ints


@dataclass(frozen=True, slots=True)
class Estimate:
    """n road users at their event times: xy (n, 2) m, velocity (n, 2) m/s; variances of both, and their covariance."""

    time_us: Ints
    xy: Floats
    velocity: Floats
    place_m2: Floats
    mixed: Floats
    speed_m2ps2: Floats

    def __len__(self) -> int:
        return len(self.time_us)

    def take(self, rows: Ints) -> Self:
        """These, in this order."""
        return type(self)(
            self.time_us[rows],
            self.xy[rows],
            self.velocity[rows],
            self.place_m2[rows],
            self.mixed[rows],
            self.speed_m2ps2[rows],
        )

    def at(self, time_us: Ints, agility: Floats) -> Self:
        """As they will be (n,): never earlier than they are. agility: spectral density of what they accelerate by, m²/s³."""
        ahead_s = np.maximum(time_us - self.time_us, 0) / 1e6
        place = self.place_m2 + 2.0 * self.mixed * ahead_s + self.speed_m2ps2 * ahead_s**2 + agility * ahead_s**3 / 3.0
        mixed = self.mixed + self.speed_m2ps2 * ahead_s + agility * ahead_s**2 / 2.0
        return type(self)(
            np.maximum(time_us, self.time_us),
            self.xy + self.velocity * ahead_s[:, None],
            self.velocity,
            place,
            mixed,
            self.speed_m2ps2 + agility * ahead_s,
        )

    def blended(self, other: Self) -> Self:
        """Both told as one, each by how sure it is; they are of the same instants and know nothing of one another."""
        place, mixed, speed = self.place_m2 + other.place_m2, self.mixed + other.mixed, self.speed_m2ps2 + other.speed_m2ps2
        share = 1.0 / (place * speed - mixed**2)
        of_place = (self.place_m2 * speed - self.mixed * mixed) * share, (self.mixed * place - self.place_m2 * mixed) * share
        of_speed = (
            (self.mixed * speed - self.speed_m2ps2 * mixed) * share,
            (self.speed_m2ps2 * place - self.mixed * mixed) * share,
        )
        off, faster = other.xy - self.xy, other.velocity - self.velocity
        return type(self)(
            self.time_us,
            self.xy + of_place[0][:, None] * off + of_place[1][:, None] * faster,
            self.velocity + of_speed[0][:, None] * off + of_speed[1][:, None] * faster,
            self.place_m2 - of_place[0] * self.place_m2 - of_place[1] * self.mixed,
            self.mixed - of_place[0] * self.mixed - of_place[1] * self.speed_m2ps2,
            self.speed_m2ps2 - of_speed[0] * self.mixed - of_speed[1] * self.speed_m2ps2,
        )


def together(one: Estimate, two: Estimate, agility: Floats) -> tuple[Estimate, Estimate]:
    """Both at the later of their instants, row by row: what is older is moved as it moved itself."""
    later = np.maximum(one.time_us, two.time_us)
    return one.at(later, agility), two.at(later, agility)


@dataclass(frozen=True, slots=True)
class Apart:
    """Of n pairs at common instants: metres between them, and how unlikely that and their velocities are of one road user.

    unlikeliness: squared distances over their variances, of place and velocity together: 4 degrees of freedom.
    """

    distance_m: Floats
    unlikeliness: Floats


def apart(one: Estimate, two: Estimate, *, bias_m: float, bias_mps: float) -> Apart:
    """bias: what errors of both that do not change from one sighting to the next may amount to."""
    off, faster = one.xy - two.xy, one.velocity - two.velocity
    place2, speed2 = np.einsum("nk,nk->n", off, off), np.einsum("nk,nk->n", faster, faster)
    by_place = place2 / (one.place_m2 + two.place_m2 + bias_m**2)
    by_speed = speed2 / (one.speed_m2ps2 + two.speed_m2ps2 + bias_mps**2)
    return Apart(np.sqrt(place2), by_place + by_speed)
