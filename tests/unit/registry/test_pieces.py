"""Lines on their way out."""

from __future__ import annotations

from services.registry.pieces import joined


def test_lines_are_joined_until_a_piece_is_full_and_none_is_cut() -> None:
    lines = [f"{number:03}\n" for number in range(10)]
    assert list(joined(lines, 12)) == ["000\n001\n002\n", "003\n004\n005\n", "006\n007\n008\n", "009\n"]
    assert list(joined(["a line longer than a piece\n", "b\n"], 4)) == ["a line longer than a piece\n", "b\n"]
    assert list(joined([], 4)) == []
