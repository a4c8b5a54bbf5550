"""What motor vehicles emit, from speed, acceleration and gradient: vehicle-specific power and rates by its modes.

Power per mass after Jiménez-Palacios (Understanding and quantifying motor vehicle emissions with vehicle specific power, MIT
1999); rates of light petrol cars of Tier 1 (engine below 3.5 L, below 50,000 miles) in 14 modes of it after Frey, Unal, Chen, Li
and Xuan (Methodology for developing modal emission rates, EPA420-R-02-027, 2002), as they are quoted elsewhere. Every vehicle
counts as such a car; lorries, buses and electric cars emit otherwise: figures are good to compare places and times by.
"""

from __future__ import annotations

import numpy as np

from services.inference.reports import Floats, Ints

GRAVITY_MPS2 = 9.81
ROLLING, AIR, TURNING = 0.132, 0.000302, 1.1  # of a light car; kW/t per m/s, per (m/s)³, and for rotating masses
MODES_KW_PER_T: Floats = np.array([-2.0, 0.0, 1.0, 4.0, 7.0, 10.0, 13.0, 16.0, 19.0, 23.0, 28.0, 33.0, 39.0])
CO2_GPS: Floats = np.array(
    [1.6711, 1.4579, 1.1354, 2.2332, 2.9199, 3.5253, 4.1075, 4.6350, 5.1607, 5.6325, 6.5348, 7.5852, 9.0242, 10.0884]
)
NOX_GPS: Floats = np.array(
    [0.0009, 0.0006, 0.0003, 0.0012, 0.0017, 0.0024, 0.0031, 0.0042, 0.0051, 0.0059, 0.0076, 0.0121, 0.0155, 0.0179]
)


def specific_power(speed_mps: Floats, acceleration_mps2: Floats, gradient: Floats) -> Floats:
    """kW/t (n,); an acceleration that is not known counts as none."""
    pull = TURNING * np.nan_to_num(acceleration_mps2) + GRAVITY_MPS2 * gradient + ROLLING
    return np.asarray(speed_mps * pull + AIR * speed_mps**3)


def modes(power_kw_per_t: Floats) -> Ints:
    """The mode (n,), 0 … 13, of each power."""
    return np.searchsorted(MODES_KW_PER_T, power_kw_per_t, side="right").astype(np.int64)


def rates(speed_mps: Floats, acceleration_mps2: Floats, gradient: Floats) -> tuple[Floats, Floats]:
    """CO₂ and NOx (n,), g/s."""
    mode = modes(specific_power(speed_mps, acceleration_mps2, gradient))
    return CO2_GPS[mode], NOX_GPS[mode]
