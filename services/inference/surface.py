"""What the weather leaves to every road user where it is: grip and haste, kept per slot beside its place on the road."""

from __future__ import annotations

import numpy as np

from chelu.applications.common import EventParameters, WeatherParameters
from services.inference.events.holding import Holding
from services.inference.events.nearing import Movers, nearing
from services.inference.picture import Picture
from services.inference.placing import Placement
from services.inference.reports import Floats, Ints
from services.inference.weather import DRY, Weather, grip_of, haste_s


class Surface:
    """`update` tells the placement. Owned by one thread."""

    def __init__(self, weather: Weather, p: WeatherParameters, events: EventParameters) -> None:
        self._weather, self._p, self._events = weather, p, events
        self._areas: tuple[Holding | None, Floats, Floats] = (None, np.empty(0), np.empty(0))
        self._was_dry = True

    def use(self, p: WeatherParameters, events: EventParameters) -> None:
        """From the next update on; its weather is told of them by who owns it."""
        self._p, self._events = p, events
        self._areas = (None, np.empty(0), np.empty(0))

    def update(self, picture: Picture, placement: Placement, slots: Ints, holding: Holding, instant_us: int) -> None:
        """Grip and haste of these slots; while it is dry, and was, there is nothing to do."""
        whole = self._weather.at(instant_us) if self._p.is_on else DRY
        friction, sight = self._of_things(holding)
        is_area = np.isfinite(friction) | np.isfinite(sight)
        is_dry = not self._p.is_on or (whole.is_dry and not is_area.any())
        if is_dry and self._was_dry:
            return
        self._was_dry = is_dry
        if is_dry:
            placement.set_weather(np.arange(picture.capacity), np.ones(picture.capacity), np.zeros(picture.capacity))
            return
        own_friction, own_sight = np.full(len(slots), whole.friction), np.full(len(slots), whole.sight_m)
        speed = picture.floats["speed_mps"][slots]
        if is_area.any():
            self._into_areas(picture, placement, slots, holding, instant_us, own_friction, own_sight)
        grip = grip_of(own_friction, self._p)
        placement.set_weather(slots, grip, haste_s(grip, own_sight, speed, self._p))

    def _into_areas(
        self,
        picture: Picture,
        placement: Placement,
        slots: Ints,
        holding: Holding,
        instant_us: int,
        friction: Floats,
        sight: Floats,
    ) -> None:
        """The worse of the site's weather and that of areas in which each is, or will be soon: written into both columns."""
        movers = Movers(
            picture.xyz[slots], picture.floats["heading_deg"][slots], placement.lane[slots], placement.along_m(picture, slots)
        )
        near = nearing(holding, movers, instant_us, self._events)
        speed = np.nan_to_num(picture.floats["speed_mps"][slots[near.mover]])
        near = near.take(near.is_certain & (near.distance_m <= speed * self._p.ahead_s))
        _, of_thing, seen = self._areas
        np.fmin.at(friction, near.mover, of_thing[near.thing])
        np.minimum.at(sight, near.mover, seen[near.thing])

    def _of_things(self, holding: Holding) -> tuple[Floats, Floats]:
        """Friction (n,) NaN and sight (n,) infinite where a thing tells of no weather."""
        if self._areas[0] is None or self._areas[0].things is not holding.things:
            found = [DRY if thing.is_sign else self._weather.of_code(thing.code) for thing in holding.things]
            friction, sight = (np.array([getattr(one, name) for one in found], np.float64) for name in ("friction", "sight_m"))
            self._areas = holding, friction, sight
        return self._areas[1], self._areas[2]
