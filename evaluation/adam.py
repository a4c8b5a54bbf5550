"""Adam (Kingma and Ba 2015) with decay of the layers' weights, in numpy: training needs nothing that a site does not have."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_MOMENTUM, _SPREAD = 0.9, 0.999
Weights: TypeAlias = dict[str, npt.NDArray[np.float32]]


class Adam:
    """Of weights by name; those whose names begin with w decay."""

    def __init__(self, weights: Weights, *, decay: float) -> None:
        self._weights, self._decay = weights, decay
        self._mean = {name: np.zeros_like(value) for name, value in weights.items()}
        self._square = {name: np.zeros_like(value) for name, value in weights.items()}
        self._steps = 0

    def step(self, slopes: Weights, rate: float) -> None:
        """Change the weights in place."""
        self._steps += 1
        for name, slope in slopes.items():
            weight, mean, square = self._weights[name], self._mean[name], self._square[name]
            mean += (1.0 - _MOMENTUM) * (slope - mean)
            square += (1.0 - _SPREAD) * (slope**2 - square)
            size = np.sqrt(square / (1.0 - _SPREAD**self._steps)) + 1e-8
            change = mean / (1.0 - _MOMENTUM**self._steps) / size
            weight -= np.float32(rate) * (change + (self._decay * weight if name.startswith("w") else 0.0))
