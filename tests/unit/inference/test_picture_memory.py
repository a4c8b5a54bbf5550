"""The picture's slots under churn: names stay unique, memory follows the live tracks, and nobody can fill it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.inference.picture import Picture
from services.inference.reports import Reports, Track
from services.inference.site import Site
from tests.unit.inference.scenes import EPOCH_US, Car, report, site

DOCUMENT = Path(__file__).parents[3] / "docs" / "inference.md"
ONE = report([Car(1, (0, 0, 0), 0, 10)], 0.0)


def _rows(keys, time_us, arrival_us, kind=Track.SPEAKS) -> Reports:
    """One report of each key."""
    keys = np.array(list(keys), np.uint64)
    many = ONE.take(np.zeros(len(keys), np.intp))
    time_us, arrival_us = (np.broadcast_to(np.asarray(one, np.int64), len(keys)) for one in (time_us, arrival_us))
    xyz = np.column_stack([keys % 1000 * 50.0, keys // 1000 % 1000 * 50.0, np.zeros(len(keys))])
    return replace(
        many, key=keys, own_id=keys, xyz=xyz, time_us=time_us, arrival_us=arrival_us, kind=np.full(len(keys), int(kind))
    )


reports = st.tuples(st.integers(0, 9), st.sampled_from([Track.SPEAKS, Track.SEEN]), st.integers(0, 20), st.integers(0, 20))
turns = st.lists(st.tuples(st.lists(reports, max_size=12), st.integers(0, 25)), max_size=20)


@given(turns)
def test_the_picture_agrees_with_a_dictionary(given_turns) -> None:
    """Key → (newest event time, arrival of that report); names (slot, generation) are never given twice."""
    picture, known, names = Picture(), dict[tuple[Track, int], tuple[int, int]](), dict[tuple[Track, int], tuple[int, int]]()
    used = set[tuple[int, int]]()
    for rows, before in given_turns:
        for kind in (Track.SPEAKS, Track.SEEN):
            mine = [row for row in rows if row[1] is kind]
            change = picture.update(_rows([row[0] for row in mine], [row[2] for row in mine], [row[3] for row in mine], kind))
            fresh = {key: (kind, key) for key, *_ in mine if (kind, key) not in known}
            assert len(change.fresh) == len(fresh)
            changed = set()
            for key, _, time, arrival in sorted(mine, key=lambda row: row[2]):
                if time > known.get((kind, key), (-1, 0))[0]:
                    known[kind, key] = time, arrival
                    changed.add(key)
            slots = picture.find(kind, np.array(sorted(changed), np.uint64))
            assert sorted(slots.tolist()) == change.slots.tolist()
            for name in fresh.values():
                slot = int(picture.find(kind, np.array([name[1]], np.uint64))[0])
                names[name] = slot, int(picture.generation[slot])
                assert names[name] not in used
                used.add(names[name])
        gone = {name for name, (_, arrival) in known.items() if arrival < before}
        assert sorted(picture.expire(before).tolist()) == sorted(names[name][0] for name in gone)
        known = {name: one for name, one in known.items() if name not in gone}
        assert len(picture) == len(known)
        for (kind, key), (time, arrival) in known.items():
            slot = int(picture.find(kind, np.array([key], np.uint64))[0])
            assert (slot, int(picture.generation[slot])) == names[kind, key]
            assert (picture.ints["time_us"][slot], picture.ints["arrival_us"][slot]) == (time, arrival)


def test_four_hundred_thousand_short_lived_ids_take_the_room_of_those_that_live() -> None:
    """Each id speaks once; 4 000 live at a time."""
    picture, names, sizes = Picture(), [], []
    for turn in range(400):
        now_us = EPOCH_US + turn * 500_000
        slots = picture.update(_rows(range(1000 * turn, 1000 * turn + 1000), now_us, now_us)).slots
        names.append(picture.generation[slots].astype(np.int64) << 32 | slots)
        picture.expire(now_us - 1_900_000)
        sizes.append(picture.nbytes)
    assert len(np.unique(np.concatenate(names))) == 400_000
    assert len(picture) == 4000
    assert picture.capacity <= 8192
    assert max(sizes[50:]) == min(sizes[50:])


def test_after_a_flood_of_ids_memory_is_given_back_and_who_stayed_keeps_the_slot() -> None:
    picture, now_us = Picture(), EPOCH_US
    slot = int(picture.update(_rows([7], now_us, now_us + 5_000_000)).slots[0])
    small = picture.nbytes
    picture.update(_rows(range(100, 50_100), now_us, now_us))
    assert picture.nbytes > 50 * small
    picture.expire(now_us + 1)
    assert picture.nbytes < 2 * small + 4 * 65_536  # generations are kept: 4 bytes for each slot that ever was
    assert picture.find(Track.SPEAKS, np.array([7], np.uint64)).tolist() == [slot]
    again = picture.update(_rows(range(100, 50_100), now_us + 2, now_us + 2)).slots
    assert (picture.generation[again] == 1).all()


def test_who_is_new_finds_no_room_in_a_full_picture_and_is_counted() -> None:
    picture = Picture(most_tracks=300)
    picture.update(_rows(range(200), EPOCH_US, EPOCH_US))
    change = picture.update(_rows(range(100, 500), EPOCH_US + 1, EPOCH_US + 1))
    assert len(picture) == 300
    assert len(change.slots) == 200
    assert change.refused_rows == 200
    assert picture.update(_rows(range(200), EPOCH_US + 2, EPOCH_US + 2)).refused_rows == 0


def test_a_site_lives_on_after_a_flood_of_ids() -> None:
    """All stages keep columns by slot: they grow and shrink with the picture."""
    place, cars = site(), [Car(name, (40.0 * name, 0, 0), 90, 10) for name in range(1, 4)]
    flood = _rows(range(1000, 6000), EPOCH_US, EPOCH_US)
    place.step(report(cars, -0.1), EPOCH_US - 100_000)
    place.step(flood, EPOCH_US)
    assert place.picture.capacity >= 5000
    for tick in range(40):
        place.step(report(cars, tick * 0.1), EPOCH_US + tick * 100_000)
        place.broadcast({}, EPOCH_US + tick * 100_000)
    assert place.picture.capacity == 256
    assert len(place.futures.xy) == len(place.placement.lane) == len(place.twins.twin) == 256
    place.step(replace(flood, time_us=flood.time_us + 4_000_000, arrival_us=flood.arrival_us + 4_000_000), EPOCH_US + 4_000_000)
    assert len(place.picture) == 5003


def test_ids_invented_at_one_place_are_counted_and_do_not_fill_the_memory_with_pairs() -> None:
    """6 000 at one place are 18 million pairs."""
    place, rows = site(), _rows(range(6000), EPOCH_US, EPOCH_US)
    place.step(replace(rows, xyz=np.zeros((6000, 3))), EPOCH_US)
    assert place.counts.crowded == 1


def bytes_per_slot(place: Site) -> float:
    """All arrays that have a row per slot, and the keys' table."""
    stages = (place.picture, place.reckoning, place.futures, place.placement, place.twins, place.twins.seats)
    held = [one for stage in stages for one in vars(stage).values()]
    held += [column for one in held if isinstance(one, dict) for column in one.values()]
    arrays = [one for one in held if isinstance(one, np.ndarray) and len(one) == place.picture.capacity]
    return sum(one.nbytes for one in arrays) / place.picture.capacity


def test_the_document_says_how_much_memory_a_track_takes() -> None:
    place = site()
    place.step(_rows(range(4096), EPOCH_US, EPOCH_US), EPOCH_US)
    said = re.search(r"\*\*([\d ]+) bytes a slot\*\*", DOCUMENT.read_text(encoding="utf-8"))
    assert said is not None
    assert bytes_per_slot(place) == int(said[1].replace(" ", ""))
