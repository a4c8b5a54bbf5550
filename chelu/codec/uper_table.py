"""Wire values of many records of one type: integers by path, exactly as sent, and the tables of the lists in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Values = npt.NDArray[Any]
Chunk = tuple[Ints | None, Values]


@dataclass(slots=True)
class Table:
    """`rows` records.

    `chunks`: path → pieces (row indices or None for all rows, integer values); a row in no piece lacks the field.

    Shape columns stand beside the fields (``path?``, ``path#``, ``path*``, see `uper_layout`).
    `lists`: path → (row of this table each element belongs to, ascending; table of the elements).
    """

    rows: int
    chunks: dict[str, list[Chunk]] = field(default_factory=dict)
    lists: dict[str, tuple[Ints, Table]] = field(default_factory=dict)

    def add(self, path: str, rows: Ints | None, values: Values) -> None:
        """Append one piece of a column."""
        self.chunks.setdefault(path, []).append((rows, values))

    def column(self, path: str, dtype: npt.DTypeLike = np.int64, fill: float = 0) -> Values:
        """The whole column (rows,), `fill` where the field is absent."""
        pieces = self.chunks.get(path, ())
        if len(pieces) == 1 and pieces[0][0] is None:
            return pieces[0][1].astype(dtype, copy=False)
        whole = np.full(self.rows, fill, dtype)
        for rows, values in pieces:
            whole[slice(None) if rows is None else rows] = values
        return whole

    def present(self, path: str) -> npt.NDArray[np.bool_]:
        """Where the field is present, (rows,)."""
        pieces = self.chunks.get(path, ())
        if any(rows is None for rows, _ in pieces):
            return np.ones(self.rows, np.bool_)
        mask = np.zeros(self.rows, np.bool_)
        for rows, _ in pieces:
            mask[rows] = True
        return mask

    def set(self, path: str, values: Values, mask: npt.NDArray[np.bool_] | None = None) -> None:
        """Make a column of `values` (rows,), present everywhere or where `mask` is true."""
        if mask is None or mask.all():
            self.chunks[path] = [(None, values)]
        else:
            rows = np.flatnonzero(mask)
            self.chunks[path] = [(rows, values[rows])]
