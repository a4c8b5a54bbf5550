"""Which road users are one: near one another, alike, never seen by one device as two, and assigned one to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from chelu.ragged import ranges
from services.inference.assignment import one_to_one
from services.inference.estimate import Apart, Estimate, apart
from services.inference.picture import Picture
from services.inference.reports import Floats, Ints, Track
from services.inference.seats import Members
from services.inference.sightings import agility
from services.inference.types import Mask

_NEIGHBOURS = 8
_MOST_SKEW_US = 1_900_000  # who was lost for so long may be found again; then its track leaves the picture
_SPEAKS = -1  # in place of a device: a road user has one unit of its own
_EVER_US = 1 << 62
_STANDS_MPS = 1.0  # the heading of who stands is noise


@dataclass(frozen=True, slots=True)
class Gate:
    """How alike two must be to be one road user, brought to one instant, centre to centre.

    unlikely: `estimate.Apart.unlikeliness`, of 4 degrees of freedom: 13.3 is exceeded by one true pair in a hundred. surely_m:
    so near they are one at once; else when that was so `often` in a row. stays: of a member, far more than it takes to join.
    """

    place_m: float = 2.5  # two cars side by side are 3 m apart, bumper to bumper 5 m
    surely_m: float = 2.0
    heading_deg: float = 30.0
    height_m: float = 3.0  # decks are 5 m apart
    unlikely: float = 13.3
    often: int = 3
    stays: float = 30.0
    stays_m: float = 4.0
    reckoned: float = 2.0  # so many standard deviations more along its way may who is reckoned be off
    bias_m: float = 0.7  # what satellites and calibration are off for long
    bias_mps: float = 0.3


@dataclass(frozen=True, slots=True)
class Found:
    """Road users (q,) by their leads that belong together; is_sure: at once. Nobody is younger and elder, nor younger twice."""

    younger: Ints
    elder: Ints
    is_sure: Mask


NOBODY = Found(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))


@dataclass(frozen=True, slots=True)
class Users:
    """Road users to choose from: leads (n,), ascending, their estimates, names and members.

    since_us: by slot, when that track was first heard of.
    """

    leads: Ints
    state: Estimate
    name: Ints
    members: Members
    since_us: Ints

    def row(self, leads: Ints) -> Ints:
        """Rows of leads."""
        return np.asarray(np.searchsorted(self.leads, leads))


def united(picture: Picture, touched: Ints, users: Users, gate: Gate) -> Found:
    """Of the road users led by `touched` those that are one with another."""
    rows = users.row(touched)
    now_us = np.full(len(users.leads), users.state.time_us[rows].max())
    aligned = users.state.at(now_us, agility(picture, users.leads))
    reach = np.where(picture.is_reckoned[users.leads], gate.reckoned * np.sqrt(aligned.place_m2), 0.0)
    one, two = _near(aligned, rows, gate.place_m + reach.max())
    one, two = _with_named(picture, users, rows, one, two)
    if not len(one):
        return NOBODY
    is_named = _is_named(picture, users, one, two)
    keep = _may_be_one(picture, users, one, two, gate)
    first, second = aligned.take(one), aligned.take(two)
    off = apart(first, second, bias_m=gate.bias_m, bias_mps=gate.bias_mps)
    is_near = _is_near(first, second, off, reach[one] + reach[two], gate) & (off.unlikeliness <= gate.unlikely)
    keep &= is_named | (is_near & _is_alike(first, second, gate))
    cost = np.where(is_named, 0.0, off.unlikeliness)[keep]
    return _assigned(picture, users, one[keep], two[keep], cost, (is_named | (off.distance_m <= gate.surely_m))[keep])


def _near(aligned: Estimate, rows: Ints, within_m: float) -> tuple[Ints, Ints]:
    """Rows of pairs, of which the first is among `rows`."""
    if len(aligned) < 2:
        return NOBODY.younger, NOBODY.elder
    tree = cKDTree(aligned.xy)
    found = tree.query(aligned.xy[rows], k=min(_NEIGHBOURS, len(aligned)), distance_upper_bound=within_m)
    near = np.asarray(found[1])
    there = (near < len(aligned)) & (near != rows[:, None])
    return np.repeat(rows, there.sum(axis=1)), near[there].astype(np.int64)


def _is_near(first: Estimate, second: Estimate, off: Apart, reach_m: Floats, gate: Gate) -> Mask:
    """Whether pairs are so near that they may be one; reach_m: how much further along their way, where one is reckoned."""
    is_near = off.distance_m <= gate.place_m
    if not reach_m.any():
        return np.asarray(is_near)
    way, offset = first.velocity + second.velocity, first.xy - second.xy
    speed = np.hypot(*way.T)
    way = way / np.maximum(speed, 1e-9)[:, None]
    along, aside = np.abs(np.einsum("nk,nk->n", offset, way)), np.abs(offset[:, 0] * way[:, 1] - offset[:, 1] * way[:, 0])
    is_on_way = (along <= gate.place_m + reach_m) & (aside <= gate.place_m) & (speed >= _STANDS_MPS)
    return np.asarray(is_near | (is_on_way & (reach_m > 0)))


def _with_named(picture: Picture, users: Users, rows: Ints, one: Ints, two: Ints) -> tuple[Ints, Ints]:
    """And with those whom a device knows by the name that they speak under, wherever they are."""
    named = rows[(picture.kind[users.leads[rows]] == Track.SEEN) & (picture.own_id[users.leads[rows]] > 0)]
    speaker = picture.find(Track.SPEAKS, picture.own_id[users.leads[named]])
    row = np.minimum(users.row(speaker), len(users.leads) - 1)
    there = (speaker >= 0) & (users.leads[row] == speaker)
    both = np.stack([np.concatenate([one, named[there]]), np.concatenate([two, row[there]])])
    one, two = np.unique(both, axis=1) if both.size else both
    return one, two


def _is_named(picture: Picture, users: Users, one: Ints, two: Ints) -> Mask:
    a, b = picture.own_id[users.leads[one]], picture.own_id[users.leads[two]]
    return np.asarray((a > 0) & (a == b))


def _may_be_one(picture: Picture, users: Users, one: Ints, two: Ints, gate: Gate) -> Mask:
    """One kind, not too long ago, one height as far as it is known, no device that sees both, no two that speak."""
    a, b = users.leads[one], users.leads[two]
    kind, time_us, up = picture.ints["participant_type"], users.state.time_us, picture.xyz[:, 2]
    apart_m = np.abs(up[a] - up[b])
    may = (kind[a] == kind[b]) & (np.abs(time_us[one] - time_us[two]) <= _MOST_SKEW_US) & ~(apart_m > gate.height_m)
    return np.asarray(may & ~_share_device(picture, users, one, two))


def _share_device(picture: Picture, users: Users, one: Ints, two: Ints) -> Mask:
    """Whether one device tells of both (q,) at a time; what it saw first and lost may be what it found later."""
    members, count = users.members, users.members.count()
    speaks = picture.kind[members.member] == Track.SPEAKS
    _, device = np.unique(np.where(speaks, _SPEAKS, picture.ints["device_key"][members.member]), return_inverse=True)
    width = int(device.max(initial=0)) + 1
    told, place = np.unique(np.repeat(np.arange(len(count)), count) * width + device, return_inverse=True)
    begin, end = np.full(len(told), _EVER_US), np.full(len(told), -_EVER_US)
    np.minimum.at(begin, place, np.where(speaks, -_EVER_US, users.since_us[members.member]))
    np.maximum.at(end, place, np.where(speaks, _EVER_US, picture.ints["time_us"][members.member]))
    first = members.first()[one]
    pair, mine = np.repeat(np.arange(len(one)), count[one]), place[ranges(first, count[one])]
    asked = two[pair] * width + told[mine] % width
    theirs = np.minimum(np.searchsorted(told, asked), len(told) - 1)
    at_once = (told[theirs] == asked) & (begin[mine] <= end[theirs]) & (begin[theirs] <= end[mine])
    return np.asarray(np.bincount(pair[at_once], minlength=len(one)) > 0)


def _is_alike(one: Estimate, two: Estimate, gate: Gate) -> Mask:
    """Whether both go the same way, as far as they go at all."""
    speed = np.hypot(*one.velocity.T), np.hypot(*two.velocity.T)
    along = np.einsum("nk,nk->n", one.velocity, two.velocity)
    goes = np.minimum(*speed) >= _STANDS_MPS
    return np.asarray(~goes | (along >= np.cos(np.radians(gate.heading_deg)) * speed[0] * speed[1]))


def _assigned(picture: Picture, users: Users, one: Ints, two: Ints, cost: Floats, is_sure: Mask) -> Found:
    """One to one among those of each device: several devices may join one road user in one step, but each once."""
    is_younger = users.name[one] > users.name[two]
    younger, elder = np.where(is_younger, one, two), np.where(is_younger, two, one)
    (younger, elder), first = np.unique(np.stack([younger, elder]), axis=1, return_index=True)
    cost, is_sure = cost[first], is_sure[first]
    _, device = np.unique(picture.ints["device_key"][users.leads[younger]], return_inverse=True)
    chosen = np.flatnonzero(one_to_one(younger, elder * (device.max(initial=0) + 1) + device, cost))
    younger, elder, is_sure, cost = younger[chosen], elder[chosen], is_sure[chosen], cost[chosen]
    settled = ~np.isin(elder, younger)  # who joins another is joined by nobody in the same step
    several = users.members.count()[younger] > 1
    order = np.lexsort((cost, elder))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(elder[order], elder[order])
    settled &= ~several | (rank == 0)  # of those with several members one at a time: the others' devices may be among them
    return Found(users.leads[younger[settled]], users.leads[elder[settled]], is_sure[settled])
