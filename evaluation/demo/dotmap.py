"""A map in a terminal: points on a grid of Braille cells, two dots wide and four high each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rich.text import Text

DOTS_WIDE, DOTS_HIGH = 2, 4  # of a cell

# Bit of each dot in a Braille cell, by [row][column] (Unicode: block 2800).
_DOT_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)


def frame_of(points: npt.NDArray[np.float64], columns: int, rows: int) -> tuple[float, float, float]:
    """Where the map lies: left x, top y, and metres a dot, so that all of `points` (n, 2) fit with equal scales."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = max((high[0] - low[0]) / (columns * 2 - 1), (high[1] - low[1]) / (rows * 4 - 1), 1e-9)
    return float(low[0]), float(high[1]), float(scale)


def dots(points: npt.NDArray[np.float64], frame: tuple[float, float, float], columns: int, rows: int) -> npt.NDArray[np.uint8]:
    """Cells (rows, columns) of dot bits for points (n, 2); points outside the frame are left out."""
    left, top, scale = frame
    x = np.floor((points[:, 0] - left) / scale + 0.5).astype(np.int64)
    y = np.floor((top - points[:, 1]) / scale + 0.5).astype(np.int64)
    inside = (x >= 0) & (x < columns * 2) & (y >= 0) & (y < rows * 4)
    x, y = x[inside], y[inside]
    cells = np.zeros((rows, columns), np.uint8)
    np.bitwise_or.at(cells, (y // 4, x // 2), _DOT_BITS[y % 4, x % 2])
    return cells


def text(layers: list[tuple[npt.NDArray[np.uint8], str]]) -> Text:
    """Layers of cells from bottom to top, each with its style; a cell shows all its dots in the topmost style that has any."""
    bits = np.bitwise_or.reduce([cells for cells, _ in layers])
    top = np.full(bits.shape, -1)
    for index, (cells, _) in enumerate(layers):
        top[cells > 0] = index
    result = Text(no_wrap=True)
    for row_bits, row_top in zip(bits, top, strict=True):
        for cell, layer in zip(row_bits, row_top, strict=True):
            result.append(chr(0x2800 + int(cell)) if cell else " ", layers[layer][1] if layer >= 0 else "")
        result.append("\n")
    return result
