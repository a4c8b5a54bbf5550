"""Forecasts of all sites while they run: each five minutes, on a thread of its own, from the stored state and what came since.

A site's own model forecasts while it is better than the best simple method (`watch.Watch`); without a model the best simple
method does. A model is looked for at every step, so one that was trained meanwhile serves without a new start.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chelu.errors import CheluError
from chelu.topics import FORECAST
from services.inference.city.announcing import Announcer, Publish, Store
from services.inference.city.beside import Beside
from services.inference.city.forecast.ahead import AheadWatch
from services.inference.city.forecast.history import STEP_S, History
from services.inference.city.forecast.model import QUANTILES, ForecastModel
from services.inference.city.forecast.outlet import Told, document, rows_to_store, watch_to_store
from services.inference.city.forecast.readings import DAY_S, LONGEST_GAP_STEPS, Values
from services.inference.city.forecast.simple import METHODS
from services.inference.city.forecast.watch import MODEL, Watch
from services.inference.reports import Floats, Ints
from services.inference.storage import FORECAST as TABLE
from services.inference.storage import FORECAST_WATCH, Item

log = logging.getLogger(__name__)

_WAITING = 16  # steps: an hour of one site; beyond, the oldest are dropped and counted
Load = Callable[[str, int], Iterable[tuple[str, Ints, Floats]]]


@dataclass(frozen=True, slots=True)
class Step:
    """What a site's n segments were like in five minutes: mean and free speed (n,), NaN unknown; places (n, 3): °, °, m."""

    site_id: str
    segments: tuple[str, ...]
    places: Floats
    time_us: int
    speed_mps: Floats
    free_mps: Floats


@dataclass(slots=True)
class _Site:
    """model, stamp: as it was read, and when its file was written; None: there is none that can be read."""

    history: History
    ahead: AheadWatch
    watch: Watch
    model: ForecastModel | None = None
    stamp: float | None = None


class ForecastDesk:
    """`take` is called by the thread of traffic state; everything else happens on this one's.

    load: what is stored of a site's segments up to an instant; directory: of the sites' models, ``SITE.onnx``.
    """

    def __init__(self, load: Load, publish: Publish, store: Store, announcer: Announcer, directory: Path | None) -> None:
        self._load, self._publish, self._store, self._announcer = load, publish, store, announcer
        self._directory = directory
        self._sites: dict[str, _Site] = {}
        self.counts: Counter[str] = announcer.counts
        self._beside = Beside("forecast", self._forecast, failed=self._failed, dropped=self._dropped, most=_WAITING)

    def take(self, step: Step) -> None:
        """Forecast from this on; never waits."""
        self._beside.put(step)

    def stop(self) -> None:
        """End the thread; what waits is dropped."""
        self._beside.stop()

    def _dropped(self) -> None:
        self.counts["forecast_steps_dropped"] += 1

    def _failed(self, step: Step) -> str:
        self.counts["forecast_faults"] += 1
        self._forget(step.site_id, "a fault")
        return f"the forecast of site {step.site_id} begins anew"

    def _forecast(self, step: Step) -> None:
        site = self._of(step)
        site.history.add(step.speed_mps, step.time_us)
        self._look_for_model(step.site_id, site)
        readings = site.history.readings()
        newest = np.array([len(readings) - 1])
        made: dict[str, Values] = {name: method(readings, newest)[0] for name, method in METHODS.items()}
        low = high = np.full_like(next(iter(made.values())), np.nan)
        if site.model is not None:
            foreseen = site.model.forecast(readings).values[0]
            made[MODEL] = foreseen[..., QUANTILES.index(0.5)]
        method = site.watch.step(readings.values[-1], made)
        if method == MODEL:
            low, high = foreseen[..., 0], foreseen[..., -1]
        rows = np.flatnonzero(np.isfinite(readings.values[-LONGEST_GAP_STEPS:]).any(axis=0))
        names = tuple(step.segments[row] for row in rows.tolist())
        speed, low, high = (np.maximum(one[rows], 0.0) for one in (made[method], low, high))
        watch = site.watch
        self._tell(Told(step.site_id, step.time_us, method, names, speed, low, high, watch.compared(), watch.errors()))
        self._announcer.tell(site.ahead.update(step.speed_mps, step.free_mps, made[method], step.time_us))

    def _tell(self, told: Told) -> None:
        self.counts[f"forecasts_by_{told.method}"] += 1
        self._publish(FORECAST.format(site=told.site_id), document(told))
        self._store(Item(TABLE, rows_to_store(told)))
        self._store(Item(FORECAST_WATCH, watch_to_store(told)))

    def _of(self, step: Step) -> _Site:
        """The site's history, begun with what is stored; a new one for other segments."""
        found = self._sites.get(step.site_id)
        if found is None or found.history.segments != step.segments:
            self._forget(step.site_id, "new roads")
            found = _Site(History(step.segments), AheadWatch(step.site_id, step.segments, step.places), _watch(has_model=False))
            before_us = step.time_us - STEP_S * 1_000_000
            try:
                found.history.fill(self._load(step.site_id, before_us), before_us)
            except CheluError as error:
                log.warning("the forecast of site %s begins without what is stored: %s", step.site_id, error)
            self._sites[step.site_id] = found
        return found

    def _forget(self, site_id: str, why: str) -> None:
        found = self._sites.pop(site_id, None)
        if found is not None:
            self._announcer.tell(found.ahead.end(why))

    def _look_for_model(self, site_id: str, site: _Site) -> None:
        """Take over a model that is new, or a newer file of it; one that cannot be read is said once."""
        file = None if self._directory is None else self._directory / f"{site_id}.onnx"
        stamp = file.stat().st_mtime if file is not None and file.is_file() else None
        if stamp == site.stamp or file is None:
            return
        site.stamp, site.model = stamp, None
        if stamp is not None:
            try:
                site.model = _read(file)
                log.info("site %s is forecast by %s", site_id, file)
            except CheluError as error:
                log.warning("site %s goes on without a model: %s", site_id, error)
        site.watch = _watch(has_model=site.model is not None)


def _read(file: Path) -> ForecastModel:
    model = ForecastModel(file, threads=1)  # the others are for those who warn
    if model.about.step_s != STEP_S:
        raise CheluError(f"the model {file} forecasts steps of {model.about.step_s} s, and state comes each {STEP_S} s")
    return model


def _watch(*, has_model: bool) -> Watch:
    return Watch(tuple(METHODS), DAY_S // STEP_S, has_model=has_model)
