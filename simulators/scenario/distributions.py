"""How often a parameter's values occur: distributions cut to its range, by quantile and by density."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri

from simulators.scenario.parts import Part, wrong
from simulators.scenario.values import Floats


class Distribution(Part):
    """`uniform`; `normal` with a mean and an sd; `exponential`, falling from the range's low end on with a mean above that."""

    kind: Literal["uniform", "normal", "exponential"] = "uniform"
    mean: Annotated[float, Field(allow_inf_nan=False)] | None = None
    sd: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _has_its_numbers(self) -> Self:
        wanted = {"uniform": (), "normal": ("mean", "sd"), "exponential": ("mean",)}[self.kind]
        given = tuple(name for name in ("mean", "sd") if getattr(self, name) is not None)
        if given != wanted:
            raise wrong("kind", f"{self.kind} has {' and '.join(wanted) or 'neither mean nor sd'}")
        if self.kind == "exponential" and self.mean is not None and self.mean <= 0:
            raise wrong("mean", "the mean of exponential is above 0")
        return self


UNIFORM = Distribution()
LEAST_MASS = 1e-9  # of a distribution, in the range that it is cut to: with less its quantiles are rounding


def mass(one: Distribution, low: float, high: float) -> float:
    """The share of it that lies in a range; of one that begins where the range does, all."""
    if one.kind != "normal":
        return 1.0
    mean, sd = one.mean or 0.0, one.sd or 1.0
    side = 1.0 if low + high <= 2.0 * mean else -1.0
    return float(abs(ndtr(side * (high - mean) / sd) - ndtr(side * (low - mean) / sd)))


def quantile(one: Distribution, low: float, high: float, share: Floats) -> Floats:
    """Values below which these shares (0 … 1) of all lie."""
    mean, sd = one.mean or 0.0, one.sd or 1.0
    if one.kind == "normal":
        side = 1.0 if low + high <= 2.0 * mean else -1.0  # counted from the thin tail, whose digits would be lost from the other
        ends = ndtr(side * (low - mean) / sd), ndtr(side * (high - mean) / sd)
        return np.asarray(np.clip(mean + side * sd * ndtri(ends[0] + share * (ends[1] - ends[0])), low, high))
    if one.kind == "exponential":
        whole = -np.expm1(-(high - low) / mean)
        return np.asarray(np.clip(low - mean * np.log1p(-share * whole), low, high))
    return low + share * (high - low)


def density(one: Distribution, low: float, high: float, value: Floats) -> Floats:
    """Of these values, which lie in the range."""
    mean, sd = one.mean or 0.0, one.sd or 1.0
    if one.kind == "normal":
        side = 1.0 if low + high <= 2.0 * mean else -1.0
        whole = side * (ndtr(side * (high - mean) / sd) - ndtr(side * (low - mean) / sd))
        return np.asarray(np.exp(-(((value - mean) / sd) ** 2) / 2.0) / (np.sqrt(2.0 * np.pi) * sd * whole))
    if one.kind == "exponential":
        return np.asarray(np.exp(-(value - low) / mean) / (mean * -np.expm1(-(high - low) / mean)))
    return np.full(np.shape(value), 1.0 / (high - low) if high > low else 1.0)
