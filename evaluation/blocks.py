"""Tables in documents: what stands between ``<!-- KIND: NAME -->`` and ``<!-- end -->`` is a run's; the rest stays as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Run = Mapping[str, Any]


def filled(text: str, kind: str, tables: Mapping[str, Callable[[Run], list[str]]], run: Run) -> str:
    """The document with the tables that the run has: without lines, what stood there stays."""
    block = re.compile(rf"(<!-- {kind}: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

    def replaced(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        lines = tables[name](run) if name in tables else []
        return begin + "\n".join(lines) + "\n" + end if lines else match[0]

    return block.sub(replaced, text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
