from __future__ import annotations

from pathlib import Path

import pytest

from chelu.errors import CannotStartError
from chelu.store.migrations import read

SERVICES = Path(__file__).parents[3] / "services"


def test_steps_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("002_b.sql", "001_a.sql", "notes.txt"):
        (tmp_path / name).write_text("SELECT 1")
    assert [step.name for step in read(tmp_path)] == ["001_a.sql", "002_b.sql"]


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "002_b.sql").write_text("SELECT 1")
    with pytest.raises(CannotStartError, match=r"numbered \[2\]"):
        read(tmp_path)


@pytest.mark.parametrize("directory", sorted(SERVICES.glob("*/migrations")), ids=lambda directory: directory.parent.name)
def test_the_steps_of_every_component_are_numbered_without_a_gap_or_a_double(directory: Path) -> None:
    assert read(directory)
