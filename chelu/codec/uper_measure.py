"""Where the elements of lists lie: walks over records looking only at the bits that decide their length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chelu.codec.uper_bits import Ints, Source
from chelu.codec.uper_layout import Block, Program, Repeat, Switch, Test

Heads = dict[str, Ints]


def element_positions(
    source: Source, step: Repeat, position: Ints, count: Ints, stop: Ints
) -> tuple[Ints, Ints, Ints, npt.NDArray[np.bool_]]:
    """(owner row, first bit) of every element in wire order, the bit behind each list, and which rows ran off their frame.

    A row that ran off its frame has all its elements listed, the missing ones at its end: reading them does no harm.
    """
    first = np.cumsum(count) - count
    owner = np.repeat(np.arange(len(count)), count)
    if step.element.fixed_bits is not None:
        places = position[owner] + (np.arange(len(owner)) - first[owner]) * step.element.fixed_bits
        after = position + count * step.element.fixed_bits
        return owner, np.minimum(places, stop[owner]), after, after > stop
    places = stop[owner]
    after = position.copy()
    for number in range(int(count.max(initial=0))):
        active = np.flatnonzero((count > number) & (after <= stop))
        here = after[active]
        places[first[active] + number] = here
        after[active] = record_end(source, step.element, here, stop[active])
    return owner, places, after, after > stop


def record_end(source: Source, program: Program, position: Ints, stop: Ints) -> Ints:
    """The bit behind each record that starts at `position`."""
    return _walk(source, program, (0, len(program.operations)), position, stop)


def _walk(source: Source, program: Program, span: tuple[int, int], position: Ints, stop: Ints) -> Ints:
    at, end = span
    heads: Heads = {}
    while at < end and len(position):
        step = program.operations[at]
        at += 1
        if isinstance(step, Block):
            _read_heads(source, step, position, heads)
            position = position + step.bits
        elif isinstance(step, Switch):
            position = position + step.totals[np.minimum(heads[step.head], len(step.totals) - 1)]
        elif isinstance(step, Test):
            position = _optional(source, program, (at, step), position, stop, heads)
            at = step.end
        else:
            count = heads[step.path + "*"] + step.low if step.path + "*" in heads else np.full(len(position), step.low)
            position = element_positions(source, step, position, count, stop)[2]
    return position


def _read_heads(source: Source, step: Block, position: Ints, heads: Heads) -> None:
    """Read a block's heads, those that lie within 57 bits of each other in one go."""
    base, word = -64, np.zeros(0, np.uint64)
    for spot in step.heads:
        if spot.offset + spot.width > base + 57:
            base, word = spot.offset, source.window(position + spot.offset, 57)[0]
        value = (word << np.uint64(spot.offset - base)) >> np.uint64(64 - spot.width)
        heads[spot.path] = value.view(np.int64)


def _optional(source: Source, program: Program, body: tuple[int, Test], position: Ints, stop: Ints, heads: Heads) -> Ints:
    at, step = body
    if step.sizes is not None:
        return np.asarray(position + step.sizes[heads[step.head]], np.int64)
    is_there = (heads[step.head] & step.mask) == step.value
    picked = np.flatnonzero(is_there)
    if len(picked) == 0:
        return position
    position = position.copy()
    position[picked] = _walk(source, program, (at, step.end), position[picked], stop[picked])
    return position
