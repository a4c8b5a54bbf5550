"""Maps as files: a format that has nothing to hold is refused, and a file is written whole or not at all."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chelu.errors import ConfigurationError
from chelu.geo import LocalFrame
from chelu.roads import sumo
from chelu.roads.converting import Wanted, convert
from services.registry.cli_maps import _write
from services.registry.maps.reading import exported
from services.registry.problems import ProblemError
from tests.unit.roads.networks import edge, net

FRAME = LocalFrame(29.55, 106.57, 250.0)


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("form", ["uper", "hex", "json"])
def test_a_map_of_which_no_message_says_anything_is_no_file_of_messages(form: str) -> None:
    network = sumo.read(net(edge("e", "0,0 100,0")))
    with pytest.raises(ProblemError, match=f"format = '{form}' is not allowed: no lane of the map leads into a node"):
        exported(network, FRAME, form)


@pytest.mark.parametrize("end", ["uper", "hex", "json"])
def test_nor_is_one_written_of_a_road_file(end: str, tmp_path: Path) -> None:
    source, target = tmp_path / "road.net.xml", tmp_path / f"road.{end}"
    source.write_bytes(net(edge("e", "0,0 100,0")))
    with pytest.raises(ConfigurationError, match="no lane leads into a node"):
        convert(source, target, FRAME, Wanted(), print)
    assert not target.exists()


def test_a_file_for_which_there_is_no_room_leaves_what_was_there(tmp_path: Path) -> None:
    new, old = tmp_path / "new.hex", tmp_path / "old.hex"
    old.write_bytes(b"before")
    for path in (new, old):
        with room_for(1000), pytest.raises(ConfigurationError, match=f"{path.name}' is not allowed: it cannot be written"):
            _write(path, b"x" * 100_000)
    assert [one.name for one in tmp_path.iterdir()] == ["old.hex"]
    assert old.read_bytes() == b"before"
    _write(new, b"all of it")
    assert new.read_bytes() == b"all of it"


def test_a_device_is_written_to_and_stays_one() -> None:
    null = Path("/dev/null")
    _write(null, b"gone")
    assert null.is_char_device()
    with pytest.raises(ConfigurationError, match="No space left on device"):
        _write(Path("/dev/full"), b"nowhere")
    assert Path("/dev/full").is_char_device()
