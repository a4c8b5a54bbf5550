"""A recording that fits into memory as an MCAP file that Foxglove opens: lines of JSON on topics, in the order of their time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from chelu import mcap_writing

CHUNK_LINES = 4096


class Line(NamedTuple):
    """One message: when, on which topic, of which schema, what."""

    time_us: int
    topic: str
    schema: str
    document: Mapping[str, Any] | str


def recording(lines: Iterable[Line], schema_of: Callable[[str], bytes], metadata: Mapping[str, Mapping[str, str]]) -> bytes:
    """The file; schema_of: the JSON schema of a name, asked once for each."""
    ordered = sorted(lines, key=lambda line: line.time_us)
    topics, chunks = mcap_writing.Topics(), list[mcap_writing.Told]()
    content = bytearray(mcap_writing.opening(metadata))
    for line in ordered:
        if line.topic not in topics.channels:
            schema = b"" if line.schema in topics.schemas else schema_of(line.schema)
            content += topics.add(line.topic, line.schema, schema)
    for start in range(0, len(ordered), CHUNK_LINES):
        part = ordered[start : start + CHUNK_LINES]
        numbers = np.array([topics.number(line.topic) for line in part], np.uint16)
        time_us = np.array([line.time_us for line in part], np.int64)
        chunk = mcap_writing.chunk(numbers, time_us, mcap_writing.Texts.of([_text(line) for line in part]), len(content))
        content += chunk.content
        chunks.append(mcap_writing.Told(chunk.index, chunk.counts, chunk.span_us))
    for piece in mcap_writing.closing(len(content), topics, chunks, metadata):
        content += piece
    return bytes(content)


def _text(line: Line) -> bytes:
    text = line.document if isinstance(line.document, str) else json.dumps(line.document, ensure_ascii=False, allow_nan=False)
    return text.encode()
