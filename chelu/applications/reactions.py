"""What parameters of several applications begin with: the switch, and what drivers can do about a conflict."""

from __future__ import annotations

from dataclasses import dataclass

from chelu.parameters import parameter


@dataclass(frozen=True, slots=True)
class Switch:
    """The parameter that every application has; its own follow in a subclass."""

    is_on: float = parameter(1.0, "0 or 1", "0 switches this application off, and no other", high=1.0)


@dataclass(frozen=True, slots=True)
class Reaction(Switch):
    """Parameters of those with a braking driver."""

    reaction_s: float = parameter(0.8, "s", "driver's reaction to a warning; UNECE R157's careful driver: 0.75 s", high=3.0)
    braking_reaction_s: float = parameter(0.2, "s", "a host that brakes already has reacted; brake build-up only", high=3.0)
    is_braking_mps2: float = parameter(-1.0, "m/s²", "more than engine braking", low=-5.0, high=0.0)


@dataclass(frozen=True, slots=True)
class Notice(Reaction):
    """Parameters of those that warn only who must brake noticeably: now, or at its speed so long before the contact."""

    lead_s: float = parameter(
        2.35,
        "s",
        "the need counts that there will be so long before contact: 2.5 s, less what speeds and gaps may be off",
        high=6.0,
    )
