"""Measures over a time series or over two passages: time-exposed and time-integrated TTC, encroachment, impact severity."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def tet_s(ttc_s: Floats, threshold_s: Floats | float, step_s: float) -> Floats:
    """Time exposed: how long 0 < TTC < threshold lasted. ttc_s (…, t) sampled every `step_s` → (…)."""
    return np.asarray(np.sum((ttc_s > 0) & (ttc_s < threshold_s), axis=-1) * step_s, np.float64)


def tit_s2(ttc_s: Floats, threshold_s: Floats | float, step_s: float) -> Floats:
    """Time integrated: Σ(threshold − TTC)·Δt where 0 < TTC < threshold, in s²; the form with 1/TTC is another measure."""
    exposed = (ttc_s > 0) & (ttc_s < threshold_s)
    return np.asarray(np.sum(np.where(exposed, threshold_s - ttc_s, 0.0), axis=-1) * step_s)


def pet_s(leaves_s: Floats, enters_s: Floats) -> Floats:
    """Post-encroachment time: the second's entry into the conflict area minus the first's exit from it; negative: both inside."""
    return np.asarray(enters_s - leaves_s)


def pet_of_passages_s(enter_a: Floats, leave_a: Floats, enter_b: Floats, leave_b: Floats) -> Floats:
    """PET whoever comes first."""
    return np.where(enter_a <= enter_b, pet_s(leave_a, enter_b), pet_s(leave_b, enter_a))


def delta_v_mps(mass_kg: Floats, other_mass_kg: Floats, velocity_mps: Floats, other_velocity_mps: Floats) -> Floats:
    """Speed change of the first party in a perfectly inelastic impact: m₂/(m₁+m₂)·|v⃗₁ − v⃗₂|; velocities (n, 2)."""
    impact = np.linalg.norm(np.asarray(velocity_mps) - np.asarray(other_velocity_mps), axis=-1)
    share = np.asarray(other_mass_kg, np.float64) / (np.asarray(mass_kg, np.float64) + other_mass_kg)
    return np.asarray(share * impact)
