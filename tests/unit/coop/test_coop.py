"""Messages of cooperation: examples, schemas and models agree, the schemas judged by a validator that is not ours."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chelu.coop.catalogue import APPLICATIONS, Direction, check, schema, type_of, types
from chelu.coop.examples import EXAMPLES
from chelu.coop.page import SCHEMAS, page, schema_text
from chelu.errors import NotAllowedError

DOCUMENT = Path(__file__).parents[3] / "docs" / "formats" / "coop.md"
VALIDATORS = {name: jsonschema_rs.Draft202012Validator(schema(name)) for name in types()}


def is_taken(document: Any) -> bool:
    try:
        check(document, Direction.BOTH)
    except NotAllowedError:
        return False
    return True


def test_all_twelve_applications_and_payment_have_messages_in_both_directions() -> None:
    assert len(APPLICATIONS) == 12 + 2  # near-field payment of phase I, and what is said whichever application it is
    for application in APPLICATIONS:
        directions = {direction for _, direction in application.messages}
        assert directions >= {Direction.BOTH} or directions >= {Direction.UP, Direction.DOWN}, application.name
        assert all(type_of(model).startswith(f"{application.name}.") for model, _ in application.messages)


@pytest.mark.parametrize("name", list(types()))
def test_the_example_fits_its_model_and_its_schema(name: str) -> None:
    assert list(EXAMPLES) == list(types())
    message = check(EXAMPLES[name], Direction.BOTH)
    assert VALIDATORS[name].is_valid(EXAMPLES[name])
    assert VALIDATORS[name].is_valid(json.loads(message.model_dump_json(exclude_none=True)))


@pytest.mark.parametrize("name", list(types()))
def test_the_shipped_schema_is_current(name: str) -> None:
    assert (SCHEMAS / f"{name}.json").read_text(encoding="utf-8") == schema_text(name), "run python -m chelu.coop.page"


def test_no_other_schema_is_shipped_and_the_page_is_current() -> None:
    assert {file.stem for file in SCHEMAS.iterdir()} == set(types())
    assert DOCUMENT.read_text(encoding="utf-8") == page(), "run python -m chelu.coop.page"


def test_every_message_is_on_the_page_with_its_example() -> None:
    text = page()
    for name, example in EXAMPLES.items():
        assert f"### `{name}` · " in text
        assert json.dumps(example, ensure_ascii=False) in text


FRACTIONS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x % 1)  # 5.0 is an integer to a schema only
TEXTS = st.text(max_size=5) | st.sampled_from(["granted", "motor", "1", "obu-1"])
STRANGE: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | FRACTIONS | TEXTS | st.just([]) | st.just({})
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document, itself left out."""
    inner = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    return [place for key, part in inner for place in [(*path, key), *places(part, (*path, key))]]


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_model_and_schema_take_and_refuse_the_same(data: st.DataObject) -> None:
    """An example with something strange in one place, or without it, or with something more."""
    name = data.draw(st.sampled_from(list(types())))
    document = copy.deepcopy(EXAMPLES[name])
    *outer, last = data.draw(st.sampled_from(places(document)))
    holder: Any = document
    for key in outer:
        holder = holder[key]
    how = data.draw(st.sampled_from(["put", "take", "add"]))
    if how == "put":
        holder[last] = data.draw(STRANGE)
    elif how == "take":
        del holder[last]
    elif isinstance(holder, dict):
        holder["more"] = 1
    if document.get("type") == name:
        assert is_taken(document) is VALIDATORS[name].is_valid(document), document


def test_who_may_not_say_a_message_is_refused_with_what_it_may_say() -> None:
    with pytest.raises(NotAllowedError, match=r"type = 'lane_change.answer' is not allowed: up: sensor_sharing.request, sensor_"):
        check(EXAMPLES["lane_change.answer"], Direction.UP)
    with pytest.raises(NotAllowedError, match=r"type = 'lane_change.request' is not allowed: down: "):
        check(EXAMPLES["lane_change.request"], Direction.DOWN)
    for direction in Direction:
        check(EXAMPLES["platoon.dissolve"], direction)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"type": "lane_change.wish"}, "type = 'lane_change.wish' is not allowed: one of sensor_sharing.request, "),
        ({"type": None}, "type = None is not allowed: one of "),
        ({"start_in_s": -1.0}, "start_in_s = -1.0 is not allowed: greater than or equal to 0"),
        ({"start_in_s": "2"}, "start_in_s = '2' is not allowed: a valid number"),
        ({"why": "fun"}, "why = 'fun' is not allowed: 'route', 'obstacle', 'speed', 'exit' or 'other'"),
        ({"mood": 1}, "mood = 1 is not allowed: no such field"),
        ({"": 1}, "'' = 1 is not allowed: no such field"),
        ({"a.b" * 1000: 1}, "'a.ba.ba.ba.ba.ba.ba.ba.ba.ba.ba.ba.ba.ba' = 1 is not allowed: no such field"),
        ({"size": {"length_m": 4.6}}, "size.width_m = None is not allowed: it is required"),
        (
            {"motion": {**EXAMPLES["lane_change.request"]["motion"], "speed_mps": 200.0}},
            "motion.speed_mps = 200.0 is not allowed: less than",
        ),
        ({"seqNum": True}, "seqNum = True is not allowed: a valid integer"),
    ],
)
def test_a_refusal_names_the_field_its_value_and_what_is_allowed(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(NotAllowedError) as refusal:
        check({**EXAMPLES["lane_change.request"], **change}, Direction.UP)
    assert str(refusal.value).startswith(sentence)
