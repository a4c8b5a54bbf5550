"""The column format: what is packed is unpacked, and what is damaged is refused with the right reason."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chelu.codec import columns
from chelu.errors import MalformedError
from chelu.messages import BSM, Batch, DropReason, empty

TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "?", ">i4", ">f8"]


@pytest.fixture
def batch():
    return Batch({"a": np.array([1, 2, 3], np.uint8), "b": np.array([0.5, np.nan, -1.0]), "ok": np.array([True, False, True])})


@given(st.integers(0, 20), st.lists(st.sampled_from(TYPES), max_size=6), st.integers(0, 2**32 - 1))
def test_every_type_and_length_comes_back(rows, types, seed) -> None:
    random = np.random.default_rng(seed)
    batch = Batch({f"column {i}": random.integers(0, 100, rows).astype(kind) for i, kind in enumerate(types)})
    found, header = columns.unpack(columns.pack(batch, {"seed": seed}))
    assert header == {"seed": seed}
    assert list(found) == list(batch)
    for name in batch:
        np.testing.assert_array_equal(found[name], batch[name])
        assert found[name].dtype == batch[name].dtype.newbyteorder("<")


def test_text_columns_come_back_as_text() -> None:
    found, _ = columns.unpack(columns.pack(Batch({"name": np.array(["车", "rsu-1", ""])}), {}))
    assert found["name"].tolist() == ["车", "rsu-1", ""]


def test_empty_stream_comes_back_with_its_types() -> None:
    found, _ = columns.unpack(columns.pack(empty(BSM), {}))
    assert {name: found[name].dtype for name in found} == BSM.dtypes()


def test_columns_lie_at_multiples_of_eight(batch) -> None:
    data = columns.pack(batch, {"x": "odd"})
    _, _, _, length, rows = struct.unpack_from("<4sHHII", data)
    document = json.loads(data[16 : 16 + length])
    assert rows == 3
    assert len(data) % 8 == 0
    assert [one["offset"] % 8 for one in document["columns"]] == [0, 0, 0]
    base = -(-(16 + length) // 8) * 8
    assert struct.unpack_from("<d", data, base + document["columns"][1]["offset"]) == (0.5,)


def test_objects_are_refused(batch) -> None:
    with pytest.raises(TypeError, match="'b'"):
        columns.pack(batch.with_columns(b=np.array([None, 1, "x"], object)), {})


@pytest.mark.parametrize("length", [0, 15, 16, 40, -8])
def test_cut_bytes_are_truncated(batch, length) -> None:
    with pytest.raises(MalformedError) as caught:
        columns.unpack(columns.pack(batch, {})[:length])
    assert caught.value.reason == DropReason.TRUNCATED


def test_bytes_behind_the_last_column_are_overlong(batch) -> None:
    with pytest.raises(MalformedError) as caught:
        columns.unpack(columns.pack(batch, {}) + b"\0")
    assert caught.value.reason == DropReason.OVERLONG


def test_another_version_is_refused(batch) -> None:
    data = bytearray(columns.pack(batch, {}))
    data[4] = 9
    with pytest.raises(MalformedError) as caught:
        columns.unpack(bytes(data))
    assert caught.value.reason == DropReason.WRONG_VERSION


def _with_json(text):
    return columns.MAGIC + struct.pack("<HHII", 1, 0, len(text), 1) + text


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"\xff\xff",
        b"[]",
        b'{"columns":[{"name":"a","type":"|O8","offset":0}],"header":{}}',
        b'{"columns":[{"name":"a","type":"<f8","offset":-8}],"header":{}}',
        b'{"columns":[{"name":"a","type":"<f8","offset":3}],"header":{}}',
        b'{"columns":[{"name":"a"}],"header":{}}',
        b'{"columns":[],"header":3}',
    ],
)
def test_a_rubbish_header_is_undecodable(text) -> None:
    with pytest.raises(MalformedError) as caught:
        columns.unpack(_with_json(text))
    assert caught.value.reason == DropReason.UNDECODABLE


@given(st.binary(max_size=200))
def test_random_bytes_never_do_worse_than_malformed(data) -> None:
    with pytest.raises(MalformedError):
        columns.unpack(b"CHCL\x01\x00" + data)
