"""Lines out of pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.adapters.lines import Lines


@given(st.lists(st.binary(max_size=12), max_size=30), st.integers(min_value=1, max_value=10))
def test_cutting_the_bytes_differently_gives_the_same_lines(pieces: list[bytes], limit: int) -> None:
    whole = b"".join(pieces)
    expected = [line.strip() for line in whole.split(b"\n")[:-1] if len(line) <= limit and line.strip()]
    lines = Lines(limit)
    assert [line for piece in pieces for line in lines.feed(piece)] == expected


def test_a_line_without_end_does_not_grow() -> None:
    lines = Lines(100)
    for _ in range(1000):
        assert lines.feed(b"x" * 90) == []
    assert lines.feed(b"\nnext\n") == [b"next"]
    assert lines.overlong == 1
