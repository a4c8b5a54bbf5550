from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.codec.observations import MOST_SAMPLES, QUALITIES, Decoded, read
from chelu.messages import OBSERVATION, frames_of
from chelu.quantities import QUANTITIES, Quantity, by_code

DATA = Path(__file__).parents[2] / "data"
REFERENCE_US = 1_700_000_000_000_000


def read_all(*documents: Any) -> Decoded:
    payloads = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in documents]
    return read(frames_of(payloads, REFERENCE_US))


def rows_of(decoded: Decoded) -> list[list[Any]]:
    """[time, quantity, value, quality, channel] of each row, None where there is none."""
    rows, found = decoded.rows, []
    for i in range(len(rows)):
        value = rows["value"][i].item()
        quality = QUALITIES[rows["quality"][i]] if rows["quality_valid"][i] else None
        channel = rows["channel"][i].item() if rows["channel_valid"][i] else None
        name = by_code()[int(rows["quantity"][i])].name
        found.append([rows["time_us"][i].item(), name, None if math.isnan(value) else value, quality, channel])
    return found


@pytest.mark.parametrize("case", sorted(DATA.glob("observation-*")), ids=lambda case: case.name)
def test_the_cases_are_read_as_they_say(case: Path) -> None:
    decoded = read_all((case / "input.json").read_bytes())
    expected = json.loads((case / "expected.json").read_text())
    assert len(decoded.rejects) == 0
    assert [row[:2] + row[3:] for row in rows_of(decoded)] == [row[:2] + row[3:] for row in expected]
    assert [row[2] for row in rows_of(decoded)] == [
        row[2] if row[2] is None else pytest.approx(row[2], rel=1e-12) for row in expected
    ]


def plain_rows(document: dict[str, Any]) -> list[list[Any]]:
    """A document in SI units read a second time, sample by sample."""
    found = []
    for part in document.get("observations", [document]):
        whole = {**{name: value for name, value in document.items() if name != "observations"}, **part}
        for place, value in enumerate(whole["values"] if "values" in whole else [whole["value"]]):
            time_us = whole["times_us"][place] if "times_us" in whole else whole.get("time_us", REFERENCE_US)
            if "start_us" in whole:
                time_us = whole["start_us"] + place * whole["step_us"]
            channel = whole["channels"][place] if "channels" in whole else whole.get("channel")
            found.append([time_us, whole["quantity"], value, whole.get("quality"), channel])
    return found


def samples(quantity: Quantity) -> st.SearchStrategy[float | None]:
    return st.none() | st.floats(quantity.low, quantity.high, allow_nan=False)


@st.composite
def parts(draw: st.DrawFn) -> dict[str, Any]:
    quantity = draw(st.sampled_from(QUANTITIES))
    part: dict[str, Any] = {"quantity": quantity.name}
    if draw(st.booleans()):
        part["unit"] = quantity.unit
    values = draw(st.lists(samples(quantity), min_size=1, max_size=5))
    how = draw(st.sampled_from(["one", "each", "step", "none"]))
    if how == "one":
        return {**part, "value": values[0], "time_us": draw(st.integers(0, 2**61))}
    if how == "each":
        part["times_us"] = [draw(st.integers(0, 2**61)) for _ in values]
        part["channels"] = [draw(st.none() | st.integers(0, 65535)) for _ in values]
    elif how == "step":
        part |= {"start_us": draw(st.integers(0, 2**60)), "step_us": draw(st.integers(0, 10**9)), "channel": 3}
    return {**part, "values": values, "quality": draw(st.none() | st.sampled_from(QUALITIES))}


