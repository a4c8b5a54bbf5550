from __future__ import annotations

import hashlib
import itertools
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from chelu.messages import concatenate
from simulators.scene import Role, UnreadableError
from simulators.sources import trajectories
from simulators.sources.forms import open_scene

Database = Callable[[Sequence[tuple[object, ...]]], Path]


def driving(heading: float) -> list[tuple[object, ...]]:
    """One car going south-east (compass 135°) at 14.1 m/s, its heading written as given."""
    return [(7, i / 10, 1.0 * i, -1.0 * i, heading, 14.142) for i in range(20)]


def test_every_sample_of_the_ngsim_recording_is_read(recordings: Path) -> None:
    scene = open_scene(recordings / "ngsim_i80_50_vehicles.sqlite")
    piece = scene.read(scene.begin_ms, scene.end_ms)
    assert len(scene.actors) == 50
    assert len(piece.samples) == 5050
    assert (scene.actors["role"] == Role.OBU).all()


def test_headings_of_the_ngsim_recording_point_where_its_vehicles_go(recordings: Path) -> None:
    scene = open_scene(recordings / "ngsim_i80_50_vehicles.sqlite")
    samples = scene.read(scene.begin_ms, scene.end_ms).samples
    for actor in range(len(scene.actors)):
        one = samples.take(samples["actor"] == actor)
        dx, dy = np.diff(one["x_m"]), np.diff(one["y_m"])
        course = np.degrees(np.arctan2(dx, dy))[np.hypot(dx, dy) > 0.5]
        heading = one["heading_deg"][:-1][np.hypot(dx, dy) > 0.5]
        if course.size:
            assert np.median(np.abs((course - heading + 180) % 360 - 180)) < 2.0


def test_reading_in_stretches_gives_what_reading_at_once_gives(recordings: Path) -> None:
    scene = open_scene(recordings / "ngsim_i80_50_vehicles.sqlite")
    whole = scene.read(scene.begin_ms, scene.end_ms).samples
    cuts = [scene.begin_ms, 8123, 8200, 12_345, scene.end_ms]
    parts = concatenate([scene.read(a, b).samples for a, b in itertools.pairwise(cuts)])
    for name in whole:
        np.testing.assert_array_equal(parts[name], whole[name], err_msg=name)


def test_a_recording_is_never_written_to(database: Database) -> None:
    path = database(driving(0.0))
    before, beside = hashlib.sha256(path.read_bytes()).digest(), sorted(path.parent.iterdir())
    path.chmod(0o400)
    scene = open_scene(path)
    scene.read(scene.begin_ms, scene.end_ms)
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert sorted(path.parent.iterdir()) == beside


@pytest.mark.parametrize(
    "heading",
    [np.radians(-135.0), np.radians(-45.0), np.radians(135.0)],
    ids=["counter-clockwise from +y", "counter-clockwise from +x", "clockwise from +y"],
)
def test_the_way_a_file_writes_headings_is_found_from_its_displacements(database: Database, heading: float) -> None:
    scene = open_scene(database(driving(heading)))
    samples = scene.read(scene.begin_ms, scene.end_ms).samples
    np.testing.assert_allclose(samples["heading_deg"], 135.0, atol=1e-6)


def test_a_file_in_which_nothing_moves_keeps_the_usual_headings(database: Database) -> None:
    scene = open_scene(database([(1, 0.0, 5.0, 5.0, np.radians(-90.0), 0.0), (1, 0.1, 5.0, 5.0, np.radians(-90.0), 0.0)]))
    np.testing.assert_allclose(scene.read(0, 1000).samples["heading_deg"], 90.0)


def test_a_large_file_is_read_in_chunks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trajectories, "CHUNK_ROWS", 7)
    rows = [(v, i / 10, v * 10.0 + i, 0.0, np.radians(-90.0), 10.0) for v in range(9) for i in range(31)]
    scene = open_scene(database(rows))
    assert len(scene.read(scene.begin_ms, scene.end_ms).samples) == len(rows)


def test_accelerations_are_worked_out(database: Database) -> None:
    rows = [(1, i / 10, 0.0, 0.0, 0.0, 5.0 + 0.2 * i) for i in range(11)]
    scene = open_scene(database(rows))
    np.testing.assert_allclose(scene.read(0, 2000).samples["acceleration_mps2"], 2.0)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("DROP TABLE Trajectory", "no such table: Trajectory"),
        ("DELETE FROM Trajectory", "Trajectory is empty"),
        ("UPDATE Trajectory SET position_x = 'east'", "should hold numbers"),
        ("UPDATE Trajectory SET speed = NULL", "lacks a position, heading or speed"),
    ],
)
def test_a_database_of_another_form_is_refused_with_a_sentence(database: Database, spoil: str, says: str) -> None:
    path = database(driving(0.0))
    connection = sqlite3.connect(path)
    connection.execute(spoil)
    connection.commit()
    connection.close()

    def read_all() -> None:
        scene = open_scene(path)
        scene.read(scene.begin_ms, scene.end_ms)

    with pytest.raises(UnreadableError, match=says):
        read_all()


def test_a_torn_database_is_refused_with_a_sentence(database: Database) -> None:
    path = database(driving(0.0))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UnreadableError, match="not a trajectory database"):
        open_scene(path)


def test_a_file_of_no_known_form_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam")
    with pytest.raises(UnreadableError, match=r"cannot be replayed: it is not a Chelu trace"):
        open_scene(path)


def test_a_file_that_is_not_there_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        open_scene(tmp_path / "nowhere.sqlite")
