from __future__ import annotations

from pathlib import Path

from chelu.roads.telling import told
from tests.unit.roads.opendrive_files import file_of, junction_of_two_ways, road


def test_a_directory_is_told_file_by_file_and_one_that_cannot_be_read_counts(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.xodr").write_bytes(junction_of_two_ways())
    (tmp_path / "sub" / "b.xodr").write_bytes(b"<OpenDRIVE/>")
    (tmp_path / "sub" / "c.xodr").write_bytes(file_of(road(more="<objects><object/></objects>")))
    said: list[str] = []
    assert told([tmp_path], said.append) == 1
    assert said == [
        f"{tmp_path}/a.xodr: OpenDRIVE 1.8, 5 roads (0.25 km), 1 junctions, 5 lanes, 0 elements left out, 0 doubtful",
        f"cannot be read: {tmp_path}/sub/b.xodr:1: /OpenDRIVE: one <header> is wanted, there are 0",
        f"{tmp_path}/sub/c.xodr: OpenDRIVE 1.8, 1 roads (0.10 km), 0 junctions, 1 lanes, 1 elements left out, 0 doubtful",
        "  left out: road/objects/object × 1 (first in line 3)",
        "2 of 3 files can be read",
    ]
    assert told([tmp_path / "a.xodr"], said.append, is_brief=True) == 0


def test_a_directory_without_a_road_file_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no roads")
    said: list[str] = []
    assert told([tmp_path], said.append) == 1
    assert said[0] == "0 of 0 files can be read"
    assert said[1].startswith("there is no road file in it: looked for are *.xodr, *.osm")
