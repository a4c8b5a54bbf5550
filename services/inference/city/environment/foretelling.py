"""The outlooks of a site's series while it runs: kept on a grid, learnt anew once a day, told once in half an hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from chelu.messages import Batch
from chelu.quantities import by_name
from chelu.store import TableColumn
from services.inference.city.environment import outlook
from services.inference.city.environment.outlook import AHEAD, LENGTH, STEP_S, STEPS_A_DAY, Model, Outlook
from services.inference.city.environment.series import Grid, Names, rounds
from services.inference.reports import Ints

TABLE = "city.outlook"
WATER_LEVEL = by_name()["water_level"].code
FORETOLD = (WATER_LEVEL, *(by_name()[name].code for name in ("pm2_5", "pm10", "ozone", "nitrogen_dioxide")))
RAIN = by_name()["precipitation_rate"].code
_STEP_US = STEP_S * 1_000_000
_ALL = np.zeros(1, np.int64)  # the one series of the site's rain

OUTLOOK_COLUMNS = (
    TableColumn("time", "timestamptz", "time_us"),
    TableColumn("site_id", "text", "site_id"),
    TableColumn("device_key", "integer", "device_key"),
    TableColumn("quantity", "smallint", "quantity"),
    TableColumn("channel", "integer", "channel", is_nullable=True, mask="channel_valid"),
    TableColumn("ahead_s", "integer", "ahead_s"),
    TableColumn("low", "double precision", "low"),
    TableColumn("middle", "double precision", "middle"),
    TableColumn("high", "double precision", "high"),
    TableColumn("method", "text", "method"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """An outlook of a series (device key, quantity's code, channel + 1), from the end of a step on."""

    series: tuple[int, int, int]
    from_us: int
    outlook: Outlook

    def highest(self, until_us: int) -> tuple[float, float]:
        """Of what is expected, and of what is feared, until then; NaN where that is before the first horizon."""
        within = [at for at, ahead in enumerate(AHEAD) if self.from_us + ahead * _STEP_US <= until_us]
        if not within:
            return float("nan"), float("nan")
        return float(self.outlook.middle[within].max()), float(self.outlook.high[within].max())


@dataclass(slots=True)
class _Known:
    """What is kept of a series: its model, the step after which it was learnt, and the one that was last told of."""

    model: Model | None = None
    learnt: int = -STEPS_A_DAY
    told: int = 0
    newest: Told | None = field(default=None)


def known_as_log(quantity: int) -> bool:
    """Whether a quantity is foretold by its logarithms: concentrations are."""
    return quantity != WATER_LEVEL


class Foreteller:
    """Of one site. Owned by one thread."""

    def __init__(self) -> None:
        self._names, self._grid = Names(), Grid(STEP_S, LENGTH)
        self._rain = Grid(STEP_S, LENGTH)
        self._known: dict[int, _Known] = {}

    def hear(self, rows: Batch, now_us: int) -> list[Told]:
        """Readings with their device's key; the outlooks of the series for which a step is over."""
        self._hear_rain(rows.take(rows["quantity"] == RAIN))
        rows = rows.take(np.isin(rows["quantity"], FORETOLD) & np.isfinite(rows["value"]))
        if not len(rows):
            return []
        series, time_us = self._names.of(rows), rows["time_us"].astype(np.int64)
        for chosen in rounds(series, time_us):
            self._grid.add(series[chosen], time_us[chosen], rows["value"][chosen].astype(np.float64))
        return [told for one in np.unique(series).tolist() if (told := self._told(one, now_us)) is not None]

    def newest(self, device: int, quantity: int) -> Told | None:
        """The last outlook of a device's quantity, of its first channel."""
        for number, key in enumerate(self._names.keys):
            if key[:2] == (device, quantity) and number in self._known:
                return self._known[number].newest
        return None

    def _hear_rain(self, rows: Batch) -> None:
        order = np.argsort(rows["time_us"], kind="stable")
        for time_us, value in zip(rows["time_us"][order].tolist(), rows["value"][order].tolist(), strict=True):
            self._rain.add(_ALL, np.array([time_us]), np.array([value]))

    def _told(self, series: int, now_us: int) -> Told | None:
        """From the last step that is over, if it was not told of; nothing of what is older than two steps."""
        number = np.array([series])
        step = int(self._grid.last[series]) - 1
        known = self._known.setdefault(series, _Known())
        if step <= known.told or (step + 3) * _STEP_US < now_us:
            return None
        values, rain = self._grid.window(number, LENGTH, np.array([step]))[0], self._rain_until(step)
        if known.model is None or step - known.learnt >= STEPS_A_DAY:
            known.model, known.learnt = outlook.fit(values, rain, is_log=known_as_log(self._names.keys[series][1])), step
        known.told = step
        found = outlook.forecast(known.model, values, rain) if known.model is not None else None
        known.newest = None if found is None else Told(self._names.keys[series], (step + 1) * _STEP_US, found)
        return known.newest

    def _rain_until(self, step: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        if not len(self._rain.last):
            return np.zeros(LENGTH)
        return np.asarray(self._rain.window(_ALL, LENGTH, np.array([step]))[0], np.float64)


def outlook_rows(told: Sequence[Told], site_id: str) -> Batch:
    """Rows of city.outlook: one a horizon."""
    each = len(AHEAD)

    def repeated(values: Sequence[int]) -> Ints:
        return np.repeat(np.array(values, np.int64), each)

    channel = repeated([one.series[2] for one in told])
    parts = {
        name: np.concatenate([np.empty(0), *(getattr(one.outlook, name) for one in told)]) for name in ("low", "middle", "high")
    }
    return Batch(
        {
            "time_us": repeated([one.from_us for one in told]),
            "site_id": np.full(each * len(told), site_id, object),
            "device_key": repeated([one.series[0] for one in told]).astype(np.int32),
            "quantity": repeated([one.series[1] for one in told]).astype(np.int16),
            "channel": np.maximum(channel - 1, 0).astype(np.int32),
            "channel_valid": channel > 0,
            "ahead_s": np.tile(np.array(AHEAD, np.int32) * STEP_S, len(told)).astype(np.int32),
            **parts,
            "method": np.array([method for one in told for method in one.outlook.method], object),
        }
    )
