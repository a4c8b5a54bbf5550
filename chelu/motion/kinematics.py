"""Kinematic models: where a track is some time ahead if it keeps its velocity, acceleration, turn rate or curvature.

Every model takes n tracks and instants ahead, `ahead_s`: (s,) for all tracks or (n, s) for each, and gives `Path`: positions
(n, s, 2) in local metres and headings (n, s) in degrees clockwise from north. A braking track stops; it never reverses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chelu.motion.footprints import Floats, forward

_STRAIGHT_RADPS = 1e-4  # below this turn rate the closed form loses more to rounding than the straight line errs


@dataclass(frozen=True, slots=True)
class Path:
    """xy (n, s, 2) in local metres, heading_deg (n, s), speed_mps (n, s)."""

    xy: Floats
    heading_deg: Floats
    speed_mps: Floats


def travelled(speed_mps: Floats, acceleration_mps2: Floats, ahead_s: Floats) -> tuple[Floats, Floats]:
    """Distance (n, s) and speed (n, s) under constant acceleration from `speed_mps` ≥ 0, standing still once stopped."""
    speed, acceleration = speed_mps[:, None], acceleration_mps2[:, None]
    moving = _moving_s(speed, acceleration, np.atleast_2d(ahead_s))
    return speed * moving + 0.5 * acceleration * moving**2, np.maximum(speed + acceleration * moving, 0.0)


def constant_velocity(xy: Floats, heading_deg: Floats, speed_mps: Floats, ahead_s: Floats) -> Path:
    """Straight on at the same speed."""
    return constant_acceleration(xy, heading_deg, speed_mps, np.zeros_like(speed_mps), ahead_s)


def constant_acceleration(xy: Floats, heading_deg: Floats, speed_mps: Floats, acceleration_mps2: Floats, ahead_s: Floats) -> Path:
    """Straight on with the same acceleration, to a stop at most."""
    return constant_curvature(xy, heading_deg, speed_mps, acceleration_mps2, np.zeros_like(speed_mps), ahead_s)


def constant_curvature(
    xy: Floats, heading_deg: Floats, speed_mps: Floats, acceleration_mps2: Floats, curvature_1pm: Floats, ahead_s: Floats
) -> Path:
    """Along a circle (right positive, 1/m) with constant acceleration: a car that brakes in a bend stays on its lane.

    Exact: after an arc s the chord is s·sinc(κs/2) long and points along heading + κs/2.
    """
    distance, speed = travelled(speed_mps, acceleration_mps2, ahead_s)
    turn = curvature_1pm[:, None] * distance
    chord = distance * np.sinc(turn / (2.0 * np.pi))
    heading = heading_deg[:, None]
    there = xy[:, None, :] + chord[..., None] * forward(heading + np.degrees(turn) / 2.0)
    return Path(there, np.mod(heading + np.degrees(turn), 360.0), speed)


def constant_turn_rate_acceleration(
    xy: Floats, heading_deg: Floats, speed_mps: Floats, acceleration_mps2: Floats, yaw_rate_dps: Floats, ahead_s: Floats
) -> Path:
    """CTRA: yaw rate (clockwise positive) and acceleration kept, both ending when the track stands.

    Closed form of ∫(v+at)·(sin, cos)(h+ωt) dt (Schubert, Richter & Wanielik 2008, "Comparison and evaluation of advanced motion
    models"); below 1e-4 rad/s the straight line replaces it.
    """
    speed, acceleration = speed_mps[:, None], acceleration_mps2[:, None]
    moving = _moving_s(speed, acceleration, np.atleast_2d(ahead_s))
    start, omega = np.radians(heading_deg)[:, None], np.radians(yaw_rate_dps)[:, None]
    turning = np.abs(omega) > _STRAIGHT_RADPS
    rate = np.where(turning, omega, 1.0)
    end, final = start + omega * moving, speed + acceleration * moving
    east = (speed * np.cos(start) - final * np.cos(end)) / rate + acceleration * (np.sin(end) - np.sin(start)) / rate**2
    north = (final * np.sin(end) - speed * np.sin(start)) / rate + acceleration * (np.cos(end) - np.cos(start)) / rate**2
    straight = (speed * moving + 0.5 * acceleration * moving**2)[..., None] * forward(np.degrees((start + end) / 2))
    there = np.where(turning[..., None], np.stack([east, north], axis=-1), straight)
    return Path(xy[:, None, :] + there, np.mod(np.degrees(end), 360.0), np.maximum(final, 0.0))


def _moving_s(speed: Floats, acceleration: Floats, ahead_s: Floats) -> Floats:
    """How much of `ahead_s` is spent moving: all of it, or until the brakes have stopped the track."""
    braking = acceleration < 0
    stop = np.where(braking, speed / np.where(braking, -acceleration, 1.0), np.inf)
    return np.minimum(ahead_s, stop)
