from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.roads.cli import app
from chelu.roads.converting import Wanted, compared, convert
from chelu.xml_tree import ElementError
from tests.unit.roads.lanelet2_files import crossing_with_lights, file_of
from tests.unit.roads.made import star

FRAME = LocalFrame(29.5, 106.5, 250.0)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    file = tmp_path / "star.net.xml"
    file.write_text(star([(0, 2, 1, 5.0), (120, 1, 2, -3.0), (240, 1, 1, 0.0)], groups=3))
    return file


def said_of(source: Path, target: Path, origin: LocalFrame | None = FRAME, wanted: Wanted | None = None) -> list[str]:
    said: list[str] = []
    convert(source, target, origin, wanted or Wanted(), said.append)
    return said


@pytest.mark.parametrize("end", ["uper", "hex", "json", "geojson"])
def test_a_network_is_converted_and_what_is_lost_is_told(net: Path, tmp_path: Path, end: str) -> None:
    target = tmp_path / f"out.{end}"
    first, *lost = said_of(net, target)
    assert first == f"{target}: {target.stat().st_size} bytes"
    assert lost[0] == "  lanes: 8 of 8 kept as they are"
    assert ("  signals, programme: 1 (mid: 1 phases | –)" in lost) == (end != "geojson")
    said: list[str] = []
    assert compared(net, target, FRAME, said.append, is_whole=True) == (end != "geojson")
    assert said[0] == "lanes: 8 of 8 kept as they are"
    assert ("  signal mid: programme is 1 phases here and – there" in said) == (end != "geojson")


def test_a_map_that_is_split_is_several_files(net: Path, tmp_path: Path) -> None:
    said = said_of(net, tmp_path / "out.uper", wanted=Wanted(most_bytes=320))
    assert [line.split(":")[0] for line in said if "bytes" in line] == [f"{tmp_path}/out.{number}.uper" for number in (1, 2)]
    assert said[2] == "  lanes: 8 of 8 kept as they are"


def test_plain_files_of_sumo_come_with_the_command_that_makes_a_network_of_them(net: Path, tmp_path: Path) -> None:
    said = said_of(net, tmp_path / "out.nod.xml", origin=None)
    assert sorted(one.name for one in tmp_path.glob("out.*")) == ["out.con.xml", "out.edg.xml", "out.nod.xml", "out.tll.xml"]
    assert said[-1].startswith(f"a network of it: netconvert -n {tmp_path}/out.nod.xml -e ")


def test_local_metres_alone_have_no_place_on_earth(net: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--origin is missing: .*star.net.xml has local metres alone"):
        said_of(net, tmp_path / "out.uper", origin=None)


def test_names_say_the_format_and_what_has_none_is_refused(net: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"OUT = 'out.kml' is not allowed: a name that ends in one of .uper"):
        said_of(net, tmp_path / "out.kml")
    strange = tmp_path / "page.osm"
    strange.write_text("<!-- <net> --><?xml-stylesheet?>\n<html/>")
    with pytest.raises(
        ElementError, match=r"page.osm:1: the root element is 'html': XML with the root element OpenDRIVE, osm or net is wanted"
    ):
        said_of(strange, tmp_path / "out.uper")


def test_the_commands_do_so(tmp_path: Path, net: Path) -> None:
    run = CliRunner()
    lanelets = tmp_path / "map.osm"
    lanelets.write_bytes(file_of(*crossing_with_lights()))
    target = tmp_path / "map.hex"
    done = run.invoke(app, ["convert", str(lanelets), str(target), "--origin", "29.5,106.5,250", "--no-names"])
    assert done.exit_code == 0, done.output
    done = run.invoke(app, ["compare", str(lanelets), str(target), "--origin", "29.5,106.5,250"])
    assert done.exit_code == 1
    assert "lanes: 6 of 9 kept as they are" in done.output
    assert run.invoke(app, ["compare", str(net), str(net)]).exit_code == 0
    assert run.invoke(app, ["compare", str(net), str(net), "--origin", "here"]).exit_code != 0
