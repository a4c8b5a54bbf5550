from __future__ import annotations

import gzip
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from chelu.errors import CannotStartError
from simulators.district import build
from simulators.district.curves import offset, profile, ramp, terraced
from simulators.district.demand import trips
from simulators.district.plan import district

DATA = Path(__file__).parents[3] / "simulators" / "data"
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
LAST_CENTIMETRE_M = 0.011


def test_the_same_seed_gives_the_same_trips_and_another_seed_others() -> None:
    assert trips(1, 60.0) == trips(1, 60.0)
    assert trips(1, 60.0) != trips(2, 60.0)


def test_every_trip_begins_and_ends_on_an_edge_of_the_plan() -> None:
    from xml.etree import ElementTree

    edges = {edge.name for edge in district().edges}
    root = ElementTree.fromstring(trips(1, 60.0))
    ends = {element.attrib[key] for key in ("from", "to") for element in (*root.iter("trip"), *root.iter("walk"))}
    assert ends <= edges


def test_every_edge_lies_between_nodes_and_every_turn_between_edges() -> None:
    plain = district()
    names = {edge.name: edge for edge in plain.edges}
    assert len(names) == len(plain.edges)
    assert all({edge.start, edge.end} <= set(plain.nodes) for edge in plain.edges)
    for turn in plain.turns:
        start, end = names[turn.start], names[turn.end]
        assert start.end == end.start
        assert turn.start_lane < start.lanes
        assert turn.end_lane < end.lanes


def test_no_road_of_the_plan_is_steeper_than_8_percent() -> None:
    for edge in district().edges:
        run = np.hypot(*np.diff(edge.shape[:, :2], axis=0).T)
        assert np.abs(np.diff(edge.shape[:, 2]) / run).max() < 0.081, edge.name


def test_a_profile_passes_its_ends_and_is_never_steeper_than_its_knots() -> None:
    height = profile((0, 100, 300), (0, 8, 8))
    at = np.arange(0.0, 301.0)
    assert height(np.array([0.0, 300.0])) == pytest.approx([0.0, 8.0], abs=1e-9)
    assert np.diff(height(at)).max() <= 0.08 + 1e-12


def test_a_terrace_is_level_where_a_junction_lies() -> None:
    height = terraced((0, 200, 400), (0, 10, 20), (200,))
    assert np.ptp(height(np.arange(185.0, 216.0))) < 1e-9


def test_an_offset_line_keeps_its_distance_and_heights() -> None:
    line = np.column_stack([np.arange(0.0, 50.0, 10.0), np.zeros(5), np.arange(5.0)])
    assert offset(line, 3.0).tolist() == [[x, -3.0, z] for x, _, z in line.tolist()]


def test_a_ramp_begins_and_ends_where_and_as_it_should() -> None:
    line = ramp([(0.0, 0.0, 90.0), (200.0, 100.0, 0.0)], (5.0, 12.0))
    assert line[0].tolist() == [0.0, 0.0, 5.0]
    assert line[-1].tolist() == [200.0, 100.0, 12.0]
    assert abs(line[1, 1]) < 2.0
    assert abs(line[-2, 0] - 200.0) < 2.0


def test_a_missing_tool_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStartError, match=r"netconvert is not installed; run: pip install 'chelu\[sumo\]'"):
        build.run_tool("netconvert")


def test_the_committed_files_are_what_the_script_makes(tmp_path: Path) -> None:
    if build.find_tool("netconvert") is None:
        pytest.skip("SUMO's netconvert is not installed (extra sumo)")
    build.build(build.SEED, tmp_path)
    for name in ("district.json", "district.net.xml.gz", "district.rou.xml.gz"):
        made, kept = (numbers_apart(content(directory / name)) for directory in (tmp_path, DATA))
        assert made[0] == kept[0], name
        np.testing.assert_allclose(made[1], kept[1], rtol=0, atol=LAST_CENTIMETRE_M, err_msg=name)


def numbers_apart(content: bytes) -> tuple[str, np.ndarray]:
    """A file without its numbers, and the numbers.

    A height half-way between two centimetres goes up or down by its last bit, and that differs between builds of Python: numpy's
    convolution adds in an order of the processor's choosing.
    """
    text = content.decode()
    return NUMBER.sub("#", text), np.array(NUMBER.findall(text), np.float64)


def content(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def test_the_facts_name_seed_and_origin() -> None:
    facts = json.loads((DATA / "district.json").read_text(encoding="utf-8"))
    assert facts["seed"] == build.SEED
    assert facts["site"] == build.SITE
