"""What an export is made of, fixed when it is asked for: its bytes depend on nothing else, so that it can go on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from chelu.messages import Stream

PLACED = frozenset({"latitude_deg", "longitude_deg"})
Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Circle:
    """All within a distance on the ground of a point."""

    latitude_deg: float
    longitude_deg: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Area:
    """Where rows have to lie: a box in degrees, and what of it: a polygon's rings of (longitude, latitude), or a circle."""

    south: float
    west: float
    north: float
    east: float
    rings: tuple[Ring, ...] = ()
    circle: Circle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One export's rows, and what is hidden in them.

    [from_us, to_us) of event time, of batches up to `last_batch`: what is stored later is of another export. devices: keys of
    those whose rows are wanted, None for all; standing: of them those that stand in the area, for streams whose rows have no
    place. hidden: keys of vehicles and of what is on them that are not the recipient's; own: keys of those that are; own_ids: the
    8-byte ids of the recipient's vehicles. zones: polygons in which nothing of others is shown. recipient, key_mark: for
    whom the pseudonyms are, and a mark of the key that makes them.
    """

    from_us: int
    to_us: int
    last_batch: int
    recipient: str
    devices: tuple[int, ...] | None = None
    standing: tuple[int, ...] | None = None
    area: Area | None = None
    hidden: tuple[int, ...] = ()
    own: tuple[int, ...] = ()
    own_ids: tuple[int, ...] = ()
    zones: tuple[tuple[Ring, ...], ...] = field(default=())
    key_mark: str = ""

    def keys_of(self, stream: Stream) -> tuple[int, ...] | None:
        """The devices whose rows of a stream are wanted; None: all."""
        return self.standing if self.area and not is_placed(stream) else self.devices

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """What `document` wrote."""
        area = document["area"]
        found = {name: _tuples(value) for name, value in document.items()}
        return cls(**{**found, "area": _area(area) if area else None})


def is_placed(stream: Stream) -> bool:
    """Whether a stream's rows have a place of their own."""
    return {each.name for each in stream.fields} >= PLACED


def _area(document: Mapping[str, Any]) -> Area:
    found = {name: _tuples(value) for name, value in document.items()}
    circle = document["circle"]
    return Area(**{**found, "circle": Circle(**circle) if circle else None})


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    return tuple(map(_tuples, value)) if isinstance(value, Sequence) and not isinstance(value, str) else value
