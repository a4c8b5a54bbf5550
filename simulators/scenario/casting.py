"""Who is placed by whom, and on which way somebody therefore is."""

from __future__ import annotations

from collections.abc import Mapping

from simulators.scenario.description import ActorDescription


def placed_in_order(actors: Mapping[str, ActorDescription]) -> list[str]:
    """Names so that everybody comes after whoever it is placed by; who cannot be placed is left out."""
    order: list[str] = []
    while ready := [name for name, actor in actors.items() if name not in order and reference_of(actor) in {None, *order}]:
        order += ready
    return order


def reference_of(actor: ActorDescription) -> str | None:
    """By whom an actor is placed, if by another."""
    return actor.start.ahead_of or actor.start.behind


def way_of(name: str | None, actors: Mapping[str, ActorDescription]) -> str:
    """The way that an actor is on: its own, or that of whoever it is placed by; nothing where that cannot be told."""
    for _ in actors:
        actor = actors.get(name or "")
        if actor is None or actor.start.way is not None:
            return "" if actor is None or actor.start.way is None else actor.start.way
        name = reference_of(actor)
    return ""
