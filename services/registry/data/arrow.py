"""Rows as Arrow columns, typed or as text, without an object per row: what the formats of exports are written from.

Names and units are those of the read API: ids of 8 bytes are hexadecimal, what is not there is null. Needs pyarrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from chelu.mcap_writing import Texts
from chelu.messages import Batch, Stream
from chelu.store.reading import Output
from services.registry.data.reading import outputs

DEVICE_KEY, DEVICE_ID = "device_key", "device_id"
INSTANT = pa.timestamp("us", tz="UTC")
HEXADECIMAL = np.frombuffer(b"0123456789abcdef", np.uint8)
NULL, INFINITE = "null", {"inf": '"Infinity"', "-inf": '"-Infinity"'}


def columns_of(stream: Stream) -> tuple[Output, ...]:
    """The columns of a file but for the device's id, which comes first: those of the table without its internal numbers."""
    return tuple(each for each in outputs(stream) if each.name != DEVICE_KEY and not each.name.endswith("_valid"))


def schema(stream: Stream) -> pa.Schema:
    """The columns of a Parquet file; a field's metadata has its unit and what it is."""
    about = {field.name: field for field in stream.fields}
    fields = [pa.field(DEVICE_ID, pa.dictionary(pa.int32(), pa.string()))]
    for each in columns_of(stream):
        known = about.get(each.name)
        metadata = {"unit": known.unit, "about": known.about} if known else {"unit": "µs" if each.name.endswith("_us") else ""}
        fields.append(pa.field(each.name, _type(each), metadata=metadata))
    return pa.schema(fields, metadata={"stream": stream.name, "row": stream.row})


def typed(stream: Stream, batch: Batch, devices: Mapping[int, str]) -> dict[str, Any]:
    """The columns by name; instants as integers, µs since 1970."""
    return {DEVICE_ID: _devices(batch, devices)} | {each.name: _array(batch, each.name) for each in columns_of(stream)}


def table(stream: Stream, batch: Batch, devices: Mapping[int, str]) -> pa.Table:
    """As Parquet has it: instants as instants."""
    found = typed(stream, batch, devices)
    return pa.table([found[field.name].cast(field.type) for field in schema(stream)], schema=schema(stream))


def json_texts(stream: Stream, batch: Batch, devices: Mapping[int, str], *, end: str = "") -> Any:
    """One JSON object a row (n,), as the read API writes it, each with `end` behind it."""
    pieces: list[Any] = []
    for name, values in typed(stream, batch, devices).items():
        pieces += [pa.scalar(f'{", " if pieces else "{"}"{name}": '), _as_json(values)]
    return pc.binary_join_element_wise(*pieces, pa.scalar("}" + end), "")


def texts_of(texts: Any) -> Texts:
    """Arrow's texts, none missing, as they lie in memory."""
    whole = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    _, starts, data = whole.buffers()
    start = np.frombuffer(starts, np.int32)[whole.offset : whole.offset + len(whole) + 1].astype(np.int64)
    return Texts(np.frombuffer(data or b"", np.uint8)[start[0] : start[-1]], start - start[0])


def _as_json(values: Any) -> Any:
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _as_json(values.dictionary).take(values.indices).fill_null(NULL)
    if pa.types.is_string(kind):
        return pc.binary_join_element_wise('"', values, '"', "").fill_null(NULL)
    texts = values.cast(pa.string())
    if pa.types.is_floating(kind) and pc.any(pc.is_inf(values)).as_py():
        for found, written in INFINITE.items():
            texts = pc.if_else(pc.equal(texts, found), written, texts)
    return texts.fill_null(NULL)


def _array(batch: Batch, name: str) -> Any:
    column, valid = batch[name], batch.columns.get(f"{name}_valid")
    missing = None if valid is None else ~valid
    if column.dtype == np.uint64:
        return _hexadecimal(column, missing)
    return pa.array(column, mask=missing, from_pandas=column.dtype.kind == "f")


def _devices(batch: Batch, devices: Mapping[int, str]) -> Any:
    keys, places = np.unique(batch[DEVICE_KEY], return_inverse=True)
    names = pa.array([devices.get(key) for key in keys.tolist()], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), names)


def _hexadecimal(ids: npt.NDArray[np.uint64], missing: npt.NDArray[np.bool_] | None) -> Any:
    """Ids (n,) as 16 digits each: the digits lie side by side, so that text needs only to be told where each begins."""
    octets = ids.astype(">u8").view(np.uint8).reshape(-1, 8)
    digits = np.empty((len(ids), 8, 2), np.uint8)
    digits[..., 0], digits[..., 1] = HEXADECIMAL[octets >> 4], HEXADECIMAL[octets & 15]
    starts = np.arange(0, 16 * len(ids) + 1, 16, dtype=np.int32)
    texts = pa.StringArray.from_buffers(len(ids), pa.py_buffer(starts), pa.py_buffer(digits.reshape(-1)))
    return texts if missing is None else pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), texts)


def _type(output: Output) -> Any:
    if output.name.endswith("_us"):
        return INSTANT
    return pa.string() if output.dtype == np.uint64 else pa.from_numpy_dtype(output.dtype)
