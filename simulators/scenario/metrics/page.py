"""The table of metrics as a page: docs/metrics.md is what `page` returns, and a test sees that it is. Pure.

Written anew with ``python -m simulators.scenario.metrics.page > docs/metrics.md``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulators.scenario.metrics.metric import Metric, Parameter
from simulators.scenario.metrics.table import GROUPS

HEAD = """# Metrics

What a [scenario's](scenario.md) `requirements` and `validity` may be about. In formulas 1 is the first actor of `of` and 2 the
other, g is the gap from bumper to bumper, v a speed, a an acceleration, Δt the step between two instants. Values are taken at
instants, contacts between them, too. This page is derived from `simulators/scenario/metrics/`: change those files, and run
`python -m simulators.scenario.metrics.page > docs/metrics.md`.

A metric over time gives a number at each instant; `at_least` and `above` are held against its least, `at_most` and `below`
against its largest, `equals` against the one that is furthest off, of the instants between `from` and `until` and before the
run's end or first contact. A metric of a run is one number; `from` and `until` go with it only where it counts or adds up.
What is *not measured* (in this mode, or off all ways) is neither passed nor failed: the requirement is skipped.

TTC is the first overlap of the two rectangles in the plane, so it does not hang on where the road points; MTTC follows a leader
that brakes to where it stands. Sources: Minderhoud & Bovy 2001 (TET, TIT), Ozbay et al. 2008 (MTTC), Fu & Sayed 2021 (MDRAC),
Shalev-Shwartz, Shammah & Shashua 2017 (RSS), Allen, Shin & Cooper 1978 (PET).
"""


def page() -> str:
    """The page in Markdown."""
    return "\n".join([HEAD, *(line for name, group in GROUPS.items() for line in _section(name, group))]).rstrip() + "\n"


def _section(name: str, group: tuple[Metric, ...]) -> Iterator[str]:
    yield f"## {name}\n"
    for one in group:
        yield f"### `{one.name}`{f' ({one.unit})' if one.unit else ''}\n"
        yield f"{one.about}\n"
        yield f"- Formula: {one.formula}"
        yield f"- Edges: {one.edges}"
        yield f"- Of: {parties(one)}"
        yield from (f"- Parameter `{each.name}`: {each.about}{default(each)}" for each in one.parameters)
        yield ""


def parties(one: Metric) -> str:
    """How many actors it may be asked of, in words."""
    words = {0: "nobody", 1: "one actor", 2: "two actors"}
    return " or ".join(words[count] for count in one.parties)


def default(one: Parameter) -> str:
    """What holds where a parameter is not given, in words."""
    if one.default is None:
        return " (must be given)"
    if isinstance(one.default, str) or np.isnan(one.default):
        return ""
    return f" (if not given, {one.default:g})"


if __name__ == "__main__":
    print(page(), end="")
