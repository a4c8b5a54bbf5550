"""Oriented rectangles that road users cover, and whether two of them overlap (separating-axis test on arrays).

Planes are local metres, east then north; headings are degrees clockwise from north. A position is the rectangle's centre.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_SIGNS = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]])  # front right, front left, rear left, rear right


def forward(heading_deg: Floats) -> Floats:
    """Unit vectors along headings: (…) → (…, 2), east and north."""
    angle = np.radians(heading_deg)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


def rightward(heading_deg: Floats) -> Floats:
    """Unit vectors to the right of headings: (…) → (…, 2)."""
    angle = np.radians(heading_deg)
    return np.stack([np.cos(angle), -np.sin(angle)], axis=-1)


def corners(xy: Floats, heading_deg: Floats, length_m: Floats, width_m: Floats) -> Floats:
    """Corners of rectangles centred at `xy` (n, 2): (n, 4, 2), from the front right one anticlockwise."""
    along = forward(heading_deg)[:, None, :] * (_SIGNS[:, 0] * 0.5)[None, :, None] * length_m[:, None, None]
    across = rightward(heading_deg)[:, None, :] * (_SIGNS[:, 1] * 0.5)[None, :, None] * width_m[:, None, None]
    return np.asarray(xy[:, None, :] + along + across)


def overlap(offset: Floats, heading_a: Floats, size_a: Floats, heading_b: Floats, size_b: Floats) -> npt.NDArray[np.bool_]:
    """Whether rectangles a and b overlap, all leading shapes broadcast together.

    offset: (…, 2) centre of b minus centre of a; headings (…) degrees; sizes (…, 2) length and width in metres. Two rectangles
    are apart exactly when one of their four edge directions separates them, so four projections decide.
    """
    along_a, along_b = forward(heading_a), forward(heading_b)
    across_a, across_b = rightward(heading_a), rightward(heading_b)
    half_a, half_b = size_a * 0.5, size_b * 0.5
    between = np.radians(heading_a - heading_b)
    cosine, sine = np.abs(np.cos(between)), np.abs(np.sin(between))
    east, north = offset[..., 0], offset[..., 1]

    def within(axis: Floats, reach: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(np.abs(east * axis[..., 0] + north * axis[..., 1]) <= reach)

    return np.asarray(
        within(along_a, half_a[..., 0] + half_b[..., 0] * cosine + half_b[..., 1] * sine)
        & within(across_a, half_a[..., 1] + half_b[..., 0] * sine + half_b[..., 1] * cosine)
        & within(along_b, half_b[..., 0] + half_a[..., 0] * cosine + half_a[..., 1] * sine)
        & within(across_b, half_b[..., 1] + half_a[..., 0] * sine + half_a[..., 1] * cosine)
    )
