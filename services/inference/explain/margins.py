"""Which thresholds decided: each parameter of the application is moved until the application would have said something else.

The application itself is asked, on the scene of the decision: nothing here knows what any of its parameters mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, fields, replace
from typing import Any

from services.inference.explain.who import level_of
from services.inference.v2x.catalogue import Application
from services.inference.v2x.scene import Scene

SWITCH = "is_on"  # whether an application is asked at all decides nothing that it says
_TRIED = 24  # values between a parameter's own and its bound; the nearer, the closer together
_HALVINGS = 24


@dataclass(frozen=True, slots=True)
class Margin:
    """A parameter whose value decided: beyond `limit` on that side the finding's level would have been `level`."""

    name: str
    value: float
    unit: str
    source: str
    is_above: bool
    limit: float
    level: int


def margins(application: Application, scene: Scene, parameters: Any, key: tuple[int, int, int]) -> list[Margin]:
    """Of every parameter that alone changes the level within its allowed bounds, the nearest such value on either side.

    What is nearest to its limit comes first. Where two conditions both hold, neither alone decides, and neither is here.
    """
    now = level_of(application.assess(scene, parameters), key)
    found = []
    for one in (each for each in fields(application.parameters) if each.name != SWITCH):
        for is_above in (False, True):
            margin = _margin(one, is_above, now, _asked(application, scene, parameters, key, one.name), parameters)
            if margin is not None:
                found.append(margin)
    return sorted(found, key=lambda margin: abs(margin.limit - margin.value) / max(abs(margin.value), 1e-9))


def _asked(
    application: Application, scene: Scene, parameters: Any, key: tuple[int, int, int], name: str
) -> Callable[[float], int]:
    """The level as a function of one parameter."""
    return lambda value: level_of(application.assess(scene, replace(parameters, **{name: value})), key)


def _margin(one: Field[Any], is_above: bool, now: int, level_at: Callable[[float], int], parameters: Any) -> Margin | None:  # noqa: FBT001
    value, bound = float(getattr(parameters, one.name)), float(one.metadata["high" if is_above else "low"])
    near = value
    for step in range(1, _TRIED + 1):
        far = value + (bound - value) * (step / _TRIED) ** 3
        if level_at(far) != now:
            limit, level = _limit(near, far, now, level_at)
            return Margin(one.name, value, one.metadata["unit"], one.metadata["source"], is_above, limit, level)
        near = far
    return None


def _limit(near: float, far: float, now: int, level_at: Callable[[float], int]) -> tuple[float, int]:
    """The value between two at which the level changes, by halving, and the level beyond it."""
    for _ in range(_HALVINGS):
        middle = (near + far) / 2.0
        near, far = (middle, far) if level_at(middle) == now else (near, middle)
    return far, level_at(far)
