"""`chelu scenario metrics`: what requirements may be about, for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from chelu.errors import ConfigurationError
from simulators.scenario.metrics.metric import Metric
from simulators.scenario.metrics.page import default, parties
from simulators.scenario.metrics.table import GROUPS, METRICS


def listed(name: str | None) -> RenderableType:
    """All metrics by group, or one's definition. ConfigurationError for a name that is none."""
    if name is None:
        return Group(*(part for group, metrics in GROUPS.items() for part in _group(group, metrics)))
    if name not in METRICS:
        raise ConfigurationError("metric", name, "one of " + ", ".join(METRICS))
    return _defined(METRICS[name])


def _group(name: str, metrics: tuple[Metric, ...]) -> tuple[RenderableType, RenderableType]:
    table = Table("metric", "of", "about", box=None, pad_edge=False, show_header=False)
    for one in metrics:
        table.add_row(one.name, parties(one), one.about)
    return Text(f"\n{name}", "bold"), table


def _defined(one: Metric) -> RenderableType:
    table = Table("", "", box=None, pad_edge=False, show_header=False)
    for word, said in (("is", one.about), ("formula", one.formula), ("edges", one.edges), ("of", parties(one))):
        table.add_row(word, Text(said))
    for each in one.parameters:
        table.add_row(each.name, Text(each.about + default(each)))
    return Group(Text(f"{one.name}{f' ({one.unit})' if one.unit else ''}", "bold"), table)
