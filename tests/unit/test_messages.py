"""Batches hold columns of one length; streams define masks, types and units once."""

import numpy as np
import pytest

from chelu.messages import BSM, HEADER, STREAMS, Batch, Stream, concatenate, empty, frames_of


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Batch({"a": np.zeros(2), "b": np.zeros(3)})


def test_rows_are_taken_by_mask_and_by_index() -> None:
    batch = Batch({"a": np.arange(4), "b": np.arange(4) * 2.0})
    assert batch.take(np.array([True, False, True, False]))["a"].tolist() == [0, 2]
    assert batch.take(np.array([3, 0]))["b"].tolist() == [6.0, 0.0]


def test_batches_concatenate_in_order() -> None:
    first, second = Batch({"a": np.array([1, 2])}), Batch({"a": np.array([3])})
    assert concatenate([first, second])["a"].tolist() == [1, 2, 3]
    assert len(concatenate([])) == 0


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_optional_integers_carry_a_mask_and_floats_do_not(stream: Stream) -> None:
    types = stream.dtypes()
    for field in stream.fields:
        assert (field.name + "_valid" in types) == (field.optional and field.dtype[0] != "f")
    assert len(empty(stream)) == 0


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_every_stream_starts_with_its_event_time_and_names_no_field_twice(stream: Stream) -> None:
    names = [field.name for field in stream.fields]
    assert names[0] == "time_us"
    assert len(set(names)) == len(names)
    assert {field.name for field in HEADER} & set(names) == {"time_us"}


def test_frames_keep_every_payload_with_its_reference() -> None:
    frames = frames_of([b"abc", b"", b"de"], 7)
    assert [frames.frame(i) for i in range(3)] == [b"abc", b"", b"de"]
    assert frames.reference_us.tolist() == [7, 7, 7]
    assert frames.take(np.array([2])).frame(0) == b"de"
    assert len(frames_of([], 0)) == 0


def test_speed_is_si_and_named_so() -> None:
    units = {field.name: field.unit for field in BSM.fields}
    assert units["speed_mps"] == "m/s"
    assert units["heading_deg"] == "°"
