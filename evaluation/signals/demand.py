"""A demand file, looked through before an hour is driven: who starts when, and whether every road named is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from chelu.errors import ConfigurationError
from chelu.xml_tree import Element, parse
from evaluation.signals.network import Network, read_file

TRAVELLERS = ("trip", "vehicle", "flow", "person", "personFlow")
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Demand:
    """travellers: how many elements ask for a trip, of which departing: begin within the time judged (flows count once)."""

    travellers: int
    departing: int


def check(file: Path, network: Network, begin_s: float, end_s: float) -> Demand:
    """Raises ConfigurationError naming roads that the network has not, or that nobody departs within the time."""
    root = parse(read_file("--route", file), file.name)
    if root.tag not in {"routes", "additional"}:
        raise root.wrong("a demand file's root element is <routes>")
    unknown: Counter[str] = Counter()
    for one in root.walk():
        unknown.update({name for name in _edges(one) if name not in network.edges})
    if unknown:
        named = ", ".join(f"{name!r} ({count} times)" for name, count in unknown.most_common(SHOWN))
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise ConfigurationError("--route", str(file), f"roads of the network only; unknown are {named}{more}")
    travellers = [one for one in root.children if one.tag in TRAVELLERS]
    departing = sum(begin_s <= _departs_s(one, begin_s) < end_s for one in travellers)
    if not departing:
        raise ConfigurationError("--route", str(file), f"somebody who departs from {begin_s:g} to {end_s:g} s")
    return Demand(len(travellers), departing)


def _edges(one: Element) -> set[str]:
    """The roads that an element names."""
    named = [one.get("edges", "")] if one.tag in {"route", "walk"} else []
    if one.tag in {"trip", "flow", "vehicle", "personTrip", "walk", "ride", "personFlow"}:
        named += [one.get("from", ""), one.get("to", ""), one.get("via", "")]
    return {name for text in named for name in text.split()}


def _departs_s(one: Element, begin_s: float) -> float:
    """When a traveller, or a flow's first, departs; words such as `triggered` count as the begin."""
    text = one.get("begin" if "low" in one.tag else "depart", "")
    try:
        return max(float(text), begin_s) if "low" in one.tag else float(text)
    except ValueError:
        return begin_s