@settings(max_examples=200, deadline=None)
@given(st.lists(parts(), min_size=1, max_size=4), st.booleans())
def test_random_observations_say_what_a_plain_reading_says(several: list[dict[str, Any]], as_one: bool) -> None:
    documents = [{"observations": several}] if as_one else several
    decoded = read_all(*documents)
    assert len(decoded.rejects) == 0, decoded.rejects.detail
    assert rows_of(decoded) == [row for document in documents for row in plain_rows(document)]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"value": 999}, "value = 999 is not allowed: 183.15 … 343.15 K for air_temperature, and this is 1272.15 K"),
        ({"values": [20, 999], "value": None}, "value = None is not allowed: either value or values"),
        ({"value": "warm"}, "value = 'warm' is not allowed: a number or null"),
        ({"value": [21]}, "value = [21] is not allowed: a number or null"),
        ({"value": True}, "value = True is not allowed: a number or null"),
        ({"values": []}, "values = [] is not allowed: a list of at least one"),
        ({"value": 1, "quantity": "warmth"}, "quantity = 'warmth' is not allowed: one that chelu quantities lists"),
        ({"value": 1, "quantity": 5}, "quantity = 5 is not allowed"),
        ({"value": 1, "unit": "km"}, "unit = 'km' is not allowed: a unit of air_temperature, such as degC or K"),
        ({"value": 1, "unit": 7}, "unit = 7 is not allowed"),
        ({"value": 1, "time_us": -1}, "time_us = -1 is not allowed: microseconds UTC since 1970"),
        ({"value": 1, "time": "2023-11-14T22:13:20"}, "time = '2023-11-14T22:13:20' is not allowed"),
        ({"value": 1, "time_us": 1, "start_us": 2}, "start_us = 2 is not allowed: nothing beside time_us"),
        ({"values": [1, 2], "times_us": [1]}, "times_us = 1 is not allowed: a list of 2, as there are values"),
        ({"value": 1, "start_us": 1, "step_us": 2**63}, "step_us = 9223372036854775808 is not allowed"),
        ({"values": [1, 2], "step_us": 5}, "step_us = 5 is not allowed: nothing without start_us"),
        ({"value": 1, "time_us": 1, "step_us": 5}, "step_us = 5 is not allowed: nothing without start_us"),
        ({"value": 1, "quality": "fine"}, "quality = 'fine' is not allowed: one of good, doubtful, bad, estimated"),
        ({"value": 1, "quality": ["good"]}, "quality = ['good'] is not allowed"),
        ({"value": 1, "channel": 70000}, "channel = 70000 is not allowed: a whole number of 0 … 65535"),
        ({"values": [1, 2], "channels": 5}, "channels = 5 is not allowed: a list of 2, as there are values"),
        ({"observations": []}, "observations = [] is not allowed: a list of at least one"),
        ({"observations": [4]}, "observations[0] = 4 is not allowed: an object"),
        ({"observations": [{"value": 1}, {"value": 1, "unit": "m"}]}, "observations[1].unit = 'm' is not allowed"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_what_is_allowed(document: dict[str, Any], sentence: str) -> None:
    decoded = read_all({"quantity": "air_temperature", "unit": "degC", **document})
    assert list(decoded.rejects.reason) == ["out_of_range"]
    assert sentence in decoded.rejects.detail[0]


def test_the_examples_of_the_page_are_read_whole() -> None:
    page = (DATA.parents[1] / "docs" / "formats" / "observations.md").read_text(encoding="utf-8")
    examples = [block.partition("```")[0].encode() for block in page.split("```json\n")[1:]]
    decoded = read_all(*examples)
    assert (len(examples), len(decoded.rows), len(decoded.rejects)) == (2, 7, 0)


def test_a_sample_out_of_range_costs_itself_only() -> None:
    decoded = read_all({"quantity": "relative_humidity", "unit": "%", "values": [50, 101, 100, -3, None]})
    assert [row[2] for row in rows_of(decoded)] == [0.5, 1.0, None]
    assert [detail.split(" is ")[0] for detail in decoded.rejects.detail] == ["values[1] = 101", "values[3] = -3"]
    assert decoded.rejects.index.tolist() == [0, 0]


def test_endless_values_are_refused_without_a_warning() -> None:
    payload = b'{"quantity": "electric_energy", "unit": "kWh", "values": [1e999, -1e308, 1e308, 1]}'
    decoded = read_all(payload)
    assert ([row[2] for row in rows_of(decoded)], len(decoded.rejects)) == ([3.6e6], 3)


def test_a_part_that_cannot_be_read_costs_itself_and_not_its_neighbours() -> None:
    good = {"quantity": "ozone", "unit": "ug/m3", "value": 60}
    decoded = read_all({"observations": [good, {"quantity": "hope", "value": 1}, good]}, good)
    assert (decoded.rows["frame"].tolist(), decoded.rejects.index.tolist()) == ([0, 0, 1], [0])


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'{"value": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_undecodable(payload: bytes) -> None:
    assert list(read_all(payload).rejects.reason) == ["undecodable"]


def test_a_message_of_too_many_samples_is_refused_whole() -> None:
    part = {"quantity": "ozone", "values": [0] * MOST_SAMPLES}
    assert len(read_all(part).rows) == MOST_SAMPLES
    for document in ({**part, "values": [0] * (MOST_SAMPLES + 1)}, {"observations": [part, part]}):
        decoded = read_all(document)
        assert (len(decoded.rows), list(decoded.rejects.reason)) == (0, ["overlong"])


def test_what_holds_for_all_makes_no_message_larger_than_it_is() -> None:
    """Ten thousand parts beside a list of ten thousand values, or beside as many keys that mean nothing."""
    part = {"quantity": "ozone"}
    values = read_all({"values": [0] * MOST_SAMPLES, "observations": [part] * MOST_SAMPLES})
    assert (len(values.rows), list(values.rejects.reason)) == (0, ["overlong"])
    keys = {f"key{number}": number for number in range(20_000)}
    started_s = time.process_time()
    assert len(read_all({**keys, "observations": [{**part, "value": 0}] * MOST_SAMPLES}).rows) == MOST_SAMPLES
    for name, value in (
        ("unit", "x" * 500_000),
        ("quality", [["x"] * 100_000]),
        ("qualities", ["x" * 500_000]),
        ("unit", {"a": "b"}),
    ):
        decoded = read_all({name: value, "observations": [{**part, "values": [1]}] * MOST_SAMPLES})
        assert list(decoded.rejects.reason) == ["out_of_range"], name
    assert time.process_time() - started_s < 5


def test_rows_have_the_columns_of_the_stream() -> None:
    for decoded in (read_all(), read_all(b"x"), read_all({"quantity": "ozone", "value": 0})):
        assert {name: column.dtype for name, column in decoded.rows.columns.items() if name != "frame"} == OBSERVATION.dtypes()
