"""How road users stand to the signals ahead of them: their next stop lines, how far these are, and what they show when."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from services.inference.phase_map import PhaseMap
from services.inference.picture import Picture
from services.inference.placing import Placement
from services.inference.reports import Floats, Ints, Lamp
from services.inference.signals import FOREVER_US, UNKNOWN, SignalTable, named
from services.inference.stop_lines import MOST_LINES, NONE, StopLines
from services.inference.types import Mask


@dataclass(frozen=True, slots=True)
class FirstLine:
    """For n road users the next stop line. lane (n,): the one that ends there, `NONE` where there is no line ahead.

    distance_m (n,): from the front bumper, inf where there is none. is_certain (n,): nobody can turn off before. connection,
    row (n, m): the movements that the lane and the turn signal allow, `NONE` unused; rows of the signal table,
    `ALWAYS` where no signal holds them, `UNKNOWN` where it is not known which phase does.
    """

    lane: Ints
    distance_m: Floats
    is_certain: Mask
    connection: Ints
    row: Ints

    def take(self, rows: Ints) -> Self:
        """These only."""
        return type(self)(*(getattr(self, one.name)[rows] for one in fields(self)))


@dataclass(frozen=True, slots=True)
class LinesAhead:
    """For n road users the next lines along the straightest way, all (n, MOST_LINES): as `FirstLine`; limit_mps until there."""

    lane: Ints
    distance_m: Floats
    limit_mps: Floats
    row: Ints


class Approach:
    """Answers for slots of the picture at one moment. Made anew for each evaluation; without roads there are no lines."""

    def __init__(
        self,
        lines: StopLines | None,
        phases: PhaseMap | None,
        table: SignalTable,
        picture: Picture,
        placement: Placement,
        now_us: int,
    ) -> None:
        self._lines, self._phases, self._picture, self._placement = lines, phases, picture, placement
        self.table, self.now_us = table, now_us

    @property
    def has_lines(self) -> bool:
        """Whether the site's roads are known: without, nobody has a line ahead."""
        return self._lines is not None

    def first(self, slots: Ints) -> FirstLine:
        """The next stop line of these."""
        n = len(slots)
        if self._lines is None or self._phases is None:
            nothing = np.full((n, 1), NONE)
            return FirstLine(np.full(n, NONE), np.full(n, np.inf), np.ones(n, np.bool_), nothing, nothing + UNKNOWN - NONE)
        own, offset = self._placement.lane[slots], self._to_bumper_m(slots)
        lane = np.where(own >= 0, self._lines.ahead[own, 0], NONE)
        distance = np.where(lane >= 0, self._lines.way_m[own, 0] - offset, np.inf)
        connection = np.where(lane[:, None] >= 0, self._lines.movements[lane], NONE)
        connection = self._as_signalled(connection, self._picture.ints["lights"][slots])
        used = np.flatnonzero((connection >= 0).any(axis=0))
        connection = connection[:, : used[-1] + 1 if len(used) else 1]  # few lanes have many ways on
        row = np.where(connection >= 0, self._phases.rows(self.table)[connection], UNKNOWN)
        return FirstLine(lane, distance, self._lines.is_certain[own], connection, row)

    def lines(self, slots: Ints) -> LinesAhead:
        """All lines ahead of these, on the straightest way."""
        n = len(slots)
        if self._lines is None or self._phases is None:
            nothing = np.full((n, MOST_LINES), NONE)
            empty = np.full((n, MOST_LINES), np.inf)
            return LinesAhead(nothing, empty, empty, nothing + UNKNOWN - NONE)
        own, offset = self._placement.lane[slots], self._to_bumper_m(slots)
        lane = np.where(own[:, None] >= 0, self._lines.ahead[own], NONE)
        straight = np.where(lane >= 0, self._lines.movements[lane, 0], NONE)
        row = np.where(straight >= 0, self._phases.rows(self.table)[straight], UNKNOWN)
        distance = np.where(lane >= 0, self._lines.way_m[own] - offset[:, None], np.inf)
        return LinesAhead(lane, distance, self._lines.limit_mps[own], row)

    def is_right_turn(self, connection: Ints) -> Mask:
        """Whether movements (any shape) turn right."""
        return np.asarray((connection >= 0) & self._known().is_right[connection]) if self._lines else connection >= 0

    def line_name(self, lane: int) -> str:
        """The lane's name on the map."""
        return str(self._known().lane_id[lane])

    def shown(self, connection: int) -> tuple[str | None, int, float | None]:
        """For people: the phase that holds a connection, what it shows now, and for how many seconds still."""
        if connection < 0 or self._phases is None:
            return None, 0, None
        key, rows = int(self._phases.keys[connection]), self._phases.rows(self.table)[[connection]]
        light, end_us = (int(one[0]) for one in self.table.present(rows, self.now_us))
        rest_s = round((end_us - self.now_us) / 1e6, 1) if end_us < FOREVER_US else None
        return named(key) if key >= 0 else None, light, rest_s

    def place(self, lane: int) -> tuple[float, float, float]:
        """Where the line is: east, north, up in metres."""
        east, north, up = self._known().end[lane].tolist()
        return east, north, up

    def _known(self) -> StopLines:
        if self._lines is None:
            raise LookupError("there are no roads, and so no lines")
        return self._lines

    def _to_bumper_m(self, slots: Ints) -> Floats:
        """Metres along the lane of the front bumper now."""
        picture = self._picture
        since_s = (self.now_us - picture.ints["time_us"][slots]) / 1e6
        way = picture.floats["speed_mps"][slots] * since_s
        return np.asarray(self._placement.along_m(picture, slots) + way + picture.floats["length_m"][slots] / 2.0)

    def _as_signalled(self, connection: Ints, lights: Ints) -> Ints:
        """Only those to the side of a turn signal, where there are any."""
        lines = self._known()
        for lamp, is_side in ((Lamp.LEFT, lines.is_left), (Lamp.RIGHT, lines.is_right)):
            fits = (connection >= 0) & is_side[connection]
            chosen = ((lights & lamp) > 0) & ((lights & Lamp.HAZARD) == 0) & fits.any(axis=1)
            connection = np.where(chosen[:, None] & ~fits, NONE, connection)
        return connection
