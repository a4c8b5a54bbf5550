from __future__ import annotations

from pathlib import Path

import pytest

from chelu.errors import CannotStartError
from chelu.store.migrations import read


def test_steps_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("002_b.sql", "001_a.sql", "notes.txt"):
        (tmp_path / name).write_text("SELECT 1")
    assert [step.name for step in read(tmp_path)] == ["001_a.sql", "002_b.sql"]


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "002_b.sql").write_text("SELECT 1")
    with pytest.raises(CannotStartError, match=r"numbered \[2\]"):
        read(tmp_path)
