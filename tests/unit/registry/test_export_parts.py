"""The pure parts of exports: where pages are cut, what is fixed in a plan, what a recipient gets of rows, footers of Parquet."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.messages import BSM, PARTICIPANT, SPAT, STREAMS, Batch
from chelu.store.reading import NOTHING, batch_of, rows_in
from services.registry.data import thrift
from services.registry.data.asking import inside
from services.registry.data.models import Around, WantedArea
from services.registry.data.pages import LEAST_US, LONG_US, Place
from services.registry.data.plan import Area, Circle, Plan
from services.registry.data.pseudonyms import Pseudonyms
from services.registry.data.reading import in_one_order, outputs
from services.registry.data.shaping import Shaper
from services.registry.data.thrift import Elements, Field
from tests.unit.registry.rows_of_streams import rows_of

PLAN = Plan(from_us=0, to_us=10**16, last_batch=9, recipient="crew")
RING = ((106.48, 29.48), (106.52, 29.48), (106.52, 29.52), (106.48, 29.48))
NAMES = Pseudonyms(b"k" * 32, "crew")


def walked(times: list[int], limit: int, end_us: int) -> list[list[int]]:
    """The pages of rows at these times, one device, read as a database would read them."""
    place, pages = Place(0), list[list[int]]()
    while place.after_us < end_us:
        window = [
            time
            for time in times
            if place.after_us <= time < place.stop_us(end_us) and (time, 1) > (place.after_us, place.after_key)
        ]
        if place.is_long:
            place = place.begun(min(window) if window else None, end_us)
            continue
        page = window[:limit]
        page += [time for time in window[limit:] if page and time == page[-1]]  # with ties
        last = (page[-1], 1) if page else None
        place = place.behind(len(page), last, limit=limit, end_us=end_us)
        if page:
            pages.append(page)
    return pages


@given(st.lists(st.integers(0, 10**11), max_size=60).map(sorted), st.integers(1, 20))
def test_pages_give_every_row_once_in_order_and_none_is_much_too_long(times: list[int], limit: int) -> None:
    pages = walked(times, limit, 10**11 + 1)
    assert [time for page in pages for time in page] == times
    assert all(len(set(page[limit - 1 :])) <= 1 for page in pages)


def test_a_window_adapts_to_how_many_rows_there_are() -> None:
    assert Place(0, width_us=8_000).behind(0, None, limit=100, end_us=10**9).width_us == 64_000
    assert Place(0, width_us=8_000).behind(75, (5, 1), limit=100, end_us=10**9).width_us == 8_000
    assert Place(0, width_us=80_000).behind(10_000, (5, 1), limit=100_000, end_us=10**9).width_us == 80_000 * 7 + 40_000
    cut = Place(0, width_us=10**6).behind(100, (40_000, 7), limit=100, end_us=10**9)
    assert (cut.after_us, cut.after_key, cut.width_us) == (40_000, 7, 40_000)
    assert Place(5, width_us=10**6).behind(100, (5, 7), limit=100, end_us=10**9).width_us == LEAST_US
    assert Place(0, width_us=LONG_US + 1).begun(77, 10**13) == Place(77)


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_rows_of_one_instant_and_device_come_in_one_order_however_they_lie(stream) -> None:
    columns = outputs(stream)
    layout = rows_in(columns, NOTHING).dtype
    rows = np.frombuffer(np.random.default_rng(3).bytes(40 * layout.itemsize), layout).copy()
    index = {each.name: f"value{number}" for number, each in enumerate(columns)}
    rows[index["time_us"]] = np.repeat([5, 7, 7, 9], 10)
    rows[index["device_key"]] = np.repeat([1, 1, 2, 2], 10)
    mixed = rows[np.concatenate([start + np.random.default_rng(4).permutation(10) for start in range(0, 40, 10)])]
    assert not np.array_equal(mixed, rows)
    first, second = in_one_order(rows, columns), in_one_order(mixed, columns)
    assert first.tobytes() == second.tobytes()
    assert batch_of(columns, first)["time_us"].tolist() == batch_of(columns, rows)["time_us"].tolist()


def test_a_plan_is_read_back_as_it_was() -> None:
    area = Area(1.0, 2.0, 3.0, 4.0, rings=(RING,), circle=Circle(1.0, 2.0, 3.0))
    plan = Plan(
        from_us=1, to_us=2, last_batch=3, recipient="crew", devices=(1, 2), standing=(2,), area=area, hidden=(1,), own=(2,),
        own_ids=(2**64 - 1,), zones=((RING,),),
    )  # fmt: skip
    assert Plan.of(json.loads(json.dumps(plan.document()))) == plan
    assert Plan.of(json.loads(json.dumps(PLAN.document()))) == PLAN
    assert (plan.keys_of(BSM), plan.keys_of(SPAT), PLAN.keys_of(SPAT)) == ((1, 2), (2,), None)


def test_a_circle_lies_in_its_box_and_touches_it_nearly() -> None:
    for latitude in (0.0, 29.5, -60.0, 84.0):
        area = WantedArea(around=Around(latitude_deg=latitude, longitude_deg=106.5, radius_m=5_000)).area()
        for bearing in np.radians(np.arange(0, 360, 5)):
            north, east = 4_990 * np.cos(bearing) / 111_700, 4_990 * np.sin(bearing) / (111_700 * np.cos(np.radians(latitude)))
            assert area.south <= latitude + north <= area.north
            assert area.west <= 106.5 + east <= area.east
        assert inside(area, latitude, 106.5)
        assert not inside(area, area.north, area.east)


def test_pseudonyms_are_the_same_for_one_recipient_and_tell_another_nothing() -> None:
    ids = np.array([1, 2**63, 1, 77], np.uint64)
    first = NAMES.of_ids(ids)
    assert first.tolist() == Pseudonyms(b"k" * 32, "crew").of_ids(ids).tolist()
    assert first[0] == first[2]
    assert len({*first.tolist(), *ids.tolist()}) == 6
    for other in (Pseudonyms(b"k" * 32, "rivals"), Pseudonyms(b"x" * 32, "crew")):
        assert not set(other.of_ids(ids).tolist()) & set(first.tolist())
        assert other.of_name("obu-1") != NAMES.of_name("obu-1")
    assert NAMES.names({1: "obu-1", 2: "rsu-1"}, frozenset({1})) == {1: NAMES.of_name("obu-1"), 2: "rsu-1"}


def test_ids_that_are_not_there_stay_so_and_own_ones_stay_themselves() -> None:
    rows = rows_of(PARTICIPANT, 200)
    own_id = int(rows["vehicle_id"][3])
    shaped = Shaper(PARTICIPANT, Plan(from_us=0, to_us=1, last_batch=1, recipient="crew", own=(2,), own_ids=(own_id,)), NAMES)
    found = shaped.shape(rows).batch
    is_same = found["vehicle_id"] == rows["vehicle_id"]
    assert is_same.tolist() == ((rows["device_key"] == 2) | ((rows["vehicle_id"] == own_id) & rows["vehicle_id_valid"])).tolist()
    assert found["vehicle_id_valid"].tolist() == rows["vehicle_id_valid"].tolist()
    assert rows["vehicle_id"][3] == own_id  # nothing was written into the argument


def test_what_lies_in_a_zone_is_left_out_but_for_ones_own_and_where_rows_are_no_vehicles() -> None:
    zones = (((*RING,),),)
    rows = rows_of(BSM, 500)
    plan = Plan(from_us=0, to_us=1, last_batch=1, recipient="crew", own=(1,), zones=zones)
    shaped = Shaper(BSM, plan, NAMES).shape(rows)
    area = Area(29.48, 106.48, 29.52, 106.52, rings=(RING,))
    is_inside = np.array([inside(area, *place) for place in zip(rows["latitude_deg"], rows["longitude_deg"], strict=True)])
    is_left = is_inside & (rows["device_key"] != 1)
    assert 0 < shaped.trimmed == is_left.sum()
    assert shaped.batch["time_us"].tolist() == rows["time_us"][~is_left].tolist()
    assert Shaper(STREAMS["event"], plan, NAMES).shape(rows_of(STREAMS["event"], 50)).trimmed > 0, "it says where vehicles were"
    assert Shaper(STREAMS["traffic"], plan, NAMES).shape(rows_of(STREAMS["traffic"], 50)).trimmed == 0


def test_rows_of_unknown_place_lie_in_no_area() -> None:
    plan = Plan(from_us=0, to_us=1, last_batch=1, recipient="crew", area=Area(-90, -180, 90, 180))
    rows: Batch = rows_of(BSM, 100)
    found = Shaper(BSM, plan, NAMES).shape(rows).batch
    assert len(found) == (np.isfinite(rows["latitude_deg"]) & np.isfinite(rows["longitude_deg"])).sum() < 100


WHOLE = st.integers(-(2**63), 2**63 - 1)
VALUES: st.SearchStrategy[tuple[int, Any]] = st.deferred(
    lambda: (
        st.tuples(st.just(thrift.I64), WHOLE)
        | st.tuples(st.just(thrift.BINARY), st.binary(max_size=40))
        | st.tuples(st.just(thrift.DOUBLE), st.binary(min_size=8, max_size=8))
        | st.tuples(st.just(thrift.LIST), st.lists(WHOLE, max_size=20).map(lambda found: Elements(thrift.I64, tuple(found))))
        | st.tuples(st.just(thrift.STRUCT), STRUCTS)
    )
)
STRUCTS: st.SearchStrategy[thrift.Struct] = st.deferred(
    lambda: st.dictionaries(st.integers(1, 300), VALUES, max_size=4).map(
        lambda found: tuple(Field(number, *found[number]) for number in sorted(found))
    )
)


@given(STRUCTS)
def test_a_struct_is_read_as_it_was_written(struct: thrift.Struct) -> None:
    assert thrift.read(thrift.write(struct)) == struct


@pytest.mark.parametrize("content", [b"", b"\x16", b"\x18\x05ab", b"\x1b\x00"])
def test_a_struct_that_is_cut_off_or_of_another_kind_is_refused(content: bytes) -> None:
    with pytest.raises((IndexError, ValueError)):
        thrift.read(content)
