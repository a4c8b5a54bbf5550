"""UPER records in a buffer → table, all of one type.

Two readers give the same: native code takes record by record (`chelu.codec.uper_native`), numpy takes field by field
(`chelu.codec.uper_decode`). For many records of one shape nothing is faster than numpy; lists, mixed shapes and small batches are
native code's where that is there.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu import native
from chelu.codec import uper_decode, uper_native
from chelu.codec.uper_bits import Ints, Source
from chelu.codec.uper_layout import Block, Program
from chelu.codec.uper_table import Table

SAMPLE = 256  # records looked at to see whether shapes are mixed
USUAL = 0.75  # share of one shape from which numpy is faster (measured with evaluation/bench/codec.py)


def read(source: Source, program: Program, start: Ints, stop: Ints) -> tuple[Table, Ints, npt.NDArray[np.bool_]]:
    """The records' values, the bit behind each, and which are for somebody slower to judge, (n,).

    start: (n,) first bit of each record; stop: (n,) bit behind its frame. A row is bad where a value is illegal, an extension bit
    is set or a list runs off its frame; what the table holds of it, and where it ends, mean nothing.
    """
    library = native.library()
    if library is not None and (len(start) < uper_decode.GROUP or usual_share(source, program, start) < USUAL):
        return uper_native.read(library, source.data, program, start, stop)
    decoder = uper_decode.Decoder(source, start, stop, library)
    decoder.run(program)
    return decoder.table, decoder.end, decoder.bad


def usual_share(source: Source, program: Program, start: Ints) -> float:
    """The share of the records, of which there are some, that decide the first thing alike; an estimate from a sample."""
    first = program.operations[0]
    if not isinstance(first, Block) or not first.heads:
        return 1.0
    spot = first.heads[0]
    position = start[np.linspace(0, len(start) - 1, min(len(start), SAMPLE)).astype(np.int64)] + spot.offset
    three = source.data.take((position >> 3)[:, None] + np.arange(3), mode="clip") @ np.array([1 << 16, 1 << 8, 1])
    heads = three >> (24 - (position & 7) - spot.width) & ((1 << spot.width) - 1)
    return float(np.bincount(heads).max() / len(heads))
