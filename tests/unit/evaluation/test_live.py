"""The demo's screen fits the terminal it is shown in."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console, ConsoleDimensions

from evaluation.demo.live import Screen, Snapshot, map_size

ROADS = np.array([[-1150.0, -900.0], [1150.0, 900.0], [0.0, 0.0]])
SNAPSHOT = Snapshot(
    elapsed_s=7.0,
    total_s=60.0,
    vehicles=np.array([[1150.0, 900.0]]),
    pedestrians=np.array([[0.0, 0.0]]),
    warned=np.empty((0, 2)),
    published={"bsm": 1_234_567, "participant": 12_345, "spat": 0},
    stored={"bsm": 1_234_000, "participant": 12_345, "spat": 0},
    dropped={"bsm": 1_234},
    warnings=["fcw: staged-follower beware of staged-leader", *["icw: staged-runner beware of staged-crosser"] * 9],
)


def shown(width: int, height: int) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    console.print(Screen(ROADS, console.size).draw(SNAPSHOT))
    return out.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
def test_nothing_is_cut_off(width: int, height: int) -> None:
    lines = shown(width, height)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    assert "…" not in text
    for word in ("published", "participant", "1,234,567", "1,234,000", "7 of 60 s", "1 vehicles, 1 pedestrians"):
        assert word in text


def test_the_map_keeps_every_point_and_the_roads_shape() -> None:
    columns, rows = map_size(ROADS, ConsoleDimensions(80, 24))
    assert columns == 80 - 50
    assert rows == 13
    assert map_size(ROADS, ConsoleDimensions(80, 10)) == (30, 6)
    assert map_size(ROADS, ConsoleDimensions(300, 100))[0] == 64
    assert map_size(ROADS, ConsoleDimensions(20, 3)) == (16, 1)
