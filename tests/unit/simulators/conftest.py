"""The recordings, where they are, and small ones made here."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def recordings() -> Path:
    """The public recordings, found through CHELU_DATA."""
    folder = Path(os.environ.get("CHELU_DATA") or ROOT / "../shared/data")
    if not folder.exists():
        pytest.skip(f"the recordings are not at {folder}; CHELU_DATA says where")
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Callable[[Sequence[tuple[object, ...]]], Path]:
    """Makes a trajectory database of rows (vehicle, time, x, y, heading, speed), without indices."""

    def make(rows: Sequence[tuple[object, ...]]) -> Path:
        path = tmp_path / "trajectories.sqlite"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE Vehicle (id INTEGER PRIMARY KEY, type INTEGER, length REAL, width REAL)")
            connection.execute(
                "CREATE TABLE Trajectory (vehicle_id INTEGER, sim_time REAL, position_x REAL, position_y REAL,"
                " heading_rad REAL, speed REAL, lane_id INTEGER DEFAULT 0)"
            )
            names = sorted({row[0] for row in rows}, key=str)
            connection.executemany("INSERT INTO Vehicle VALUES (?, 2, 4.5, 1.8)", [(name,) for name in names])
            connection.executemany("INSERT INTO Trajectory VALUES (?, ?, ?, ?, ?, ?, 0)", rows)
        connection.close()
        return path

    return make
